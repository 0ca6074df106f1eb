"""What a service that is gone leaves behind: its targets as they are, or as they were before, by policy."""

from __future__ import annotations

import pytest

from tests.decide.world import World

GONE = {"carts/remediation.yaml": None, "carts/slo.yaml": None}


def passed(world: World, policy: str, p90: float | None) -> World:
    """Let an action be evaluated once, while its problem is still open."""
    world.objectives()
    world.stage_yaml(policy)
    if p90 is not None:
        world.around.values["response_time_p90"] = p90
    world.open("p1")
    world.tick()
    world.waited()
    return world


def gone(world: World) -> None:
    world.push(GONE)
    world.tick()


def test_what_helped_is_given_back_where_that_is_the_policy(world: World) -> None:
    gone(passed(world, "onResolve: revert\n", 80.0))
    assert world.events("p1")[-2:] == ["orphaned", "applied"]
    assert world.replicas() == 1
    assert world.desired() == {}
    assert world.tick() == []


def test_what_is_given_back_is_owed_to_the_step_that_says_so(world: World) -> None:
    passed(world, "onResolve: revert\n", 80.0)
    world.push(GONE)
    (orphaned,) = world.tick(apply=False)
    assert orphaned.event == "orphaned"
    assert {(held.sequence, held.by) for held in world.desired().values()} == {(orphaned.sequence, "p1")}


@pytest.mark.parametrize(
    ("policy", "p90"),
    [("onResolve: keep\n", 80.0), ("bounds: {replicas: {max: 4}}\n", 80.0), ("onResolve: revert\n", None)],
    ids=["keep", "nothing said", "nothing measured"],
)
def test_everything_else_is_left(world: World, policy: str, p90: float | None) -> None:
    gone(passed(world, policy, p90))
    assert world.events("p1")[-1] == "orphaned"
    assert world.replicas() == 2
    assert world.desired() == {}


def test_what_somebody_changed_meanwhile_is_left(world: World) -> None:
    passed(world, "onResolve: revert\n", 80.0)
    world.around.workloads["carts-primary"].replicas = 5
    gone(world)
    assert world.replicas() == 5
    assert world.desired() == {}
