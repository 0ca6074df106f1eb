"""`notifications` in `reconciler.yaml`: who is told of what, and addresses that are secrets kept out of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.decide.remediation import ENDINGS
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProjectName
from reconciler.model.notifications import ENDS, FOR_PEOPLE, FOR_THE_PROBLEM, UNHEALED, Notification
from reconciler.model.schema import load_schema
from reconciler.model.step import EVENTS

HEAD = "projects:\n  shop:\n    repository: {url: x}\n    notifications:\n"


def load(*items: str) -> tuple[Notification, ...]:
    text = HEAD + "".join(f"    - {item}\n" for item in items)
    return load_daemon_config(text.encode(), "etc/reconciler.yaml").projects[ProjectName("shop")].notifications


def refused(*items: str) -> tuple[UserError, ...]:
    with pytest.raises(InvalidFile) as caught:
        load(*items)
    return tuple(caught.value.errors)


def test_all_kinds() -> None:
    assert load(
        '{name: on-call, kind: webhook, url: "https://hooks.example.com/x", tokenFile: hook.token, caFile: ca.crt}',
        "{name: chat, kind: slack, urlEnv: SLACK_URL, events: [held, decided], stages: [production], deadline: 3s}",
        "{name: dt, kind: dynatrace, urlFile: dt.url, tokenEnv: DT_TOKEN}",
    ) == (
        Notification(
            "on-call", "webhook", url="https://hooks.example.com/x",
            token_file=Path("etc/hook.token"), ca_file=Path("etc/ca.crt"),
        ),
        Notification(
            "chat", "slack", url_env="SLACK_URL", events=frozenset({"held", "decided"}),
            stages=frozenset({"production"}), deadline=3.0,
        ),
        Notification(
            "dt", "dynatrace", url_file=Path("etc/dt.url"), token_env="DT_TOKEN", events=FOR_THE_PROBLEM,
        ),
    )  # fmt: skip


def test_without_any_nobody_is_told() -> None:
    config = load_daemon_config(b"projects: {shop: {repository: {url: x}}}", "reconciler.yaml")
    assert config.projects[ProjectName("shop")].notifications == ()


def test_stages_narrow_who_is_told() -> None:
    (every, some) = load(
        "{name: a, kind: webhook, url: 'http://x'}", "{name: b, kind: webhook, url: 'http://x', stages: [production]}"
    )
    assert [every.wants(stage) for stage in ("production", "dev")] == [True, True]
    assert [some.wants(stage) for stage in ("production", "dev")] == [True, False]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("{name: a, kind: webhook}", "there is no address"),
        ("{name: a, kind: webhook, url: 'http://x', urlEnv: X}", "`url` and `urlEnv` exclude each other"),
        ("{name: a, kind: slack, url: 'https://hooks.example.com/s3cret'}", "is a secret"),
        ("{name: a, kind: slack, urlEnv: X, tokenEnv: Y}", "`tokenEnv` means nothing for `slack`"),
        ("{name: a, kind: webhook, urlEnv: X, tokenEnv: Y, tokenFile: z}", "exclude each other"),
        ("{name: a, kind: dynatrace, url: 'http://x'}", "needs `tokenFile` or `tokenEnv`"),
        ("{name: a, kind: webhook, urlEnv: X, deadline: 0s}", "no time at all"),
        ("{name: a, kind: webhook, urlEnv: X, events: [exploded]}", "exploded"),
        ("{name: a, kind: webhook, urlEnv: X, events: []}", "events"),
        ("{name: a, kind: carrier-pigeon, urlEnv: X}", "carrier-pigeon"),
        ("{name: ../a, kind: webhook, urlEnv: X}", "../a"),
        ("{kind: webhook, urlEnv: X}", "name"),
        ("{name: a, kind: webhook, urlEnv: X, token: hunter2-hunter2}", "holds a secret"),
    ],
)
def test_what_is_refused(item: str, told: str) -> None:
    (error,) = refused(item)
    assert told in error.message
    assert error.place is not None
    assert error.place.line == 5
    assert "s3cret" not in str(error)
    assert "hunter2" not in str(error)


def test_two_of_one_name_are_refused() -> None:
    (error,) = refused("{name: a, kind: webhook, urlEnv: X}", "{name: a, kind: slack, urlEnv: Y}")
    assert error.message == "a second `a`"
    assert error.place is not None
    assert error.place.line == 6


def test_events_are_those_of_steps_and_unhealed() -> None:
    project = load_schema("reconciler")["properties"]["projects"]["additionalProperties"]["properties"]
    assert set(project["notifications"]["items"]["properties"]["events"]["items"]["enum"]) == EVENTS | {UNHEALED}
    assert FOR_PEOPLE - {UNHEALED} <= EVENTS
    assert ENDS == ENDINGS
