"""What keeps an action from being decided: freeze, loop guard, cooldown, blast radius, a problem that came long ago."""

from __future__ import annotations

import pytest

from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.world import START, World

SLOW = "Response time degradation"
FROZEN = 'freeze:\n- {schedule: "0 11 * * *", duration: 1h, reason: a big sale}\n'
"""The hour in which every test begins."""


def remediated(world: World, problem: str) -> None:
    """Let a problem come, be acted on, and be over."""
    world.open(problem)
    world.tick()
    world.over(problem)
    assert world.remediation(problem).outcome == "remediated"


def last_hold(world: World, problem: str, service: str = "carts") -> tuple[str, str]:
    hold = world.remediation(problem, service).hold
    assert hold is not None
    return hold.condition, hold.lifts


def test_a_freeze_holds_until_its_window_is_over(world: World) -> None:
    world.stage_yaml(FROZEN)
    world.open("p1")
    steps = world.tick()
    assert [step.event for step in steps] == ["opened", "held"]
    assert steps[1].data["reason"] == "a freeze window is open: a big sale"
    assert last_hold(world, "p1") == ("freeze", "its end at 2026-11-18T12:00:00Z")
    assert world.due == START + 3200
    assert world.waited(3199) == []
    assert [step.event for step in world.waited(1)] == ["released", "decided", "applied"]


