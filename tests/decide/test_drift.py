"""A held field that somebody else changed: repaired, adopted, or told and left; and bounds that became narrower."""

from __future__ import annotations

import pytest

from reconciler.model.targets import Mark
from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.test_held import hold
from tests.decide.world import World


def changed(world: World, replicas: int, by: str = "some-controller") -> None:
    world.around.workloads["carts-primary"].replicas = replicas
    world.around.workloads["carts-primary"].manager = by


def applied(world: World) -> World:
    world.open("p1")
    world.tick()
    return world


def test_a_controllers_change_is_repaired(world: World) -> None:
    changed(applied(world), 1)
    world.sweep()
    assert world.events("p1") == ["opened", "decided", "applied", "drift", "applied"]
    assert world.steps[3].subject == "carts: carts-primary was changed 2 → 1 by some-controller; set again"
    assert world.replicas() == 2


def test_a_persons_change_is_told_and_left(world: World) -> None:
    changed(applied(world), 5, "kubectl-edit")
    world.sweep()
    world.sweep()
    assert world.events("p1") == ["opened", "decided", "applied", "held"]
    assert (hold(world).condition, hold(world).reason) == (
        "drift",
        "carts-primary was changed 2 → 5 by kubectl-edit",
    )
    assert world.replicas() == 5
    changed(world, 2, "kubectl-edit")
    world.sweep()
    assert world.events("p1")[-1] == "released"
    assert world.remediation("p1").phase == "applied"


def test_what_is_as_we_hold_it_again_is_waited_for_once_the_clock_is_not_in_doubt(world: World) -> None:
    changed(applied(world), 5, "kubectl-edit")
    world.sweep()
    changed(world, 2, "kubectl-edit")
    world.timers = False
    world.sweep()
    assert world.events("p1")[-1] == "held"
    world.timers = True
    world.sweep()
    assert world.events("p1")[-1] == "released"


def test_retry_sets_it_again(world: World) -> None:
    changed(applied(world), 5, "kubectl-edit")
    world.sweep()
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1")[-2:] == ["released", "applied"]
    assert world.replicas() == 2
    assert world.last("p1").event == "applied"


@pytest.mark.parametrize("where", ["stage.yaml", "carts/service.yaml"])
@pytest.mark.parametrize("who", ["some-controller", "kubectl-edit"])
@pytest.mark.parametrize(("policy", "after"), [("repair", 2), ("adopt", 5), ("report", 5)])
def test_the_policy_may_be_told(world: World, where: str, who: str, policy: str, after: int) -> None:
    world.push({where: f"drift: {policy}\n"})
    changed(applied(world), 5, who)
    world.sweep()
    assert world.replicas() == after
    assert world.sweep() == []
    expected = {"repair": ["drift", "applied"], "adopt": ["drift"], "report": ["held"]}[policy]
    assert world.events("p1")[3:] == expected


def test_adopted_their_change_is_not_given_back(world: World) -> None:
    world.stage_yaml("drift: adopt\nonResolve: revert\n")
    changed(applied(world), 5)
    world.sweep()
    assert world.values() == {"carts-primary": 5}
    world.over("p1")
    assert world.replicas() == 5


def test_what_was_adopted_below_the_base_is_never_given_back_below_it(world: World) -> None:
    world.stage_yaml("drift: adopt\n")
    changed(applied(world), 1)
    world.sweep()
    world.command("undo", "p1")
    world.tick()
    assert world.replicas() == 1


def test_what_carries_a_step_that_the_branch_does_not_have_is_not_written_over(world: World) -> None:
    """Another row of steps did that, which was overruled: whose it is a person says, whoever's name it was done in."""
    changed(applied(world), 8, "reconciler")
    world.around.workloads["carts-primary"].mark = Mark("sockshop/production/carts", 40, "abc")
    steps = world.sweep()
    assert [(step.event, step.sequence) for step in steps] == [("rewritten", 41), ("held", 42)]
    told = "carts-primary was changed 2 → 8 by reconciler; it carries step 40, which the branch does not have"
    assert (hold(world).condition, hold(world).reason) == ("drift", told)
    assert world.replicas() == 8
    assert world.sweep() == []
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1")[-2:] == ["released", "applied"]
    assert world.replicas() == 2


def test_a_lost_step_that_the_branch_is_past_is_not_written_over_either(world: World) -> None:
    changed(applied(world), 8, "reconciler")
    for _ in range(2):
        world.open(f"u{world.sequence}", "nothing like it")
        world.tick()
    world.around.workloads["carts-primary"].mark = Mark("sockshop/production/carts", 0, "abc")
    assert [step.event for step in world.sweep()] == ["held"]
    assert world.replicas() == 8


def test_what_a_lost_step_did_may_be_adopted(world: World) -> None:
    world.stage_yaml("drift: adopt\n")
    changed(applied(world), 8, "reconciler")
    world.around.workloads["carts-primary"].mark = Mark("sockshop/production/carts", 40, "abc")
    assert [step.event for step in world.sweep()] == ["rewritten", "drift"]
    assert world.values() == {"carts-primary": 8}


def test_three_repairs_within_ten_minutes_are_a_conflict(world: World) -> None:
    applied(world)
    for _ in range(3):
        changed(world, 1)
        world.sweep()
        world.later(60)
    assert world.events("p1").count("drift") == 3
    changed(world, 1)
    world.sweep()
    assert hold(world).condition == "conflict"
    assert "by some-controller" in hold(world).reason
    assert world.replicas() == 1


