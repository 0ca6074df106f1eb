"""The daemon as a whole: what ends it, and what it takes up without being ended."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from structlog.testing import capture_logs

from reconciler.daemon import stopping
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import Daemon
from reconciler.model.errors import BugError
from tests.daemon.site import Site, eventually


@pytest.mark.parametrize(
    ("died", "raised"), [(SystemExit(0), BugError), (RuntimeError("no"), RuntimeError), (BugError("no"), BugError)]
)
def test_a_project_that_ends_by_itself_ends_the_daemon_and_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, died: BaseException, raised: type[Exception]
) -> None:
    def run(loop: ProjectLoop) -> None:
        raise died

    monkeypatch.setattr(ProjectLoop, "run", run)
    with pytest.raises(raised) as caught:
        Daemon(site.config, structlog.get_logger()).run()
    assert caught.value is died or type(died).__name__ in str(caught.value)


@contextmanager
def running(site: Site) -> Iterator[None]:
    ready = threading.Event()
    daemon = Daemon(site.config, structlog.get_logger(), on_ready=ready.set)
    thread = threading.Thread(target=daemon.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(20)
        yield
        assert thread.is_alive()
    finally:
        daemon.stop()
        thread.join(20)
    assert not thread.is_alive()


def test_a_stop_ends_the_process_in_time_whatever_is_still_being_closed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = threading.Event()
    statuses: list[int] = []
    close = ProjectLoop.close

    def leave(status: int) -> None:
        statuses.append(status)
        left.set()

    def hang(loop: ProjectLoop) -> None:
        assert left.wait(20)
        close(loop)

    monkeypatch.setattr(stopping, "_GONE_WITHIN", 0.3)
    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(ProjectLoop, "close", hang)
    with capture_logs() as lines, running(site):
        pass
    assert statuses == [1]
    assert any("in time" in line["event"] for line in lines)


def test_a_stop_that_is_over_leaves_nothing_behind_that_would_end_the_process(site: Site) -> None:
    with running(site):
        pass
    eventually(lambda: not any(isinstance(each, threading.Timer) for each in threading.enumerate()), "let go of")


@pytest.mark.parametrize(
    "block",
    ["evidence: {plugins: {nobody-has-it: {}}}", "evidence: {prometheus: {url: 'https://h/?a=b'}}", "evidence: [",
     "allow: {nonsense: 1}"],
)  # fmt: skip
def test_a_changed_configuration_that_cannot_work_leaves_the_old_one_in_force(site: Site, block: str) -> None:
    with capture_logs() as lines, running(site):
        old = site.config.read_text()
        site.config.write_text(f"{old}        {block}\n")
        eventually(lambda: any("the old one stays" in line["event"] for line in lines), "refused")
        site.problem("p1", "Response time degradation")
        eventually(lambda: "applied" in site.events(), "applied under the old one")
        site.config.write_text(f"{old}# mended\n")
        eventually(lambda: any(line["event"] == "the configuration was read again" for line in lines), "taken up")
    assert [line for line in lines if line["event"] == "held"] == []
