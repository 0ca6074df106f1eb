"""Approval: an effect is worked out and shown first, the approval is for just that one, and only for a time."""

from __future__ import annotations

import pytest

from reconciler.decide.proposing import LASTS
from reconciler.decide.remediation import Approvable
from reconciler.model.step import Step
from tests.decide.files import entry, playbook
from tests.decide.test_held import hold
from tests.decide.world import World


@pytest.fixture
def asked(world: World) -> World:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "held"]
    return world


def proposal(world: World) -> Approvable:
    hold = world.remediation("p1").hold
    assert hold is not None
    assert hold.proposal is not None
    return hold.proposal


def test_the_step_that_waits_says_what_would_be_done_and_until_when(asked: World) -> None:
    told = proposal(asked).told
    assert told["subject"] == "scale 1 → 2"
    assert [(each["before"], each["value"]) for each in told["changes"]] == [(1, 2)]
    assert proposal(asked).expires == asked.last().now + LASTS
    assert "Proposed: scale 1 → 2." in asked.last().body
    assert "It can be approved until " in asked.last().body
    assert asked.last().facts, "what led to it is in the step"
    assert asked.around.writes == []


def test_where_the_effect_is_another_by_now_it_is_proposed_again(asked: World) -> None:
    first = proposal(asked).effect
    asked.around.workloads["carts-primary"].replicas = 4
    asked.command("approve", "p1", 2)
    asked.tick()
    assert asked.events("p1") == ["opened", "held", "released", "held"]
    assert proposal(asked).effect != first
    assert proposal(asked).told["subject"] == "scale 4 → 5"
    assert asked.around.writes == []
    asked.command("approve", "p1", 4)
    asked.tick()
    assert asked.replicas() == 5


def test_while_nobody_has_answered_the_proposal_follows_the_world(asked: World) -> None:
    asked.around.workloads["carts-primary"].replicas = 4
    asked.tick()
    assert proposal(asked).told["subject"] == "scale 4 → 5"
    assert asked.tick() == [], "once"


def test_the_same_effect_is_not_proposed_twice(asked: World) -> None:
    asked.later(3600)
    assert asked.tick() == []


def test_what_cannot_be_seen_takes_no_question_back(asked: World) -> None:
    asked.blind()
    assert asked.tick() == []
    assert proposal(asked).told["subject"] == "scale 1 → 2"


def test_what_could_never_be_seen_is_nothing_to_ask_about(world: World) -> None:
    world.stage_yaml("approval: required\n")
    world.blind()
    world.open("p1")
    for _ in range(2):
        world.tick()
        found = hold(world)
        assert (found.condition, found.proposal) == ("blind", None)
    world.see_again()
    world.tick()
    assert hold(world).condition == "approval"


def test_an_effect_that_has_become_impossible_fails_without_anybodys_approval(asked: World) -> None:
    asked.around.workloads["carts-primary"].replicas = 10
    asked.tick()
    assert asked.events("p1") == ["opened", "held", "released", "failed", "escalated"]


def test_a_person_is_called_without_anybodys_approval(world: World) -> None:
    world.playbook(playbook(entry("Response time degradation", "escalate")))
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "escalated"]


def test_after_its_time_it_is_proposed_anew(asked: World) -> None:
    asked.later(LASTS)
    asked.command("approve", "p1", 2)
    asked.tick()
    assert asked.steps[-2].event == "refused"
    assert "time to approve step 2 of p1 is over" in asked.steps[-2].body
    assert asked.events("p1") == ["opened", "held", "held"]
    asked.command("approve", "p1", 3)
    asked.tick()
    assert asked.events("p1")[-3:] == ["released", "decided", "applied"]


def test_an_approval_that_was_not_used_in_time_is_asked_for_again(world: World) -> None:
    world.stage_yaml("approval: required\nbudgets: {actionsPerHour: 0}\n")
    world.open("p1")
    world.tick()
    world.command("approve", "p1", 2)
    world.tick()
    assert world.events("p1")[-1] == "held"
    world.later(LASTS)
    world.stage_yaml("approval: required\n")
    world.tick()
    assert proposal(world).told["subject"] == "scale 1 → 2"
    assert world.around.writes == []


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_a_command_about_another_effect_is_refused(asked: World, verb: str) -> None:
    command(asked, verb, "0" * 16)
    asked.tick()
    assert asked.last().event == "refused"
    assert f"effect {proposal(asked).effect}, as step 2 says" in asked.last().body
    assert f"Look at it and {verb} that" in asked.last().body
    command(asked, "approve", proposal(asked).effect, "20261121T000009Z")
    asked.tick()
    assert asked.replicas() == 2


def test_a_restart_is_the_same_effect_at_any_moment(world: World) -> None:
    world.playbook(playbook(entry("Response time degradation", "restart")))
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    world.later(600)
    assert world.tick() == []
    world.command("approve", "p1", 2)
    world.tick()
    assert "decided" in world.events("p1"), "the moment is another one, and the effect is not"


def test_a_stage_that_asked_before_effects_were_recorded_asks_anew(asked: World) -> None:
    step: Step = asked.steps[1]
    text = asked.files[step.path].decode()
    kept = text[: text.index("proposal:")] + text[text.index("facts:") :]
    asked.files[step.path] = asked.trusted[step.path] = kept.encode()
    asked.tick()
    assert proposal(asked).told["subject"] == "scale 1 → 2"


def command(world: World, verb: str, effect: str, at: str = "20261121T000008Z") -> None:
    path = f"ops/production/carts/commands/{at}-{verb}-p1-02.yaml"
    world.push({path: f"verb: {verb}\nremediation: p1\nstep: 2\neffect: '{effect}'\n"})
