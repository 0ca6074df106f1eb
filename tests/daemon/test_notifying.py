"""From the daemon's configuration to receivers: addresses and tokens that lie in files, and comments in Dynatrace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reconciler.daemon.clock import SystemClock
from reconciler.daemon.notifying import notifier
from reconciler.daemon.secrets import secret_files
from reconciler.model.daemon_config import ProjectConnections, load_daemon_config
from reconciler.model.names import ProblemId, ProjectName
from reconciler.notify.notifier import Feed, Notifier
from tests.daemon.site import eventually
from tests.evidence.dynatrace.double import TOKEN, served
from tests.notify.making import HELD, STAGE, Claimed, History, log
from tests.targets.endpoints.receiver import receiving


def configured(folder: Path, *items: str) -> ProjectConnections:
    lines = "".join(f"    - {item}\n" for item in items)
    text = f"projects:\n  sockshop:\n    repository: {{url: x}}\n    notifications:\n{lines}"
    return load_daemon_config(text.encode(), str(folder / "reconciler.yaml")).projects[ProjectName("sockshop")]


@contextmanager
def running(folder: Path, *items: str) -> Iterator[tuple[Notifier, Feed]]:
    made = notifier(configured(folder, *items), folder / "state", SystemClock(), log(), seed=1)
    assert made is not None
    made.start(lambda: None)
    history = History([Claimed(HELD.commit, "held", replace(HELD, problems=((ProblemId("dynatrace-7"), "Slow"),)))])
    try:
        yield made, made.feed(STAGE, history)
    finally:
        made.stop()
        made.join(time.monotonic() + 20, time.monotonic)


def stirred(made: Notifier, met: Callable[[], object]) -> Callable[[], object]:
    """Return a look that makes everything be tried again, as a changed secret does."""

    def look() -> object:
        made.stir()
        return met()

    return look


def test_without_receivers_there_is_no_notifier(tmp_path: Path) -> None:
    assert notifier(configured(tmp_path), tmp_path, SystemClock(), log(), seed=1) is None


def test_an_address_and_a_token_may_come_later_and_from_files(tmp_path: Path) -> None:
    item = "{name: on-call, kind: webhook, urlFile: hook.url, tokenFile: hook.token, events: [held]}"
    with receiving() as receiver, running(tmp_path, item) as (made, feed):
        feed.look(HELD.commit)
        (tmp_path / "hook.url").write_text(f"{receiver.url}/services/T0/B0/s3cret\n")
        (tmp_path / "hook.token").write_text("t0ken\n")
        eventually(stirred(made, lambda: receiver.told), "told")
        assert receiver.keys() == [HELD.commit]
        (told,) = receiver.told
        assert (told.path, told.headers["authorization"]) == ("/services/T0/B0/s3cret", "Bearer t0ken")


def test_a_chat_is_sent_a_message(tmp_path: Path) -> None:
    with receiving() as receiver:
        (tmp_path / "slack.url").write_text(receiver.url)
        with running(tmp_path, "{name: chat, kind: slack, urlFile: slack.url}") as (_, feed):
            feed.look(HELD.commit)
            eventually(lambda: receiver.told, "told")
        assert set(receiver.told[0].json()) == {"text", "blocks"}


def test_dynatrace_gets_a_comment_once(tmp_path: Path) -> None:
    with served() as double:
        double.comments["7"] = []
        (tmp_path / "dt.token").write_text("not yet")
        item = f"{{name: dt, kind: dynatrace, url: '{double.url}', tokenFile: dt.token, events: [held]}}"
        with running(tmp_path, item) as (made, feed):
            feed.look(HELD.commit)
            (tmp_path / "dt.token").write_text(TOKEN)
            eventually(stirred(made, lambda: double.comments["7"]), "commented")
        with running(tmp_path, item) as (_, feed):
            feed.look(HELD.commit)
        (comment,) = double.comments["7"]
        assert comment["context"] == HELD.commit
        assert HELD.subject in comment["content"]


def test_an_address_that_is_none_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "dt.url").write_text("dynatrace, of course")
    (tmp_path / "dt.token").write_text(TOKEN)
    item = "{name: dt, kind: dynatrace, urlFile: dt.url, tokenFile: dt.token, events: [held]}"
    with served() as double, running(tmp_path, item) as (made, feed):
        double.comments["7"] = []
        feed.look(HELD.commit)
        (tmp_path / "dt.url").write_text(double.url)
        eventually(stirred(made, lambda: double.comments["7"]), "commented")


def test_files_with_addresses_and_tokens_are_watched(tmp_path: Path) -> None:
    project = configured(tmp_path, "{name: a, kind: webhook, urlFile: a.url, tokenFile: a.token}")
    assert {tmp_path / "a.url", tmp_path / "a.token"} <= set(secret_files(project))
