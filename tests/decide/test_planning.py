"""Why the action in hand may not be decided now: whose a target is, what is under way on it, how much is held."""

from __future__ import annotations

import pytest

from reconciler.decide import planning
from reconciler.decide.actions.contributed import checked_action
from reconciler.decide.actions.protocol import Failure
from reconciler.decide.actions.registry import register, unregister
from reconciler.model.targets import Mark
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.test_action_plugins import Page
from tests.decide.test_held import hold
from tests.decide.world import World

OURS = "sockshop/production/carts"
ONCE = ("restart", "rollback")


def told(world: World, problem: str = "p1") -> tuple[str, str]:
    """Return what a remediation waits for, and why."""
    found = hold(world, problem)
    return found.condition, found.reason


def acting(world: World, action: str) -> World:
    world.playbook(playbook(entry("slow", action)))
    world.open("p1", "slow")
    return world


# whose it is


@pytest.mark.parametrize("action", ONCE)
def test_what_is_done_once_is_not_done_to_another_owners_workload(world: World, action: str) -> None:
    world.around.workloads["carts-primary"].mark = Mark("elsewhere/production/carts", 3, "abc")
    acting(world, action).tick()
    assert told(world) == ("conflict", "carts-primary belongs to elsewhere/production/carts")
    world.around.workloads["carts-primary"].mark = Mark("elsewhere/production", 4, "abd")
    assert [step.event for step in world.tick()] == ["released", "decided", "applied"], "it was given back"


@pytest.mark.parametrize("action", ["scaling +1", *ONCE])
def test_what_a_step_did_that_the_branch_does_not_have_waits_for_a_person(world: World, action: str) -> None:
    world.around.workloads["carts-primary"].mark = Mark(OURS, 7, "abc", lost=True)
    steps = acting(world, action).tick()
    assert [step.event for step in steps] == ["opened", "rewritten", "held"]
    assert [step.sequence for step in steps] == [1, 8, 9], "it goes on above what the target carries"
    assert told(world)[0] == "drift"
    assert told(world)[1].endswith("was last changed by step 7, which the branch does not have")
    assert world.around.writes == []
    world.command("retry", "p1")
    assert [step.event for step in world.tick()] == ["released", "decided", "applied"]


def test_a_lost_step_that_the_branch_is_past_needs_no_higher_number(world: World) -> None:
    world.around.workloads["carts-primary"].mark = Mark(OURS, 1, "abc", lost=True)
    steps = acting(world, "scaling +1").tick()
    assert [(step.event, step.sequence) for step in steps] == [("opened", 1), ("held", 2)]


# what is under way


def test_a_restart_waits_only_for_what_is_done_once(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.playbook(playbook(entry("slow", "scaling +1"), entry("other", "restart")))
    world.open("p1", "slow")
    world.tick()
    assert world.remediation("p1").pending
    world.open("p2", "other")
    world.tick(apply=False)
    assert world.events("p2") == ["opened", "decided"]


# how much is held


@pytest.fixture
def three(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A service that may hold three values, with flags to switch."""
    monkeypatch.setattr(planning, "VALUES", 3)
    world.around.flags = {name: Flag() for name in "ABCD"}
    world.playbook(
        playbook(
            entry("two", "featuretoggle {A: on, B: on}"), entry("again", "featuretoggle A:on"),
            entry("third", "featuretoggle C:on"), entry("fourth", "featuretoggle D:on"),
        )
    )  # fmt: skip
    return world


def test_as_many_values_are_held_as_may_be_and_no_more(three: World) -> None:
    for problem, title in (("p1", "two"), ("p2", "third"), ("p3", "fourth")):
        three.open(problem, title)
        three.tick()
    assert three.events("p2")[-1] == "applied"
    assert told(three, "p3") == ("budget", "carts holds 3 values, and with 1 more it would be over 3")
    assert hold(three, "p3").lifts == "a remediation that holds some of them ending"


def test_each_claim_on_a_value_counts(three: World) -> None:
    for problem, title in (("p1", "two"), ("p2", "again"), ("p3", "third")):
        three.open(problem, title)
        three.tick()
    assert told(three, "p3") == ("budget", "carts holds 3 values, and with 1 more it would be over 3")


def test_a_value_that_is_being_given_back_counts_once(three: World) -> None:
    three.stage_yaml("onResolve: revert\n")
    three.open("p1", "two")
    three.tick()
    three.blind("A")
    three.command("undo", "p1")
    three.tick()
    assert [len(held.claims) for held in three.desired().values()] == [0, 0]
    three.open("p2", "third")
    three.tick()
    assert three.events("p2")[-2:] == ["decided", "applied"]
    three.open("p3", "fourth")
    three.tick()
    assert told(three, "p3") == ("budget", "carts holds 3 values, and with 1 more it would be over 3")


# what is pinned


def test_what_is_pinned_is_done_although_its_playbook_is_gone(world: World) -> None:
    world.stage_yaml("freeze:\n- {schedule: '* * * * *', duration: 1h}\n")
    world.service_yaml("workload: {name: carts-primary}\n")
    acting(world, "scaling +1").tick()
    assert told(world)[0] == "freeze"
    world.playbook(None)
    world.stage_yaml(None)
    assert [step.event for step in world.tick()] == ["released", "decided", "applied"]
    assert world.replicas() == 2


def test_a_pinned_action_that_nobody_here_knows_any_more_fails_and_says_what_to_do(world: World) -> None:
    action = checked_action(Page(answer=Failure("nobody is there")), "pager 1.0")
    register([action])
    try:
        world.stage_yaml("freeze:\n- {schedule: '* * * * *', duration: 1h}\n")
        acting(world, "page").tick()
    finally:
        unregister([action])
    world.stage_yaml(None)
    world.tick()
    assert world.events("p1") == ["opened", "held", "released", "failed", "escalated"]
    (failed,) = (step for step in world.steps if step.event == "failed")
    assert failed.data["reason"] == "unknown action 'page'"
    assert "install the package that brings it" in failed.body
