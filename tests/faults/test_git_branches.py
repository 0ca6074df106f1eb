"""A stage's branch that is deleted, renamed, or in a repository that is empty: row G4, through the whole loop."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.daemon.site import Site, eventually, git
from tests.faults.invariants import Scene
from tests.faults.showing import shown


@dataclass(frozen=True)
class Loss:
    """How a branch goes and comes back; ``name`` is the condition, ``words`` are what it says."""

    name: str
    words: str
    take: Callable[[Site], None]
    give: Callable[[Site, str], None]


def deleted(site: Site) -> None:
    git(site.clone, "push", "-q", "origin", "--delete", "production")


def pushed_again(site: Site, tip: str) -> None:
    git(site.clone, "fetch", "-q", str(site.remote), "main")
    git(site.clone, "push", "-q", "origin", f"{tip}:refs/heads/production")


def renamed(site: Site) -> None:
    git(site.remote, "branch", "-m", "production", "elsewhere")


def renamed_back(site: Site, _: str) -> None:
    git(site.remote, "branch", "-m", "elsewhere", "production")


def emptied(site: Site) -> None:
    site.remote.rename(site.folder / "kept.git")
    git(site.folder, "init", "-q", "--bare", "-b", "main", str(site.remote))


def restored(site: Site, _: str) -> None:
    shutil.rmtree(site.remote)
    (site.folder / "kept.git").rename(site.remote)


MISSING = "branch refs/heads/production is not there"
LOSSES = [
    Loss("production", MISSING, deleted, pushed_again),
    Loss("production", MISSING, renamed, renamed_back),
    Loss("project", "the repository has no default branch yet", emptied, restored),
]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=["deleted", "renamed", "emptied"])


@each_loss
@pytest.mark.parametrize("far", [False, True], ids=["on this machine", "over HTTP"])
def test_g4_a_branch_that_is_gone_leaves_the_world_as_it_is(
    scene: Scene, loss: Loss, far: bool, request: pytest.FixtureRequest
) -> None:
    """Nothing is scaled back, to nothing, or further, however long it takes; the next problem finds all as it was."""
    site = scene.site
    if far:
        request.getfixturevalue("server")
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        tip = git(site.remote, "rev-parse", "production")
        before = site.events()
        with scene.blind(loop, loss.words):
            loss.take(site)
            for _ in range(5):
                assert loop.tick() == ()
                site.later(120)
            assert loss.name in loop.conditions
        assert site.replicas() == 2
        loss.give(site, tip)
        loop.unblock()
        loop.tick()
        assert not loop.conditions
        assert site.events()[: len(before)] == before
        assert site.replicas() == 2
        scene.problem("p2", "unheard of")
        loop.tick()
    assert "unmatched" in site.events()


@each_loss
def test_g4_what_stands_still_is_shown_wherever_people_look(scene: Scene, loss: Loss) -> None:
    site = scene.site
    scene.problem()
    git(site.clone, "remote", "set-head", "origin", "main")
    with shown(site) as daemon:
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        tip = git(site.remote, "rev-parse", "production")
        loss.take(site)
        of_metric = "" if loss.name == "project" else loss.name
        eventually(lambda: daemon.stands_still(of_metric) == 1, "the metric says so")
        assert loss.words in daemon.conditions()[loss.name]
        assert any(loss.words in reason for reason in daemon.held(loss.name))
        assert f"! {loss.name}: {loss.words}" in daemon.status(site.clone)
        assert site.replicas() == 2
        loss.give(site, tip)
        site.later(90)
        eventually(lambda: daemon.stands_still(of_metric) == 0, "it goes on")
        assert daemon.conditions() == {}
        scene.problem("p2", "unheard of")
        eventually(lambda: "unmatched" in site.events(), "it goes on with what comes")
    assert site.replicas() == 2


def test_g4_a_repository_that_is_empty_at_the_start_is_said(scene: Scene) -> None:
    site = scene.site
    kept = site.folder / "kept.git"
    site.remote.rename(kept)
    git(site.folder, "init", "-q", "--bare", "-b", "main", str(site.remote))
    git(site.remote, "config", "core.logAllRefUpdates", "always")
    with site.loop() as loop:
        with scene.blind(loop, "no default branch yet"):
            assert loop.tick() == ()
            assert loop.tick() == ()
        git(kept, "push", "-q", str(site.remote), "main", "production")
        scene.problem()
        loop.unblock()
        scene.applied(loop)
