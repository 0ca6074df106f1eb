"""What guards count, and from when on: services within one look, moments at the very edge, the last of several ends."""

from __future__ import annotations

import pytest

from reconciler.model.instant import format_instant
from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.test_guards import SLOW, last_hold, remediated
from tests.decide.world import World


@pytest.fixture
def three(world: World) -> World:
    """Three services with a workload each."""
    for name in ("orders", "users"):
        world.around.workloads[name] = Workload()
        world.playbook(PLAYBOOK, name)
    return world


def test_a_service_that_is_acted_on_again_counts_for_the_stage_in_the_same_look(three: World) -> None:
    three.stage_yaml("budgets: {servicesPerHour: 1}\n")
    three.playbook(playbook(entry(SLOW, "scaling +1"), entry("more", "scaling +1")))
    three.open("c1")
    three.tick()
    three.later(7200)
    three.stage_yaml("budgets: {servicesPerHour: 1}\nmaxProblemAge: 1d\n")
    three.open("c2", "more")
    three.open("users-1", service="users")
    three.tick()
    assert three.events("c2")[-1] == "applied"
    assert last_hold(three, "users-1", "users")[0] == "budget"


def test_a_service_that_is_being_remediated_once_more_counts_in_the_same_look(three: World) -> None:
    three.stage_yaml("budgets: {servicesAtOnce: 1}\n")
    remediated(three, "c1")
    three.open("c2")
    three.open("users-1", service="users")
    three.tick()
    assert three.events("c2")[-1] == "applied"
    assert last_hold(three, "users-1", "users")[0] == "budget"


def test_what_was_done_as_long_ago_as_the_loop_guard_looks_back_counts_no_longer(world: World) -> None:
    world.stage_yaml("loopGuard: {times: 1, within: 2h}\n")
    world.open("p1")
    world.tick()
    decided = world.now
    world.over("p1")
    world.later(decided + 7200 - world.now)
    world.open("p2")
    world.tick()
    assert world.events("p2")[-1] == "applied"


@pytest.mark.parametrize(
    ("within", "told"), [("119s", "119 s"), ("2m", "2 minutes"), ("150s", "150 s"), ("1m", "60 s")]
)
def test_the_loop_guard_tells_how_far_it_looks_back(world: World, within: str, told: str) -> None:
    world.stage_yaml(f"loopGuard: {{times: 1, within: {within}}}\nwait: 10s\n")
    remediated_after(world, "p1", 10)
    world.open("p2")
    steps = world.tick()
    assert steps[-1].event == "escalated"
    assert f"was acted on 1 times within {told}, the last time for p1" in str(steps[-1].data["reason"])


def remediated_after(world: World, problem: str, wait: int) -> None:
    world.open(problem)
    world.tick()
    world.resolve(problem)
    world.waited(wait)
    assert world.remediation(problem).outcome == "remediated"


def test_a_cooldown_counts_from_the_last_end_and_another_entry_has_none(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1"), entry("other", "scaling +1")))
    world.stage_yaml("loopGuard: {times: 9, within: 1h}\n")
    remediated(world, "p1")
    remediated(world, "p2")
    ended = world.now
    world.stage_yaml("loopGuard: {times: 9, within: 1h}\ncooldown: 20m\n")
    world.later(60)
    world.open("p3")
    world.open("p4", "other")
    world.tick()
    assert last_hold(world, "p3")[1] == "the cooldown's end at 2026-11-18T11:46:40Z, or `reconciler retry`"
    assert world.due is not None
    assert ended + 1200 >= world.due
    assert world.events("p4")[-1] == "applied"


def test_the_blast_radius_is_open_again_an_hour_after_the_first_that_counts(three: World) -> None:
    three.stage_yaml("budgets: {servicesPerHour: 2}\n")
    moments = {}
    for name in ("carts", "orders", "users"):
        three.open(f"{name}-1", service=name)
        three.tick()
        moments[name] = three.now
        three.later(60)
    hold = three.remediation("users-1", "users").hold
    assert hold is not None
    assert hold.reason == "2 services were acted upon within an hour (carts, orders)"
    three.resolve("carts-1")
    three.resolve("orders-1", service="orders")
    three.waited()
    assert three.due == moments["carts"] + 3600


def test_where_no_service_may_be_acted_upon_none_is(three: World) -> None:
    three.stage_yaml("budgets: {servicesPerHour: 0}\n")
    three.open("c1")
    three.tick()
    hold = three.remediation("c1").hold
    assert hold is not None
    assert hold.reason == "no service may be acted upon"
    assert three.due is None


def test_a_problem_may_be_exactly_as_old_as_is_said(world: World) -> None:
    world.stage_yaml("maxProblemAge: 30m\n")
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.open("p1")
    world.later(1800)
    assert [step.event for step in world.tick()] == ["opened", "decided", "applied"]


@pytest.mark.parametrize(("window", "again"), [("5m", 300), ("20s", 60)])
def test_an_old_problem_is_measured_again_a_window_later_or_a_minute(world: World, window: str, again: int) -> None:
    world.stage_yaml(f"maxProblemAge: 30m\nwindow: {window}\n")
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.open("p1")
    world.later(7200)
    world.tick()
    assert world.due == world.now - world.now % 60 + again
    hold = world.remediation("p1").hold
    assert hold is not None
    assert hold.reason.startswith("the problem came at 2026-11-18T11:06:40Z, and now ")


def test_a_next_action_that_is_late_is_told_by_when_the_last_one_was_judged(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1", "scaling +2")))
    world.objectives()
    world.around.values["response_time_p90"] = 400.0
    world.open("p1")
    world.tick()
    world.stage_yaml("freeze:\n- {schedule: '* * * * *', duration: 1h}\n")
    world.waited()
    assert last_hold(world, "p1")[0] == "freeze"
    judged = world.now
    world.later(7200)
    world.around.values["response_time_p90"] = 80.0
    world.stage_yaml(None)
    world.tick()
    hold = world.remediation("p1").hold
    assert hold is not None
    assert hold.condition == "age"
    assert hold.reason.startswith(f"the last action was judged at {format_instant(judged)}, and now ")
