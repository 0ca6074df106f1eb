"""The actions after the first one, and doing one again: what earlier ones did counts and stays."""

from __future__ import annotations

import pytest

from reconciler.decide.engine import decide
from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.test_held import hold
from tests.decide.world import START, World

ADDING = playbook(entry("slow", "scaling +1", "scaling +2"))


def second(*actions: str, options: str = "") -> World:
    """Bring a remediation to where its first action took effect, did not help, and the second is in hand."""
    world = World(playbook(entry("slow", *actions)) + options)
    world.around.flags = {"A": Flag()}
    world.open("p1", "slow")
    world.tick()
    world.waited()
    return world


def under_way() -> World:
    """The second action is decided and written; its rollout is not complete."""
    world = World(ADDING)
    world.open("p1", "slow")
    world.tick()
    world.around.workloads["carts-primary"].slow = True
    world.waited()
    assert world.replicas() == 4
    assert world.remediation("p1").phase == "decided"
    world.around.workloads["carts-primary"].slow = False
    return world


def test_the_next_action_adds_to_the_first() -> None:
    world = second("scaling +1", "scaling +2")
    assert world.events("p1") == ["opened", "decided", "applied", "evaluated", "decided", "applied"]
    assert world.values() == {"carts-primary": 4}
    assert world.last("p1").data["until"].endswith("Z")
    assert world.due == START + 1200


def test_resolved_while_the_second_is_under_way_only_that_is_taken_back() -> None:
    world = under_way()
    world.resolve("p1", "slow")
    world.tick()
    assert world.events("p1")[-2:] == ["resolved", "applied"]
    assert world.replicas() == 2
    assert world.desired() == {}


def test_aborted_while_the_second_is_under_way_only_that_is_taken_back() -> None:
    world = under_way()
    world.command("abort", "p1")
    world.tick()
    assert world.remediation("p1").outcome == "aborted"
    assert world.replicas() == 2
    assert world.desired() == {}


def test_without_effect_of_the_second_the_first_ones_claim_stays() -> None:
    world = under_way()
    world.around.workloads["carts-primary"].replicas = 2
    world.later(300)
    world.tick(apply=False)
    assert world.events("p1")[-2:] == ["failed", "escalated"]
    assert world.values() == {"carts-primary": 2}


@pytest.mark.parametrize(
    ("first", "then", "values"),
    [
        ("scaling +1", "scaling {replicas: 5}", {"carts-primary": 5}),
        ("scaling {replicas: 5}", "scaling +1", {"carts-primary": 6}),
        ("scaling {replicas: 5}", "scaling {replicas: 3}", {"carts-primary": 3}),
        ("featuretoggle A:on", "featuretoggle A:off", {"A": False}),
    ],
)
def test_a_second_action_is_in_no_conflict_with_the_first(first: str, then: str, values: dict[str, object]) -> None:
    world = second(first, then)
    assert world.events("p1")[3:] == ["evaluated", "decided", "applied"]
    assert world.values() == values


@pytest.mark.parametrize("action", ["scaling {replicas: 4}", "featuretoggle A:on"])
def test_done_again_with_nothing_to_change_it_takes_effect_at_once(action: str) -> None:
    world = second(action, options="    retries: 1\n")
    assert world.events("p1")[3:] == ["evaluated", "decided", "applied"]
    world.waited()
    assert world.events("p1")[-2:] == ["evaluated", "escalated"]


def test_two_entries_that_want_the_same_both_take_effect() -> None:
    world = World(playbook(entry("a", "featuretoggle A:on"), entry("b", "featuretoggle A:on")))
    world.around.flags = {"A": Flag()}
    world.open("p1", "a")
    world.tick()
    world.open("p2", "b")
    world.tick()
    assert world.events("p2") == ["opened", "decided", "applied"]
    assert world.around.writes == [("A", True)]


def test_repairs_do_not_put_the_evaluation_off_for_ever(world: World) -> None:
    world.open("p1")
    world.tick()
    for _ in range(20):
        world.later(240)
        world.around.workloads["carts-primary"].replicas = 1
        world.around.workloads["carts-primary"].manager = "some-controller"
        world.sweep()
    assert "evaluated" in world.events("p1")


def test_a_clock_in_doubt_ends_no_freeze(world: World) -> None:
    world.stage_yaml("freeze:\n- {schedule: 0 11 * * *, duration: 1h}\n")
    world.open("p1")
    world.tick()
    world.later(3200)
    world.timers = False
    assert world.tick() == []
    world.timers = True
    world.tick()
    assert world.events("p1")[-3:] == ["released", "decided", "applied"]


def test_after_a_long_hold_the_second_action_is_measured_first() -> None:
    world = World(ADDING)
    world.objectives()
    world.around.values = {"response_time_p90": 400.0}
    world.open("p1", "slow")
    world.tick()
    world.stage_yaml("freeze:\n- {schedule: 5 11 * * *, duration: 4h}\n")
    world.waited()
    assert world.events("p1")[-1] == "held"
    world.around.values = {"response_time_p90": 50.0}
    world.later(4 * 3600)
    world.tick()
    assert world.replicas() == 2, "the objectives are met by now"


