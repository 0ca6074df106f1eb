"""The checker itself: each invariant that is broken is noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.unleash import Account, World
from reconciler.model.targets import Mark
from reconciler.targets.unleash import marks
from tests.daemon.site import Site, git
from tests.faults.invariants import ROBOT, Scene


def lose_a_problem(scene: Scene) -> None:
    scene.accepted.add("never-pushed")


def ignore_a_problem(scene: Scene) -> None:
    scene.problem("ignored", "looked at by nobody")


def ignore_a_problem_with_a_part_of_anothers_name(scene: Scene) -> None:
    scene.problem("p", "looked at by nobody")


def decide_again_in_another_row(scene: Scene) -> None:
    """Let a second row decide the same about the same problem, a merge bring both together, and both be applied."""
    remote = scene.site.remote
    decided = git(remote, "rev-list", "-1", "--grep=^Event: decided", "production")
    message = git(remote, "log", "-1", "--format=%B", decided)
    twin = git(remote, "commit-tree", f"{decided}^{{tree}}", "-p", f"{decided}^", "-m", message)
    merge = git(remote, "commit-tree", "production^{tree}", "-p", "production", "-p", twin, "-m", "both")
    git(remote, "update-ref", "refs/heads/production", merge)
    last = scene.site.cluster.journal.writes()[-1]
    notes = {"reconciler.dev/step": f"2:{twin}"}
    scene.site.cluster.journal.add(replace(last, body={"metadata": {"annotations": notes}}))


def write_twice(scene: Scene) -> None:
    scene.site.cluster.journal.add(scene.site.cluster.journal.writes()[-1])


def write_unfounded(scene: Scene) -> None:
    last = scene.site.cluster.journal.writes()[-1]
    notes = {"reconciler.dev/step": f"9:{'a' * 40}"}
    scene.site.cluster.journal.add(replace(last, body={"metadata": {"annotations": notes}}))


def drop_a_commit(scene: Scene) -> None:
    git(scene.site.remote, "update-ref", "refs/heads/production", "production~1")


def tell_a_secret(scene: Scene) -> None:
    scene.secrets.append("carts: scale 1")


def switch(scene: Scene, commit: str) -> None:
    """Let us switch a flag on, off and on again by the same step, with a mark that names a commit."""
    world, who = World(), Account(7, ROBOT)
    scene.watch_flags(world)
    flag = world.create(who, "default", "EnableItemsCache", "release", None)
    mark = marks.encode("production", marks.record(Mark("sockshop/production/carts", 3, commit), True, ""))
    world.retag(who, flag, [(marks.TAG_TYPE, value) for value in mark], [])
    for state in (True, False, True):
        world.switch(who, flag, "production", state)


def switch_twice(scene: Scene) -> None:
    switch(scene, git(scene.site.remote, "rev-parse", "production"))


def switch_unfounded(scene: Scene) -> None:
    switch(scene, "a" * 40)


@pytest.mark.parametrize(
    ("harm", "which"),
    [
        (lose_a_problem, "I1"),
        (ignore_a_problem, "I1"),
        (ignore_a_problem_with_a_part_of_anothers_name, "I1"),
        (decide_again_in_another_row, "I2"),
        (write_twice, "I2"),
        (write_unfounded, "I3"),
        (switch_twice, "I2"),
        (switch_unfounded, "I3"),
        (drop_a_commit, "I4"),
        (tell_a_secret, "I7"),
    ],
)
def test_what_is_broken_is_noticed(tmp_path: Path, harm: Callable[[Scene], None], which: str) -> None:
    with EmbeddedCluster() as cluster:
        scene = Scene(Site(tmp_path, cluster))
        scene.watch()
        scene.problem()
        with scene.site.loop() as loop:
            scene.applied(loop)
            with pytest.raises(AssertionError, match="I8"), scene.blind(loop, "never said"):
                loop.tick()
        scene.check("")
        harm(scene)
        with pytest.raises(AssertionError, match=which):
            scene.check("")
