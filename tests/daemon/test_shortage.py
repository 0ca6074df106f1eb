"""A machine that is short of something for a while: it is said, everything waits, and nobody dies of it."""

from __future__ import annotations

import errno
import os
import subprocess

import pytest

from reconciler.daemon import project_loop
from reconciler.daemon.shortage import as_ours
from reconciler.model.errors import TransientError, UserError
from reconciler.repo.mirror import Mirror
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import Site, until

TOO_MANY = OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def short(*_: object, **__: object) -> object:
    raise TOO_MANY


def test_what_is_ours_stays_what_it_is() -> None:
    known = UserError("no", hint="yes")
    assert as_ours(known) is known
    assert isinstance(as_ours(MemoryError()), TransientError)


def test_without_a_process_for_git_everything_waits(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with site.loop() as loop:
        with monkeypatch.context() as there:
            there.setattr(subprocess, "Popen", short)
            assert loop.tick() == ()
            assert "git cannot be started: Too many open files" in loop.conditions["project"]
            [(receipt,)] = handed_in(loop, [report()])
            assert receipt.outcome == "unavailable"
        site.problem("p1", "Response time degradation")
        loop.unblock()
        until(loop, lambda: site.events()[-1:] == ["applied"], "goes on")
        assert not loop.conditions


@pytest.mark.parametrize("method", ["fetch", "tips", "write", "push"])
def test_wherever_it_is_short_the_loop_lives(site: Site, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    with site.loop() as loop:
        loop.tick()
        site.problem("p1", "Response time degradation")
        with monkeypatch.context() as there:
            there.setattr(Mirror, method, short)
            assert loop.tick() == ()
            assert "short of something" in " ".join(loop.conditions.values())
            [(receipt,)] = handed_in(loop, [report()])
            assert receipt.outcome == "unavailable"
        assert site.events() == []
        loop.unblock()
        until(loop, lambda: site.events()[-1:] == ["applied"], "goes on")


def test_a_project_that_cannot_be_read_for_a_shortage_is_tried_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.loop() as loop:
        with monkeypatch.context() as there:
            there.setattr(project_loop, "read_project", short)
            assert loop.tick() == ()
            assert "Too many open files" in loop.conditions["project"]
        site.problem("p1", "Response time degradation")
        loop.unblock()
        until(loop, lambda: site.events()[-1:] == ["applied"], "goes on")


def test_a_mirror_that_cannot_be_tidied_up_for_a_shortage_is_left_as_it_is(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Mirror, "cluttered", True)
    monkeypatch.setattr(Mirror, "maintain", short)
    with site.loop() as loop:

        def once() -> float:
            loop.stop()
            return 0.0

        monkeypatch.setattr(loop, "pause", once)
        loop.run()
    assert "the mirror could not be tidied up" in capsys.readouterr().out
