"""Held: shadow, suspended, approval, budgets, blindness, a clock in doubt; and what lifts each."""

from __future__ import annotations

import pytest

from reconciler.decide.policy import DEFAULT_WAIT
from reconciler.decide.remediation import Hold
from reconciler.model.names import ServicePath
from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.world import START, World


def hold(world: World, remediation: str = "p1", service: str = "carts") -> Hold:
    found = world.remediation(remediation, service).hold
    assert found is not None
    return found


def test_shadow_is_one_step_with_the_action_it_would_have_taken(world: World) -> None:
    world.stage_yaml("mode: shadow\n")
    world.open("p1")
    world.tick()
    world.later(7200)
    world.tick()
    assert world.events("p1") == ["held"]
    assert hold(world).condition == "shadow"
    assert hold(world).reason == "would scale 1 → 2 (scaling +1)"
    assert world.around.writes == []
    assert world.desired() == {}


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        ("blind", "scaling +1 would wait: kubernetes does not answer"),
        ("bound", "scaling +1 would fail: carts-primary has 10 replicas and may not have 11 (bounds 1..10)"),
        ("person", "would escalate: the playbook asks for a person"),
    ],
)
def test_shadow_tells_why_it_would_not_have_acted_and_is_still_one_step(
    world: World, prepare: str, reason: str
) -> None:
    world.stage_yaml("mode: shadow\n")
    if prepare == "blind":
        world.blind()
    elif prepare == "bound":
        world.around.workloads["carts-primary"].replicas = 10
    else:
        world.playbook(PLAYBOOK.replace("scaling", "escalate").replace("    value: +1\n", ""))
    world.open("p1")
    world.tick()
    assert hold(world).reason == reason
    world.see_again()
    world.tick()
    assert world.events("p1") == ["held"]


def test_shadow_comes_from_the_shipyard_and_stage_yaml_wins(world: World) -> None:
    world.implied_mode = "shadow"
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["held"]
    world.stage_yaml("mode: automated\n")
    world.tick()
    assert world.events("p1") == ["held", "released", "decided", "applied"]


def test_mode_suspended_holds_until_it_is_lifted(world: World) -> None:
    world.stage_yaml("mode: suspended\n")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["held"]
    assert hold(world).reason == "suspended by `mode` in stage.yaml"
    world.stage_yaml(None)
    world.tick()
    assert world.events("p1") == ["held", "released", "decided", "applied"]


@pytest.mark.parametrize("service", ["", "carts"])
def test_a_command_suspends_and_resumes_a_stage_or_a_service(world: World, service: str) -> None:
    world.command("suspend", service=service, reason="sale")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["held"]
    assert hold(world).reason == "suspended by Bea: sale"
    world.command("resume", service=service)
    world.tick()
    assert world.events("p1") == ["held", "released", "decided", "applied"]


def test_suspending_one_service_stops_no_other(world: World) -> None:
    world.playbook(PLAYBOOK, "orders")
    world.around.workloads["orders"] = Workload()
    world.command("suspend")
    world.open("p1")
    world.open("p2", service="orders")
    world.tick()
    assert world.events("p1") == ["held"]
    assert world.replicas("orders") == 2


def test_suspended_repairs_and_lowers_nothing(world: World) -> None:
    world.playbook(PLAYBOOK.replace("+1", "+4"))
    world.open("p1")
    world.tick()
    world.command("suspend")
    world.service_yaml("bounds: {replicas: {max: 2}}\n")
    assert world.tick() == []
    world.around.workloads["carts-primary"].replicas = 1
    world.around.workloads["carts-primary"].manager = "some-controller"
    world.sweep()
    assert world.events("p1")[-1] == "held"
    assert len(world.around.writes) == 1


def test_what_was_pushed_is_finished_while_suspended(world: World) -> None:
    world.open("p1")
    world.tick(apply=False)
    world.command("suspend")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]


def test_approval_is_waited_for(world: World) -> None:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "held"]
    assert hold(world).condition == "approval"
    assert hold(world).lifts == "`reconciler approve p1`"
    world.command("approve", "p1", 2)
    world.tick()
    assert world.events("p1") == ["opened", "held", "released", "decided", "applied"]
    assert world.steps[2].subject == "carts: approved by Bea (Response time degradation)"


