"""What becomes of what a remediation holds when it is over: kept or given back, as told or as the target has it."""

from __future__ import annotations

import pytest

from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag, Workload
from tests.decide.test_decision import hpa
from tests.decide.world import World

SLOW = "Response time degradation"


def healed(world: World, *actions: str) -> World:
    """Let actions be done until one helps, and the problem be over."""
    world.playbook(playbook(entry(SLOW, *actions)))
    world.around.flags = {"A": Flag()}
    world.objectives()
    world.around.values["response_time_p90"] = 400.0
    world.open("p1")
    world.tick()
    for _ in actions[1:]:
        world.waited()
    world.around.values["response_time_p90"] = 80.0
    world.over("p1")
    assert world.remediation("p1").outcome == "remediated"
    return world


def minimum(world: World) -> int:
    scaler = world.around.workloads["carts-primary"].autoscaler
    assert scaler is not None
    return scaler.minimum


@pytest.mark.parametrize(("told", "after"), [("", 1), ("onResolve: keep\n", 2), ("onResolve: revert\n", 1)])
def test_an_autoscalers_minimum_is_given_back_unless_it_is_told_to_be_kept(world: World, told: str, after: int) -> None:
    world.stage_yaml(told)
    world.around.workloads["carts-primary"] = Workload(1, autoscaler=hpa(1, 8))
    healed(world, "scaling +1")
    assert minimum(world) == after


def test_beside_what_is_no_lasting_state_everything_is_given_back(world: World) -> None:
    world.around.workloads["carts-primary"] = Workload(1, autoscaler=hpa(1, 8))
    healed(world, "scaling +1", "featuretoggle A:on")
    assert (minimum(world), world.flag("A")) == (1, False)


def test_lasting_state_is_kept(world: World) -> None:
    healed(world, "scaling +1", "featuretoggle A:on")
    assert (world.replicas(), world.flag("A")) == (2, True)


def orphaned(world: World) -> World:
    world.push({"carts/remediation.yaml": None, "carts/slo.yaml": None})
    world.tick()
    assert world.remediation("p1").outcome == "orphaned"
    return world


@pytest.mark.parametrize(("looks", "after"), [((), 2), ((80.0,), 1), ((None,), 2), ((80.0, None), 2)])
def test_an_orphans_is_given_back_only_where_the_newest_look_was_good(
    world: World, looks: tuple[float | None, ...], after: int
) -> None:
    world.stage_yaml("onResolve: revert\n")
    world.objectives()
    world.open("p1")
    world.tick()
    for value in looks:
        world.around.values = {} if value is None else {"response_time_p90": value}
        world.waited()
    orphaned(world)
    assert world.replicas() == after
