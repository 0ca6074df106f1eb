"""Endpoints of playbooks and receivers of notifications are connected to, and never called."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from reconciler.cli.doctor import machine
from reconciler.cli.doctor.called import allowed_endpoints, endpoint, receiver
from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding
from reconciler.daemon.plugins import GROUP
from reconciler.model.connections import Endpoint
from reconciler.model.daemon_config import Reach
from reconciler.model.names import ProjectName, StageName
from reconciler.model.notifications import Notification
from tests.cli.conftest import Reconciler, Site, git
from tests.cli.doctor.looking import seen, wrong

NOTHING = frozenset[str]()
SECRET = "T0/B0/s3cr3tOfTheChat"
BOOK = """\
remediations:
- name: x
  actions:
  - {action: webhook, value: runbooks}
  - {action: webhook, value: {endpoint: pagers, data: {a: b}}}
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Somebody who takes connections, and to whom nothing may be said."""
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        yield door


def heard(door: socket.socket) -> bytes:
    """Return what was said in the one connection that was made."""
    door.settimeout(60)
    connection, _ = door.accept()
    with connection:
        connection.settimeout(60)
        return connection.recv(100)


def at(door: socket.socket, path: str = "/") -> str:
    return f"http://127.0.0.1:{door.getsockname()[1]}{path}"


def test_an_endpoint_is_connected_to_and_told_nothing(listening: socket.socket) -> None:
    found = list(endpoint("shop/production", "runbooks", Endpoint(at(listening)), 60).examine())
    assert heard(listening) == b""
    told = seen(found)["endpoint-reach", "ok"]
    assert told.about == "shop/production, endpoint runbooks"
    assert told.found == f"127.0.0.1:{listening.getsockname()[1]} takes connections; nothing was sent"


def test_a_receivers_address_is_a_secret(listening: socket.socket, tmp_path: Path) -> None:
    (tmp_path / "chat").write_text(at(listening, f"/services/{SECRET}"))
    there = Notification("chat", "slack", url_file=tmp_path / "chat")
    found = list(receiver("shop", there, 60).examine())
    assert heard(listening) == b""
    assert seen(found)["notification-reach", "ok"].about == "shop, notification chat"
    assert SECRET not in str(found)


def test_nobody_there_is_a_problem() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        url = at(door, f"/{SECRET}")
    (told,) = wrong(receiver("shop", Notification("chat", "webhook", url=url), 60).examine()).values()
    assert told.verdict == "problem"
    assert "cannot be reached" in told.found
    assert SECRET not in str(told)


def test_a_name_that_nobody_knows_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (told,) = endpoint("shop/production", "runbooks", Endpoint("https://runbooks.example"), 60).examine()
    assert (told.verdict, told.check) == ("problem", "endpoint-reach")
    assert "Name or service not known" in told.found
    assert "its name is known here" in told.do


def test_an_address_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    there = Notification("chat", "slack", url_file=tmp_path / "missing")
    assert wrong(receiver("shop", there, 60).examine())["notification-reach"].verdict == "problem"


def judged(calls: dict[str, tuple[str, ...]], *allowed: str) -> list[Finding]:
    content = Content(ProjectName("shop"), StageName("production"), endpoints=calls)
    places = {name: Endpoint("https://a.example") for name in allowed}
    reach = Reach(NOTHING, NOTHING, NOTHING, NOTHING, places, None, None)
    return list(allowed_endpoints("shop/production", content, reach))


def test_what_playbooks_call_has_to_be_allowed() -> None:
    calls = {"runbooks": ("a", "b", "c", "d"), "pagers": ("a",)}
    assert judged({}) == []
    assert seen(judged(calls, "runbooks", "pagers"))["endpoints", "ok"].found == "pagers, runbooks: allowed"
    (told,) = judged(calls, "runbook", "pagers")
    assert told.verdict == "problem"
    assert told.found == "the playbook of a, b, c and 1 more calls the endpoint `runbooks`, which is not allowed"
    assert told.do == "there is runbook; else add `allow.endpoints.runbooks: {url: ...}` to the stage"


def test_all_of_it_is_looked_at(site: Site, reconciler: Reconciler, listening: socket.socket) -> None:
    (site.clone / "carts" / "remediation.yaml").write_text(BOOK, "utf-8")
    git(site.clone, "commit", "-qam", "Call somebody")
    git(site.clone, "push", "-q", "origin", "production")
    text = site.config.read_text("utf-8")
    shown = f"        allow: {{endpoints: {{runbooks: {{url: '{at(listening)}'}}}}}}\n"
    told = f"    notifications: [{{name: desk, kind: webhook, url: '{at(listening)}'}}]\n"
    site.config.write_text(f"{text}{shown}{told}", "utf-8")
    result = reconciler("doctor", "-c", site.config, "-o", "json")
    found = [
        (each["check"], each["verdict"])
        for each in json.loads(result.out)["findings"]
        if each["check"] in ("endpoints", "endpoint-reach", "notification-reach")
    ]
    assert found == [("endpoints", "problem"), ("endpoint-reach", "ok"), ("notification-reach", "ok")]
    assert (heard(listening), heard(listening)) == (b"", b"")


# What other packages bring


def test_an_action_that_cannot_be_loaded_is_told_before_the_daemon_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = [EntryPoint("breaker", "nobody_has_this:action", GROUP), EntryPoint("other", "json:dumps", GROUP)]
    monkeypatch.setattr(machine, "installed", lambda: points)
    first, second = machine.actions()
    assert {(each.check, each.verdict) for each in (first, second)} == {("plugins", "problem")}
    assert "`breaker` of a package without a name cannot be loaded: ModuleNotFoundError" in first.found
    assert second.found == "a package without a name brings an action without `names`"
    monkeypatch.setattr(machine, "installed", list)
    assert list(machine.actions()) == []