def test_repairs_further_apart_go_on(world: World) -> None:
    applied(world)
    for _ in range(6):
        changed(world, 1)
        world.sweep()
        world.later(300)
    assert world.events("p1").count("drift") == 6
    assert world.replicas() == 2


def test_a_flag_switched_by_hand_is_told_and_left(world: World) -> None:
    world.playbook(playbook(entry("slow", "featuretoggle F:on")))
    world.around.flags = {"F": Flag()}
    world.open("p1", "slow")
    world.tick()
    world.around.flags["F"] = Flag(enabled=False, manager="ann")
    world.sweep()
    assert hold(world).reason == "flag F was changed on → off by ann"
    assert not world.flag("F")


def test_what_an_escalated_remediation_held_is_let_go(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    applied(world)
    world.later(300)
    world.tick()
    changed(world, 5, "kubectl-edit")
    world.sweep()
    assert world.events("p1")[-2:] == ["escalated", "drift"]
    assert world.desired() == {}
    assert world.replicas() == 5


def test_a_lost_step_on_what_an_ended_one_held_moves_no_numbers_since_nothing_is_written(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    applied(world)
    world.later(300)
    world.tick()
    changed(world, 5, "kubectl-edit")
    world.around.workloads["carts-primary"].mark = Mark("sockshop/production/carts", 40, "abc")
    assert [step.event for step in world.sweep()] == ["drift"]
    assert world.desired() == {}


def test_drift_is_told_by_one_that_goes_on_and_takes_nobodys_claim(world: World) -> None:
    world.playbook(playbook(entry("a", "scaling +1"), entry("b", "scaling +1")))
    world.open("p1", "a")
    world.tick()
    world.around.workloads["carts-primary"].slow = True
    world.open("p2", "b")
    world.tick()
    world.later(300)
    world.tick()
    assert world.remediation("p2").outcome == "escalated"
    changed(world, 7, "kubectl-edit")
    world.sweep()
    assert world.events("p1")[-1] == "held"
    assert world.values() == {"carts-primary": 3}


def test_resolved_while_a_repair_is_under_way_keeps(world: World) -> None:
    changed(applied(world), 1)
    decision = world.decide({})
    assert decision.steps == ()
    world.around.workloads["carts-primary"].slow = True
    world.sweep()
    world.resolve("p1")
    assert world.tick() == []
    world.around.workloads["carts-primary"].settled = True
    assert [step.event for step in world.tick()] == ["applied"]
    world.waited()
    assert world.events("p1")[-4:] == ["drift", "applied", "evaluated", "remediated"]
    assert (world.replicas(), world.desired()) == (2, {})


def test_unseen_nothing_drifts(world: World) -> None:
    changed(applied(world), 1)
    world.blind()
    assert world.sweep() == []


def test_a_narrower_bound_lowers_what_is_held(world: World) -> None:
    world.playbook(PLAYBOOK.replace("+1", "+5"))
    applied(world)
    world.service_yaml("bounds: {replicas: {max: 3}}\n")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied", "decided", "applied"]
    assert world.steps[3].subject == "carts: scale 6 → 3 (the bounds are 1..3 now)"
    assert world.replicas() == 3
    assert world.values() == {"carts-primary": 3}


def test_a_bound_never_goes_below_what_was_there_before_us(world: World) -> None:
    world.around.workloads["carts-primary"].replicas = 5
    applied(world)
    world.service_yaml("bounds: {replicas: {max: 3}}\n")
    world.tick()
    assert world.replicas() == 5


def test_a_bound_lowers_what_a_set_holds(world: World) -> None:
    world.playbook(playbook(entry("slow", "scaling {replicas: 6}")))
    world.open("p1", "slow")
    world.tick()
    world.service_yaml("bounds: {replicas: {max: 3}}\n")
    world.tick()
    assert world.replicas() == 3
    assert world.tick() == []


def test_lowering_is_not_one_of_the_hours_actions(world: World) -> None:
    world.playbook(playbook(entry("a", "scaling +5"), entry("b", "scaling -1")))
    world.stage_yaml("budgets: {actionsPerHour: 2}\n")
    world.open("p1", "a")
    world.tick()
    world.stage_yaml("budgets: {actionsPerHour: 2}\nbounds: {replicas: {max: 3}}\n")
    world.tick()
    world.open("p2", "b")
    world.tick()
    assert world.events("p2") == ["opened", "decided", "applied"]
    assert world.replicas() == 2


def test_a_bound_does_not_overwrite_what_a_person_was_asked_about(world: World) -> None:
    world.playbook(PLAYBOOK.replace("+1", "+5"))
    applied(world)
    changed(world, 8, "kubectl-edit")
    world.sweep()
    world.service_yaml("bounds: {replicas: {max: 3}}\n")
    world.tick()
    assert world.remediation("p1").phase == "held"
    assert world.replicas() == 8
    world.command("retry", "p1")
    world.tick()
    assert world.replicas() == 3


def test_nobody_acts_on_a_field_that_a_person_was_asked_about(world: World) -> None:
    world.playbook(playbook(entry("Response", "scaling +1"), entry("b", "scaling +1")))
    changed(applied(world), 7, "kubectl-edit")
    world.open("p2", "b")
    world.tick()
    assert world.events("p1")[-1] == "held"
    assert world.events("p2") == ["opened", "held"]
    assert hold(world, "p2").condition == "conflict"
    assert world.replicas() == 7
    world.command("retry", "p1")
    world.tick()
    assert world.events("p2") == ["opened", "held", "released", "decided", "applied"]
    assert world.replicas() == 3
