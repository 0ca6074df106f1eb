"""Drift of one field among several, of what was set, and of an autoscaler's minimum."""

from __future__ import annotations

import dataclasses

import pytest

from reconciler.decide.policy import REPAIR_WINDOW
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag, Workload
from tests.decide.test_decision import hpa
from tests.decide.test_drift import applied, changed
from tests.decide.test_held import hold
from tests.decide.world import World


def test_nothing_is_done_about_drift_while_the_next_action_is_on_its_way(world: World) -> None:
    world.playbook(playbook(entry("Response time degradation", "scaling +1", "featuretoggle A:on")))
    world.around.flags = {"A": Flag()}
    applied(world)
    world.later(600)
    world.tick(apply=False)
    assert world.events("p1")[-1] == "decided"
    changed(world, 1)
    assert [step.event for step in world.sweep()] == ["applied"]
    assert [step.event for step in world.sweep()] == ["drift", "applied"]
    assert world.replicas() == 2


def test_what_a_person_changes_while_the_next_action_waits_is_left_until_that_is_done(world: World) -> None:
    one = entry("Response time degradation", "scaling +1", "featuretoggle A:on")
    world.playbook(playbook(one + "    approval: required\n"))
    world.around.flags = {"A": Flag()}
    applied(world)
    world.waited()
    assert hold(world).condition == "approval"
    changed(world, 5, "kubectl-edit")
    assert world.sweep() == []
    assert hold(world).condition == "approval"
    assert world.replicas() == 5


def test_a_repair_counts_for_ten_minutes(world: World) -> None:
    applied(world)
    for _ in range(3):
        changed(world, 1)
        world.sweep()
        world.later(60)
    world.later(REPAIR_WINDOW - 3 * 60)
    changed(world, 1)
    world.sweep()
    assert world.replicas() == 2, "the first of the three was ten minutes ago"
    changed(world, 1)
    world.sweep()
    assert hold(world).condition == "conflict"
    assert "for the 4th time within 10 minutes" in hold(world).reason


def test_what_is_adopted_carries_the_step_that_adopted_it(world: World) -> None:
    world.stage_yaml("drift: adopt\n")
    changed(applied(world), 5)
    (step,) = world.sweep()
    (held,) = world.desired().values()
    assert (held.base, held.value, held.sequence) == (5, 5, step.sequence)
    assert [(claim.by, claim.set) for claim in held.claims] == [(0, None)]


@pytest.mark.parametrize("live", [1, 7])
def test_adopted_what_was_set_and_added_to_is_set_to_what_stands_there(world: World, live: int) -> None:
    world.playbook(playbook(entry("Response time degradation", "scaling {replicas: 4}", "scaling +1")))
    world.stage_yaml("drift: adopt\n")
    applied(world)
    world.waited()
    assert world.replicas() == 5
    changed(world, live)
    world.sweep()
    (held,) = world.desired().values()
    assert (held.base, held.value) == (live, live)
    assert [(claim.by, claim.set) for claim in held.claims] == [(None, live), (None, live)]
    assert world.sweep() == []


def test_a_flag_that_was_switched_back_is_adopted_as_it_is(world: World) -> None:
    world.playbook(playbook(entry("Response time degradation", "featuretoggle A:on")))
    world.around.flags = {"A": Flag()}
    world.stage_yaml("drift: adopt\n")
    applied(world)
    world.around.flags["A"] = Flag(enabled=False, manager="ann")
    world.sweep()
    assert world.values() == {"A": False}
    assert not world.flag("A")


def test_who_changed_an_autoscalers_minimum_is_the_autoscalers_manager(world: World) -> None:
    world.around.workloads["carts-primary"] = Workload(1, manager="some-controller", autoscaler=hpa(1, 8))
    applied(world)
    workload = world.around.workloads["carts-primary"]
    assert workload.autoscaler is not None
    workload.autoscaler = dataclasses.replace(workload.autoscaler, minimum=1, manager="kubectl-edit")
    world.sweep()
    assert hold(world).reason.endswith("was changed 2 → 1 by kubectl-edit")


def test_an_autoscaler_that_is_gone_is_not_one_that_was_changed(world: World) -> None:
    world.around.workloads["carts-primary"] = Workload(1, autoscaler=hpa(1, 8))
    applied(world)
    world.around.workloads["carts-primary"].autoscaler = None
    assert world.sweep() == []


def test_what_is_repaired_carries_the_step_that_repairs_it(world: World) -> None:
    changed(applied(world), 1)
    repaired = next(step for step in world.sweep() if step.event == "drift")
    assert [held.sequence for held in world.desired().values()] == [repaired.sequence]
