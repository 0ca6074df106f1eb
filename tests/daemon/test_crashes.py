"""Killed at any moment and started again: nothing is lost, nothing happens twice (real processes, SIGKILL)."""

from __future__ import annotations

import shutil

import pytest

from tests.daemon.site import Site, eventually, git, until

POINTS = ("before-write", "before-push", "after-push", "before-apply", "after-apply", "before-applied-push")


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_failpoint_and_started_again_the_effect_happens_once(site: Site, point: str) -> None:
    site.problem("p1", "Response time degradation")

    eventually(lambda: site.pass_once(point) == -9, f"killed at {point}")
    decided_before_death = "decided" in site.events()
    assert decided_before_death == (point not in ("before-write", "before-push"))
    shutil.rmtree(site.folder / "state")
    eventually(lambda: site.pass_once() == 0 and site.events()[-1:] == ["applied"], "goes on where it stood")

    assert site.events() == ["opened", "decided", "applied"]
    assert site.replicas() == 2
    values = [body["spec"]["replicas"] for body in site.scalings() if "spec" in body]
    assert values == [2]
    assert site.pass_once() == 0
    assert site.events() == ["opened", "decided", "applied"]


def test_the_daemons_disk_is_no_database(site: Site) -> None:
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
    shutil.rmtree(site.folder / "state")
    before = git(site.remote, "rev-parse", "production")
    with site.loop() as loop:
        assert loop.tick() == ()
    assert git(site.remote, "rev-parse", "production") == before
