"""Rows G5 and C3 with `forgeOutage: proceed`: a disk that does not take what is to be kept."""

from __future__ import annotations

import errno
import os

import pytest

from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.site import until
from tests.faults.invariants import Scene
from tests.faults.outage import acted, away, back, goes, history, merges, out, over


def full(*_: object, **__: object) -> object:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("place", ["away._write", "mirror.Mirror.adopt_unanswered"])
def test_g5_proceed_waits_where_the_disk_is_full_when_the_outage_begins(
    proceeding: Scene, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """When it is noted that the remote is away, and when a push that had no answer is kept, which is after that."""
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        scene.problem()
        with scene.blind(loop, "503", "No space left"), monkeypatch.context() as there:
            there.setattr(f"reconciler.repo.{place}", full)
            goes(server)
            out(scene, loop)
        out(scene, loop)
        assert "the remote is away" not in loop.conditions.get("production", ""), "it goes on once there is room"
        back(scene, server)
        scene.applied(loop)


def test_g5_proceed_whose_commits_cannot_be_counted_says_so_and_goes_on(
    proceeding: Scene, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            made = acted(scene, loop)
            with monkeypatch.context() as there:
                there.setattr("reconciler.daemon.outage.unpushed", full)
                loop.tick()
                assert "cannot be counted" in loop.conditions["production/unpushed"]
        assert set(made) <= set(history(site))
        over(scene, loop)


def test_g5_proceed_decides_nothing_beside_what_could_not_be_brought_home_for_a_shortage(
    proceeding: Scene, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
        made = acted(scene, loop)
        with monkeypatch.context() as there:
            there.setattr("reconciler.daemon.outage.bring_home", full)
            back(scene, server)
            for _ in range(3):
                loop.tick()
                assert "No space left" in str(loop.conditions)
                loop.unblock()
                assert site.events() == []
        site.later(90)
        until(loop, lambda: site.events()[-1:] == ["applied"], "what took effect is on the remote")
        over(scene, loop)
        assert set(made) <= set(history(site))
        assert not merges(site)