def test_an_action_asks_for_approval_itself(world: World) -> None:
    world.playbook(PLAYBOOK + "    approval: required\n")
    world.open("p1")
    world.tick()
    assert hold(world).condition == "approval"


def test_approved_it_still_waits_for_its_budget(world: World) -> None:
    world.stage_yaml("approval: required\nbudgets: {actionsPerHour: 0}\n")
    world.open("p1")
    world.tick()
    world.command("approve", "p1")
    world.tick()
    assert world.events("p1") == ["opened", "held", "released", "held"]
    assert hold(world).condition == "budget"
    world.stage_yaml("approval: required\n")
    world.tick()
    assert world.events("p1")[-3:] == ["released", "decided", "applied"], "it needs no second approval"


def test_declined_it_fails(world: World) -> None:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    world.command("decline", "p1", reason="not now")
    world.tick()
    assert world.events("p1") == ["opened", "held", "failed", "escalated"]
    assert world.steps[2].data["reason"] == "declined by Bea"
    assert world.steps[2].data["by"] == "Bea"
    assert "Not now" in world.steps[2].body


def test_actions_per_hour_are_counted_for_each_service(world: World) -> None:
    world.stage_yaml("budgets: {actionsPerHour: 2}\n")
    world.playbook(playbook(*(entry(name, "scaling +1") for name in ("a", "b", "c"))))
    world.playbook(PLAYBOOK, "orders")
    world.around.workloads["orders"] = Workload()
    for problem, title in (("p1", "a"), ("p2", "b"), ("p3", "c")):
        world.open(problem, title)
        world.tick()
        world.later(600)
    world.open("p4", service="orders")
    world.tick()
    assert world.replicas("orders") == 2
    assert world.events("p3") == ["opened", "held"]
    assert hold(world, "p3").reason == "all of the 2 actions of an hour are used"
    assert world.decide({}).dues[ServicePath("carts")] == START + 3600
    world.resolve("p1", "a")
    world.resolve("p2", "b")
    world.later(1799)
    world.tick()
    assert world.events("p3") == ["opened", "held"]
    world.later(1)
    world.tick()
    assert world.events("p3") == ["opened", "held", "released", "decided", "applied"]


def test_a_higher_budget_releases_at_once(world: World) -> None:
    world.stage_yaml("budgets: {actionsPerHour: 0}\n")
    world.open("p1")
    world.tick()
    world.stage_yaml("budgets: {actionsPerHour: 1}\n")
    world.tick()
    assert world.events("p1") == ["opened", "held", "released", "decided", "applied"]


def test_services_at_once(world: World) -> None:
    world.stage_yaml("budgets: {servicesAtOnce: 1}\n")
    for service in ("orders", "users"):
        world.playbook(PLAYBOOK, service)
        world.around.workloads[service] = Workload()
        world.open("p1", service=service)
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert world.events("p1", "orders") == world.events("p1", "users") == ["opened", "held"]
    assert hold(world, service="orders").reason == "1 of 1 services are being remediated"
    world.over("p1")
    assert world.events("p1", "orders") == ["opened", "held", "released", "decided", "applied"]
    assert world.events("p1", "users") == ["opened", "held"]


def test_a_service_that_sorts_first_is_released_by_one_that_sorts_later(world: World) -> None:
    """In the same call of `decide`: asked twice it says nothing new."""
    world.stage_yaml("budgets: {servicesAtOnce: 1}\n")
    world.playbook(PLAYBOOK, "apples")
    world.around.workloads["apples"] = Workload()
    world.open("p1")
    world.tick()
    world.open("p1", service="apples")
    world.tick()
    world.over("p1")
    assert world.events("p1", "apples") == ["opened", "held", "released", "decided", "applied"]


def test_blind_nothing_new_is_done_and_sight_releases(world: World) -> None:
    world.blind()
    world.open("p1")
    world.tick()
    world.later(7200)
    world.tick()
    assert world.events("p1") == ["opened", "held"]
    assert hold(world).condition == "blind"
    world.see_again()
    world.tick()
    assert world.events("p1") == ["opened", "held", "released", "decided", "applied"]


