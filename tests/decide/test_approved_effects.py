"""What an approval covers: this effect with all that is told, asked for by a file that says so, while it counts."""

from __future__ import annotations

import pytest

from reconciler.decide.proposing import LASTS, effect_of
from reconciler.model.step import Step
from tests.decide.world import World

COMMANDS = "ops/production/carts/commands"
TWO_CALLS = """\
remediations:
- name: Response time degradation
  actions:
  - action: webhook
    value: {endpoint: runbooks, data: {kind: flush-cache}}
  - action: webhook
    value: {endpoint: runbooks, data: {kind: failover-database}}
"""


@pytest.fixture
def asked(world: World) -> World:
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "held"]
    return world


def effect(world: World) -> str:
    hold = world.remediation("p1").hold
    assert hold is not None
    assert hold.proposal is not None
    return hold.proposal.effect


def test_two_calls_that_tell_different_things_are_two_effects(world: World) -> None:
    world.playbook(TWO_CALLS)
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    first = effect(world)
    world.command("decline", "p1", 2)
    world.tick()
    assert effect(world) != first
    world.command("approve", "p1", effect=f"'{first}'")
    world.tick()
    assert world.last().event == "refused"
    assert "not what the command is about" in world.last().body
    assert "decided" not in world.events("p1")


def test_a_call_is_the_same_effect_under_every_key(world: World) -> None:
    """The key names the try, and the approval comes at a later one."""
    world.playbook(TWO_CALLS)
    world.stage_yaml("approval: required\n")
    world.open("p1")
    world.tick()
    world.command("approve", "p1", 2, effect=f"'{effect(world)}'")
    world.tick()
    assert "decided" in world.events("p1")


def test_in_which_order_something_is_told_makes_no_other_effect() -> None:
    call = {"target": "endpoints//Endpoint/runbooks", "field": "call", "value": "key"}
    told = [{"once": [{**call, "payload": payload}]} for payload in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1})]
    first, turned, less = map(effect_of, told)
    assert first == turned != less


@pytest.mark.parametrize(
    "name",
    ["20261121T000008Z-decline-p1-02.yaml", "20261121T000008Z-approve-p2-02.yaml", "README.yaml", "old/notes.yml"],
)
def test_a_file_that_is_named_otherwise_approves_nothing(asked: World, name: str) -> None:
    asked.push({f"{COMMANDS}/{name}": "verb: approve\nremediation: p1\nstep: 2\n"})
    (step,) = asked.tick()
    assert step.event == "refused"
    assert step.data["at"] == f"{COMMANDS}/{name}"
    assert "<time>-approve-p1-02.yaml" in step.data["expected"]
    assert step.data["hint"].startswith("delete it, and ask anew by `reconciler approve`")
    assert asked.replicas() == 1


def test_what_stops_is_heeded_under_any_name(world: World) -> None:
    world.push({f"{COMMANDS}/please-stop.yaml": "verb: suspend\n"})
    world.open("p1")
    world.tick()
    hold = world.remediation("p1").hold
    assert hold is not None
    assert hold.condition == "suspended"


def test_an_approval_that_may_be_late_waits_until_the_clock_is_sure(asked: World) -> None:
    asked.later(LASTS * 3)
    asked.timers = False
    asked.command("approve", "p1", 2)
    assert asked.tick() == []
    asked.timers = True
    asked.tick()
    assert "time to approve step 2 of p1 is over" in next(s.body for s in asked.steps if s.event == "refused")
    assert asked.replicas() == 1


def test_an_approval_in_time_counts_while_the_clock_is_in_doubt(asked: World) -> None:
    asked.timers = False
    asked.command("approve", "p1", 2)
    asked.tick()
    assert asked.replicas() == 2


def test_an_approval_given_before_is_not_acted_on_while_its_end_is_in_doubt(world: World) -> None:
    world.stage_yaml("approval: required\nbudgets: {actionsPerHour: 0}\n")
    world.open("p1")
    world.tick()
    world.command("approve", "p1", 2)
    world.tick()
    assert world.events("p1")[-2:] == ["released", "held"]
    world.later(LASTS)
    world.timers = False
    world.stage_yaml("approval: required\n")
    assert world.tick() == []
    world.timers = True
    world.tick()
    hold = world.remediation("p1").hold
    assert hold is not None
    assert hold.condition == "approval"
    assert world.replicas() == 1


def test_what_was_asked_without_an_effect_cannot_be_approved(asked: World) -> None:
    step: Step = asked.steps[1]
    text = asked.files[step.path].decode()
    kept = text[: text.index("proposal:")] + text[text.index("facts:") :]
    asked.files[step.path] = asked.trusted[step.path] = kept.encode()
    asked.command("approve", "p1", 2)
    asked.tick()
    assert asked.events("p1") == ["opened", "held", "released", "held"]
    assert asked.replicas() == 1