def asked_before_the_second() -> World:
    """A person has changed what the first action made, before anything was seen for the second."""
    world = World(ADDING)
    world.open("p1", "slow")
    world.tick()
    world.later(600)
    world.land(decide(world.snapshot(), {}, world.now, world.services()).steps)
    world.around.workloads["carts-primary"].replicas = 7
    world.around.workloads["carts-primary"].manager = "kubectl-edit"
    world.sweep()
    assert world.events("p1")[-2:] == ["evaluated", "held"]
    assert hold(world).condition == "drift"
    return world


def test_a_persons_change_before_the_second_that_is_taken_back_lifts_the_hold() -> None:
    world = asked_before_the_second()
    assert "being 2 again" in hold(world).lifts
    world.around.workloads["carts-primary"].replicas = 2
    world.sweep()
    assert world.events("p1")[-3:] == ["released", "decided", "applied"]


def test_a_bound_does_not_overwrite_what_a_person_was_asked_about_before_the_second() -> None:
    world = asked_before_the_second()
    world.service_yaml("bounds: {replicas: {max: 1}}\n")
    world.tick()
    assert world.replicas() == 7


def test_an_evaluation_waits_while_it_cannot_be_read_what_shall_follow(world: World) -> None:
    settings = "onWarning: next\nonResolve: revert\n"
    world.stage_yaml(settings)
    world.objectives()
    world.around.values = {"response_time_p90": 80.0}
    world.open("p1")
    world.tick()
    world.stage_yaml("nonsense: [\n")
    world.over("p1")
    world.stage_yaml(settings)
    world.tick()
    assert world.remediation("p1").outcome == "remediated"
    assert world.replicas() == 1, "onResolve is revert"


def test_an_old_problem_of_a_service_that_is_back_is_measured_first(world: World) -> None:
    world.objectives()
    world.around.values = {"response_time_p90": 80.0}
    world.open("p1")
    world.tick()
    world.push({"carts/remediation.yaml": None, "carts/slo.yaml": None})
    world.tick()
    world.later(7200)
    world.playbook(PLAYBOOK)
    world.objectives()
    world.tick()
    assert world.events("p1")[-1] == "held"
    assert world.replicas() == 2


def test_two_restarts_of_one_workload_wait_for_each_other() -> None:
    world = World(playbook(entry("slow", "restart"), entry("other", "rollback")))
    world.around.workloads["carts-primary"].slow = True
    world.open("p1", "slow")
    world.tick()
    assert world.remediation("p1").phase == "decided"
    world.open("p2", "other")
    world.tick()
    hold = world.remediation("p2").hold
    assert hold is not None
    assert (hold.condition, hold.reason) == ("conflict", "carts-primary is being changed for p1")
    world.around.workloads["carts-primary"].slow = False
    world.around.workloads["carts-primary"].settled = True
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert world.events("p2") == ["opened", "held", "released", "decided", "applied"]
    assert "carts-primary was restarted." in next(s.body for s in world.steps if s.event == "applied")


def test_the_client_of_a_keptn_problem_is_pinned_for_actions_on_routes(world: World) -> None:
    world.push({World.problem_path("p1"): "title: slow\nstate: open\ndetails: {ClientIP: 10.0.0.1}\n"})
    world.playbook(playbook(entry("slow", "slowdown 5s")))
    world.tick()
    assert world.remediation("p1").labels == {"ClientIP": "10.0.0.1"}


def test_a_call_that_nobody_made_is_made_however_late(world: World) -> None:
    world.playbook(playbook(entry("slow", "webhook ticket")))
    world.open("p1", "slow")
    world.tick(kill_at=1)
    world.later(3600)
    world.tick()
    assert world.events("p1")[-1] == "applied"
    assert len(world.around.calls) == 1


def test_reverting_the_decision_of_a_restart_ends_it(world: World) -> None:
    world.playbook(playbook(entry("slow", "restart", "scaling +1")))
    world.around.workloads["carts-primary"].slow = True
    world.open("p1", "slow")
    world.tick()
    world.revert("p1", 2)
    world.tick()
    assert world.remediation("p1").outcome == "reverted"
    world.around.workloads["carts-primary"].settled = True
    assert world.waited() == []
    assert world.replicas() == 1


def test_undo_of_what_was_done_once_ends_it(world: World) -> None:
    world.playbook(playbook(entry("slow", "restart", "scaling +1")))
    world.open("p1", "slow")
    world.tick()
    world.command("undo", "p1")
    world.tick()
    assert world.remediation("p1").outcome == "reverted"
    assert world.waited() == []


def test_two_services_do_not_restart_one_workload_at_a_time(world: World) -> None:
    one = playbook(entry("slow", "restart"))
    world.playbook(one)
    world.playbook(one, "orders")
    world.service_yaml("workload: {name: carts-primary}\n", "orders")
    world.around.workloads["carts-primary"].slow = True
    world.open("p1", "slow")
    world.open("o1", "slow", service="orders")
    world.tick()
    hold = world.remediation("o1", "orders").hold
    assert hold is not None
    assert (hold.condition, hold.reason) == ("conflict", "carts-primary is being changed for carts")
