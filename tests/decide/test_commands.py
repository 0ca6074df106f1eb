"""What people ask for by pushing a file: done or refused, once, by a step that names them."""

from __future__ import annotations

import pytest

from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.world import World


def applied(world: World) -> World:
    world.open("p1")
    world.tick()
    return world


def test_undo_reverts_and_it_is_not_acted_on_again(world: World) -> None:
    path = applied(world).command("undo", "p1", 2, reason="too dear")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied", "reverted", "applied"]
    step = world.steps[3]
    assert step.subject == "carts: undone by Bea (Response time degradation)"
    assert (step.data["command"], step.data["by"], step.data["undone"]) == (path, "Bea", [2])
    assert "too dear" in step.body
    assert world.replicas() == 1
    assert world.desired() == {}
    world.later(7200)
    assert world.tick() == []
    world.resolve("p1")
    world.tick()
    assert world.remediation("p1").outcome == "reverted"


def test_undo_of_one_leaves_the_others_part(world: World) -> None:
    world.playbook(playbook(entry("a", "scaling +1"), entry("b", "scaling +3")))
    world.open("p1", "a")
    world.open("p2", "b")
    world.tick()
    world.command("undo", "p2")
    world.tick()
    assert world.replicas() == 2
    assert world.values() == {"carts-primary": 2}


def test_undo_before_the_effect(world: World) -> None:
    world.open("p1")
    world.tick(apply=False)
    world.command("undo", "p1")
    world.tick()
    assert world.around.writes == []
    assert world.desired() == {}