def test_blind_during_a_rollout_nothing_fails(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.blind()
    world.later(299)
    assert world.tick() == []
    world.later(7200)
    assert [step.event for step in world.tick()] == ["held"]
    assert world.last("p1").data["reason"] == "kubernetes does not answer"
    assert world.tick() == []
    world.see_again()
    world.tick()
    assert world.events("p1")[-3:] == ["released", "failed", "escalated"]


def test_blind_during_a_rollout_that_was_complete_meanwhile_it_goes_on(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.blind()
    world.later(300)
    world.tick()
    world.see_again()
    world.around.workloads["carts-primary"].settled = True
    world.tick()
    assert world.events("p1")[-3:] == ["held", "released", "applied"]
    assert [step.event for step in world.over("p1")] == ["evaluated", "remediated"]


def test_a_clock_in_doubt_decides_nothing_that_is_due_by_time(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.later(7200)
    world.timers = False
    assert world.tick() == []
    world.timers = True
    world.tick()
    assert world.events("p1")[-2:] == ["failed", "escalated"]


def test_a_clock_in_doubt_begins_no_wait(world: World) -> None:
    """Another daemon, whose clock is right, would evaluate as early as this clock is behind."""
    seen_in_doubt(world)
    assert (world.events("p1"), world.replicas()) == (["opened", "decided", "applied", "held"], 2)
    assert hold(world).condition == "clock"
    assert world.due == world.now + 15
    assert world.waited() == []
    world.timers = True
    begun = world.now
    world.tick()
    assert world.events("p1")[-1] == "released"
    waiting = world.remediation("p1").waiting
    assert waiting is not None
    assert waiting.until == begun + DEFAULT_WAIT
    assert [step.event for step in world.over("p1")] == ["evaluated", "remediated"]


def test_what_took_effect_while_the_clock_is_in_doubt_is_kept_when_its_source_says_that_it_is_over(
    world: World,
) -> None:
    seen_in_doubt(world)
    world.resolve("p1")
    world.tick()
    assert world.replicas() == 2
    world.timers = True
    world.tick()
    world.waited()
    assert (world.remediation("p1").outcome, world.replicas()) == ("remediated", 2)


def test_who_aborts_while_the_clock_is_in_doubt_keeps_what_took_effect(world: World) -> None:
    seen_in_doubt(world)
    world.command("abort", "p1")
    world.tick()
    assert (world.remediation("p1").ended, world.replicas()) == (True, 2)


def test_a_change_by_hand_is_told_while_the_clock_is_in_doubt(world: World) -> None:
    seen_in_doubt(world)
    world.around.workloads["carts-primary"].replicas = 5
    world.around.workloads["carts-primary"].manager = "kubectl-edit"
    world.sweep()
    assert (hold(world).condition, world.replicas()) == ("drift", 5)


def seen_in_doubt(world: World) -> None:
    """Let an effect be seen while the clock is in doubt."""
    world.timers = False
    world.open("p1")
    world.tick()


def test_a_clock_in_doubt_is_a_fact_of_the_step_that_it_led_to(world: World) -> None:
    world.stage_yaml("budgets: {actionsPerHour: 1}\n")
    world.playbook(playbook(entry("a", "scaling +1"), entry("b", "scaling +1")))
    world.open("p1", "a")
    world.tick()
    world.later(7200)
    world.timers = False
    world.open("p2", "b")
    world.tick()
    assert world.events("p2") == ["opened", "held"]
    assert world.last().facts["clock"] == {"doubt": True}
    world.timers = True
    world.tick()
    assert world.events("p2")[-1] == "applied"


def test_now_never_runs_backwards(world: World) -> None:
    world.open("p1")
    world.tick()
    newest = world.last().now
    world.now = START.__class__(START - 3600)
    world.resolve("p1")
    world.tick()
    assert world.last().now == newest


def test_an_undone_action_counts_for_the_hour(world: World) -> None:
    """Else undo and retry in turns would be as many actions as somebody likes."""
    world.stage_yaml("budgets: {actionsPerHour: 2}\n")
    world.open("p1")
    world.tick()
    world.command("undo", "p1")
    world.tick()
    world.command("retry", "p1")
    world.tick()
    assert world.replicas() == 2
    world.command("undo", "p1")
    world.tick()
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1")[-2:] == ["reopened", "held"]
    assert hold(world).condition == "budget"
    assert world.replicas() == 1
    world.later(3600)
    world.tick()
    assert world.replicas() == 2
