"""A person's verbs, a running daemon and a remote: what is said to be done is in the repository."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from reconciler.daemon.service import Daemon
from tests.cli.conftest import Reconciler, Site, git

TOKEN = "a-very-secret-token"
CARTS = ("--project", "shop", "--stage", "production", "--service", "carts")
PROBLEMS = "ops/production/carts/problems"
SERVED = (
    "server: {listen: '127.0.0.1:0'}\nwebhooks:\n"
    "  problem: {auth: {kind: bearer, tokenFile: token}}\n"
    "  cloudevents: {auth: {kind: bearer, tokenFile: token}}\n"
)


@pytest.fixture
def daemon(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Run a daemon on the site and tell the environment where it is; we stand in no clone."""
    (site.config.parent / "token").write_text(TOKEN, "utf-8")
    site.config.write_text(site.config.read_text("utf-8") + SERVED, "utf-8")
    monkeypatch.chdir(tmp_path)
    ready = threading.Event()
    with capture_logs() as lines:
        running = Daemon(site.config, structlog.get_logger(), on_ready=ready.set)
        thread = threading.Thread(target=running.run, daemon=True)
        thread.start()
        try:
            assert ready.wait(20)
            address = next(line["address"] for line in lines if line["event"] == "listening")
            monkeypatch.setenv("RECONCILER_DAEMON", f"http://{address}")
            monkeypatch.setenv("RECONCILER_TOKEN_FILE", str(site.config.parent / "token"))
            yield site
        finally:
            running.stop()
            thread.join(20)
    assert not thread.is_alive()


def test_what_a_daemon_was_told_is_in_the_repository(reconciler: Reconciler, daemon: Site, tmp_path: Path) -> None:
    titled = ("--title", "Nobody knows this", "--id", "slow-1")
    opened = reconciler("problem", "open", *CARTS, *titled, "-o", "json")
    assert opened.code == 0, opened.err
    (receipt,) = json.loads(opened.out)["problems"]
    assert receipt["path"] == f"{PROBLEMS}/slow-1.yaml"
    assert 'title: "Nobody knows this"' in git(daemon.remote, "show", f"{receipt['commit']}:{receipt['path']}")
    assert reconciler("problem", "open", *CARTS, *titled).out.startswith("already there, in ")

    assert reconciler("problem", "resolve", "slow-1", *CARTS).code == 0
    assert 'state: "resolved"' in daemon.show(f"{PROBLEMS}/slow-1.yaml")

    data = {"State": "OPEN", "PID": "7", "ProblemTitle": "Nor this", "project": "shop", "stage": "production"}
    event = {"specversion": "1.0", "type": "sh.keptn.events.problem", "source": "tool", "id": "1"}
    file = tmp_path / "event.json"
    file.write_text(json.dumps({**event, "data": {**data, "service": "carts"}}), "utf-8")
    sent = reconciler("send", "event", file)
    assert sent.code == 0, sent.err
    told = daemon.show(f"{PROBLEMS}/cloudevents-7.yaml")

    file.write_text(json.dumps({**event, "data": {**data, "service": "cart"}}), "utf-8")
    unknown = reconciler("send", "event", file)
    assert (unknown.code, unknown.out) == (1, "")
    assert "carts" in unknown.err
    assert 'title: "Nor this"' in told


def test_a_daemon_that_does_not_know_us_takes_nothing(
    reconciler: Reconciler, daemon: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = git(daemon.remote, "rev-parse", "production")
    monkeypatch.delenv("RECONCILER_TOKEN_FILE")
    results = [reconciler("problem", "open", *CARTS, "--title", "X")]
    monkeypatch.setenv("RECONCILER_TOKEN", "not-this-one")
    results.append(reconciler("problem", "open", *CARTS, "--title", "X"))
    assert [each.code for each in results] == [2, 2]
    assert "RECONCILER_TOKEN" in results[0].err
    assert all("answered 401" in each.err for each in results)
    assert not any("not-this-one" in each.err or TOKEN in each.err for each in results)
    assert git(daemon.remote, "rev-parse", "production") == before


def test_what_goes_by_push_is_the_same_problem(
    reconciler: Reconciler, daemon: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = {"State": "OPEN", "PID": "7", "ProblemTitle": "Slow", "stage": "production", "service": "carts"}
    event = {"specversion": "1.0", "type": "sh.keptn.events.problem", "source": "tool", "id": "1"}
    file = tmp_path / "event.json"
    file.write_text(json.dumps({**event, "data": {**data, "project": "shop"}}), "utf-8")
    assert reconciler("send", "event", file).out.startswith("pushed ")
    by_daemon = daemon.show(f"{PROBLEMS}/cloudevents-7.yaml")
    monkeypatch.delenv("RECONCILER_DAEMON")
    pushed = reconciler("send", "event", file, "--repo", daemon.clone)
    assert (pushed.code, pushed.out) == (0, f"already there on production: {PROBLEMS}/cloudevents-7.yaml\n")
    assert daemon.show(f"{PROBLEMS}/cloudevents-7.yaml") == by_daemon