def test_undo_of_what_an_ended_remediation_holds(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    applied(world)
    world.later(300)
    world.around.workloads["carts-primary"].slow = False
    world.tick()
    world.command("undo", "p1")
    world.tick()
    assert world.remediation("p1").outcome == "reverted"
    assert world.replicas() == 1


def test_abort_keeps_what_was_done(world: World) -> None:
    applied(world).command("abort", "p1")
    world.tick()
    assert world.events("p1")[-1] == "aborted"
    assert world.replicas() == 2
    assert world.desired() == {}
    assert "carts-primary stays 2 and is no longer held." in world.last().body


def test_abort_before_the_effect_drops_it(world: World) -> None:
    world.playbook(playbook(entry("a", "scaling +1"), entry("b", "scaling +3")))
    world.open("p1", "a")
    world.tick()
    world.open("p2", "b")
    world.tick(apply=False)
    world.command("abort", "p2")
    world.tick()
    assert world.replicas() == 2
    assert world.values() == {"carts-primary": 2}
    assert world.sweep() == []


def test_retry_after_undo_acts_again(world: World) -> None:
    applied(world).command("undo", "p1")
    world.tick()
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1")[-3:] == ["reopened", "decided", "applied"]
    assert world.replicas() == 2


def test_retry_before_it_was_given_back_still_acts(world: World) -> None:
    applied(world).command("undo", "p1")
    world.tick(apply=False)
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1")[-4:] == ["reopened", "applied", "decided", "applied"]
    assert world.replicas() == 2
    assert world.remediation("p1").phase == "applied"


def test_retry_of_what_failed(world: World) -> None:
    world.around.workloads["carts-primary"].replicas = 10
    applied(world)
    assert world.events("p1") == ["opened", "failed", "escalated"]
    world.service_yaml("bounds: {replicas: {max: 12}}\n")
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1")[-3:] == ["reopened", "decided", "applied"]
    assert world.replicas() == 11


def test_retry_adds_to_what_the_first_try_left(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    applied(world)
    world.later(300)
    world.tick()
    world.around.workloads["carts-primary"].slow = False
    world.command("retry", "p1")
    world.tick()
    assert world.replicas() == 3
    world.command("undo", "p1", 2)
    world.tick()
    assert world.replicas() == 1


def test_retry_takes_the_playbook_as_it_is_now(world: World) -> None:
    world.open("p1", "Something else")
    world.tick()
    world.playbook(playbook(entry("Something", "scaling +2")))
    assert world.tick() == []
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1") == ["unmatched", "reopened", "decided", "applied"]
    assert world.replicas() == 3


def test_retry_beside_a_running_one_of_the_entry_is_refused(world: World) -> None:
    applied(world).command("undo", "p1")
    world.open("p2")
    world.tick()
    world.command("retry", "p1")
    world.tick()
    assert world.last().event == "refused"
    assert 'p2 is about "Response time degradation" already' in world.last().body


@pytest.mark.parametrize(
    ("verb", "remediation", "step", "told"),
    [
        ("undo", "nope", 0, "There is no remediation 'nope' of carts"),
        ("undo", "p1", 7, "There is nothing of p1 to undo"),
        ("approve", "p1", 0, "Nothing to approve about p1: it does not wait for approval"),
        ("decline", "p1", 0, "Nothing to decline about p1"),
        ("retry", "p1", 0, "There is nothing to retry about p1: it is applied"),
        ("suspend", "p1", 0, "`suspend` is for a service or a stage"),
        ("resume", "p1", 0, "`resume` is for a service or a stage"),
        ("undo", "", 0, "There is no remediation '' of carts"),
    ],
)
def test_a_wrong_command_is_refused_once(world: World, verb: str, remediation: str, step: int, told: str) -> None:
    path = applied(world).command(verb, remediation, step)
    world.tick()
    refused = world.last()
    assert (refused.event, refused.remediation) == ("refused", None)
    assert told in refused.body
    assert refused.data["file"].startswith(f"{path}@")
    assert refused.data["by"] == "Bea"
    assert "by Bea refused" in refused.subject
    assert world.tick() == []
    assert world.replicas() == 2


def test_a_broken_command_is_refused_once(world: World) -> None:
    world.push({"ops/production/carts/commands/20261121T100000Z-undo.yaml": "verb: undoo\n"}, "Bea")
    world.tick()
    assert world.stage_events() == ["refused"]
    assert world.tick() == []


def test_a_command_for_the_whole_stage_is_refused(world: World) -> None:
    world.command("undo", "p1", service="")
    world.command("retry", service="")
    world.tick()
    assert world.stage_events() == ["refused", "refused"]
    assert world.last().subject.startswith("production: command ")
    assert world.tick() == []


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("approval: required\n", "Remediation p1 is held: scaling +1 needs a person's approval"),
        ("budgets: {actionsPerHour: 0}\n", "Remediation p1 is held: all of the 0 actions"),
        ("mode: suspended\n", "Remediation p1 is held: suspended by `mode` in stage.yaml"),
    ],
)
def test_retry_lifts_no_hold_that_has_its_own_way_out(world: World, before: str, told: str) -> None:
    world.stage_yaml(before)
    world.open("p1")
    world.tick()
    world.command("retry", "p1")
    world.tick()
    assert world.last().event == "refused"
    assert told in world.last().body
    assert "It is lifted by" in world.last().body


def test_approve_names_the_step_that_waits(world: World) -> None:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    world.command("approve", "p1", 1)
    world.tick()
    assert world.last().event == "refused"
    assert "step 2 waits for approval" in world.last().body


def test_abort_of_what_is_held(world: World) -> None:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    world.command("abort", "p1")
    world.tick()
    assert world.events("p1") == ["opened", "held", "aborted"]
    world.command("abort", "p1")
    world.tick()
    assert "p1 has ended already: aborted" in world.last().body


def test_retry_of_a_refused_one_is_refused(world: World) -> None:
    world.push({world.problem_path("p1"): "title: [\n"})
    world.tick()
    world.command("retry", "p1")
    world.tick()
    assert "There is nothing to retry about p1: it is refused" in world.last().body


def test_retry_while_the_playbook_cannot_be_read_is_refused(world: World) -> None:
    applied(world).command("undo", "p1")
    world.tick()
    world.playbook("nonsense: [\n")
    world.command("retry", "p1")
    world.tick()
    assert world.last().event == "refused"
    world.playbook(PLAYBOOK)
    assert world.tick() == []


def test_conflicting_commands_are_answered_in_the_order_of_their_names(world: World) -> None:
    applied(world).command("undo", "p1")
    world.command("abort", "p1")
    world.tick()
    assert world.events("p1")[-2:] == ["reverted", "applied"]
    assert world.stage_events() == ["refused"]