def test_a_freeze_keeps_the_next_action_back_and_not_the_evaluation(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1", "scaling +2")))
    world.open("p1")
    world.tick()
    world.stage_yaml(FROZEN)
    assert [step.event for step in world.waited()] == ["evaluated", "held"]
    assert world.replicas() == 2


def test_a_problem_that_is_over_during_the_freeze_is_resolved(world: World) -> None:
    world.stage_yaml(FROZEN)
    world.open("p1")
    world.tick()
    world.resolve("p1")
    assert [step.event for step in world.tick()] == ["resolved"]


def test_the_third_time_within_the_window_a_person_is_called(world: World) -> None:
    world.stage_yaml("loopGuard: {times: 2, within: 2h}\n")
    remediated(world, "p1")
    remediated(world, "p2")
    world.open("p3")
    steps = world.tick()
    assert [step.event for step in steps] == ["opened", "escalated"]
    assert steps[1].data["reason"].startswith('loop guard: "Response time degradation" was acted on 2 times')
    assert world.replicas() == 3


def test_who_was_acted_on_last_is_named_by_time(world: World) -> None:
    """Numbers of steps count within one remediation: which of two is the later one they do not say."""
    world.stage_yaml("loopGuard: {times: 2, within: 2h}\n")
    world.objectives()
    world.around.values["response_time_p90"] = 500.0
    world.playbook(playbook(entry(SLOW, "scaling +1", "scaling +1")))
    world.open("z-first")
    world.tick()
    world.waited()
    world.waited()
    assert world.remediation("z-first").outcome == "escalated"
    world.around.values["response_time_p90"] = 80.0
    remediated(world, "a-second")
    numbers = [world.remediation(name).decisions[-1][0] for name in ("a-second", "z-first")]
    assert numbers == sorted(numbers)
    world.open("m-third")
    assert world.tick()[-1].data["reason"].endswith("within 120 minutes, the last time for a-second")


def test_the_loop_guard_forgets_and_counts_each_entry_alone(world: World) -> None:
    world.stage_yaml("loopGuard: {times: 2, within: 2h}\n")
    world.playbook(playbook(entry(SLOW, "scaling +1"), entry("other", "scaling +1")))
    remediated(world, "p1")
    world.open("p2", "other")
    world.tick()
    assert world.replicas() == 3
    world.later(7200)
    world.open("p3")
    world.tick()
    assert world.replicas() == 4


def test_a_person_may_go_on_in_spite_of_the_loop_guard(world: World) -> None:
    world.stage_yaml("loopGuard: {times: 1, within: 2h}\n")
    remediated(world, "p1")
    world.open("p2")
    world.tick()
    world.command("retry", "p2")
    assert [step.event for step in world.tick()] == ["reopened", "decided", "applied"]


def test_a_cooldown_holds_the_same_entry_until_it_is_over(world: World) -> None:
    world.stage_yaml("cooldown: 20m\n")
    remediated(world, "p1")
    world.open("p2")
    assert [step.event for step in world.tick()] == ["opened", "held"]
    assert last_hold(world, "p2")[0] == "cooldown"
    assert world.due == world.now + 1200
    assert [step.event for step in world.waited(1200)] == ["released", "decided", "applied"]


def test_a_person_may_end_a_cooldown(world: World) -> None:
    world.stage_yaml("cooldown: 20m\n")
    remediated(world, "p1")
    world.open("p2")
    world.tick()
    world.command("retry", "p2")
    assert [step.event for step in world.tick()] == ["released", "decided", "applied"]


def test_a_cooldown_is_not_for_the_next_action(world: World) -> None:
    world.stage_yaml("cooldown: 20m\n")
    world.playbook(playbook(entry(SLOW, "scaling +1", "scaling +2")))
    world.open("p1")
    world.tick()
    assert [step.event for step in world.waited()] == ["evaluated", "decided", "applied"]


@pytest.fixture
def three(world: World) -> World:
    """Three services with a workload each; two of them may be acted on within an hour."""
    kind = type(world.around.workloads["carts-primary"])
    for name in ("orders", "users"):
        world.around.workloads[name] = kind()
        world.playbook(PLAYBOOK, name)
    world.stage_yaml("budgets: {servicesPerHour: 2}\n")
    return world


def test_the_blast_radius_is_a_number_of_services_within_an_hour(three: World) -> None:
    for name in ("carts", "orders", "users"):
        three.open(f"{name}-1", service=name)
    three.tick()
    assert last_hold(three, "users-1", "users") == (
        "budget",
        "the hour going by, or a higher `budgets.servicesPerHour`",
    )
    assert three.due is not None
    three.over("carts-1")
    assert three.remediation("users-1", "users").hold is not None, "an end gives nothing back within the hour"
    three.later(3000)
    three.tick()
    assert three.events("users-1", "users")[-2:] == ["decided", "applied"]


def test_a_service_that_was_acted_on_is_within_the_radius(three: World) -> None:
    for name in ("carts", "orders"):
        three.open(f"{name}-1", service=name)
    three.tick()
    three.open("other", "another title")
    three.playbook(playbook(entry("another title", "scaling +1")))
    three.tick()
    assert three.events("other")[-1] == "applied"


def test_the_oldest_problem_is_first_where_there_is_not_enough_for_all(three: World) -> None:
    three.stage_yaml("budgets: {servicesAtOnce: 1}\n")
    three.open("users-1", service="users")
    three.later(60)
    three.open("carts-1")
    three.tick()
    assert three.events("users-1", "users")[-1] == "applied"
    assert last_hold(three, "carts-1")[0] == "budget"


def old(world: World, p90: float | None) -> World:
    """Let a problem come two hours before anybody looks."""
    world.objectives()
    if p90 is not None:
        world.around.values["response_time_p90"] = p90
    world.open("p1")
    world.later(7200)
    return world


def test_an_old_problem_is_measured_first_and_left_alone_while_the_objectives_are_met(world: World) -> None:
    steps = old(world, 80.0).tick()
    assert [step.event for step in steps] == ["opened", "held"]
    assert last_hold(world, "p1") == ("age", "the objectives failing, or `reconciler retry`")
    assert world.replicas() == 1
    (want,) = world.around.asked
    assert want.end - want.start == 600
    assert world.now - 60 < want.end <= world.now


def test_an_old_problem_is_acted_on_when_the_objectives_fail_now(world: World) -> None:
    assert [step.event for step in old(world, 500.0).tick()] == ["opened", "decided", "applied"]


def test_an_old_problem_is_looked_at_again_and_acted_on_once_they_fail(world: World) -> None:
    old(world, 80.0).tick()
    assert world.due is not None
    world.around.values["response_time_p90"] = 500.0
    world.later(world.due - world.now)
    assert [step.event for step in world.tick()] == ["released", "decided", "applied"]


def test_an_old_problem_that_cannot_be_measured_is_left_alone(world: World) -> None:
    assert [step.event for step in old(world, None).tick()] == ["opened", "held"]
    assert last_hold(world, "p1")[0] == "age"


def test_a_person_may_have_an_old_problem_acted_on(world: World) -> None:
    old(world, 80.0).tick()
    world.command("retry", "p1")
    assert [step.event for step in world.tick()] == ["released", "decided", "applied"]


def test_how_old_is_too_old_can_be_said(world: World) -> None:
    world.stage_yaml("maxProblemAge: 3h\n")
    assert [step.event for step in old(world, 80.0).tick()] == ["opened", "decided", "applied"]


def test_an_old_problem_without_objectives_is_believed(world: World) -> None:
    world.open("p1")
    world.later(7200)
    assert [step.event for step in world.tick()] == ["opened", "decided", "applied"]


def test_a_problem_that_was_held_for_long_is_measured_before_it_is_acted_on(world: World) -> None:
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.stage_yaml("mode: suspended\n")
    world.open("p1")
    world.tick()
    world.later(7200)
    world.stage_yaml("mode: automated\n")
    world.tick()
    assert last_hold(world, "p1")[0] == "age"
    assert world.replicas() == 1


def test_escalate_ends_with_a_person(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1", "escalate")))
    world.open("p1")
    world.tick()
    steps = world.waited()
    assert [step.event for step in steps] == ["evaluated", "escalated"]
    assert steps[1].data["action"] == "escalate"
    assert world.values() == {"carts-primary": 2}, "what was done before stays until the problem is over"


def test_an_approval_is_good_for_as_long_as_a_problem_may_be_old(world: World) -> None:
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    world.stage_yaml("approval: required\nfreeze:\n- {schedule: '0 11 * * *', duration: 3d}\n")
    world.command("approve", "p1")
    world.tick()
    assert last_hold(world, "p1")[0] == "freeze"
    world.later(20 * 3600)
    world.stage_yaml("approval: required\n")
    world.tick()
    assert last_hold(world, "p1")[0] == "age"
    assert world.replicas() == 1
