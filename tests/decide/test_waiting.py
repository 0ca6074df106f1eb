"""A step wakes only the services that it can concern."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.decide.draft import Draft
from reconciler.decide.engine import Decision, decide
from reconciler.decide.progress import progress_turn
from reconciler.decide.waiting import waits_for, woken_by_steps
from reconciler.model.names import ServicePath
from tests.decide.files import PLAYBOOK
from tests.decide.surroundings import Workload
from tests.decide.test_state_table import made
from tests.decide.world import World


@pytest.mark.parametrize(
    ("state", "kinds", "woken"),
    [
        ("not reported", set(), False),
        ("applied", set(), False),
        ("held: shadow", {"shadow"}, False),
        ("held: suspended", {"suspended"}, False),
        ("held: approval", {"approval"}, False),
        ("held: budget", set(), False),
        ("held: conflict", {"conflict"}, True),
        ("held: blind", {"blind"}, False),
        ("held: drift", {"drift"}, False),
        ("resolved", set(), False),
    ],
)
def test_what_a_service_waits_for(state: str, kinds: set[str], woken: bool) -> None:
    world = made(state)
    stage = world.snapshot().stage
    if state == "not reported":
        world.open("p1", "slow")
    assert waits_for(world.view(), stage) == kinds
    assert woken_by_steps(world.view(), stage) is woken


def test_the_budget_of_services_at_once_is_lifted_by_others(world: World) -> None:
    world.stage_yaml("budgets: {servicesAtOnce: 0, actionsPerHour: 9}\n")
    world.open("p1")
    world.tick()
    assert waits_for(world.view(), world.snapshot().stage) == {"budget"}
    assert woken_by_steps(world.view(), world.snapshot().stage)


def test_a_pass_looks_again_only_at_those_that_a_step_can_concern(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ("asleep", "waiting"):
        world.playbook(PLAYBOOK, service)
        world.around.workloads[service] = Workload()
        world.open("p1", service=service)
    world.stage_yaml("budgets: {servicesAtOnce: 1}\n")
    world.command("suspend", service="asleep")
    world.open("p1")
    world.tick()
    assert world.events("p1", "waiting") == ["opened", "held"]
    looks: list[str] = []
    calls: list[object] = []

    def called(*args: Any, **options: Any) -> Decision:
        calls.append(args)
        return decide(*args, **options)

    def counted(draft: Draft, path: ServicePath) -> bool:
        looks.append(path)
        return progress_turn(draft, path)

    monkeypatch.setattr("tests.decide.world.decide", called)
    monkeypatch.setattr("reconciler.decide.turns.progress_turn", counted)
    world.resolve("p1")
    world.later(600)
    steps = world.decide({}).steps
    ends = [("carts", "evaluated"), ("carts", "remediated"), ("waiting", "released")]
    assert [(step.service, step.event) for step in steps][:3] == ends
    asked = looks.count("asleep")
    assert asked == len(calls), "once in each call of `decide`, for what the daemon asked to look at"
    assert looks.count("waiting") > asked
