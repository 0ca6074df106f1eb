"""Archiving at any moment changes neither what is decided nor what is desired: two stages, one of which never does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from reconciler.model import canonical
from reconciler.model.step import Step
from tests.decide.files import SLO, entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.world import World

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

PLAYBOOK = playbook(
    entry("up", "scaling +1"), entry("much", "scaling +2", "scaling +1"), entry("four", "scaling {replicas: 4}")
)
GUARDS = [
    "", "loopGuard: {times: 1, within: 3h}\n", "cooldown: 4h\n", "budgets: {actionsPerHour: 1}\n", "mode: shadow\n",
    "budgets: {servicesPerHour: 1, servicesAtOnce: 1}\n", "onResolve: revert\nmaxProblemAge: 5m\n",
]  # fmt: skip
PROBLEMS = st.sampled_from(["p1", "p2", "p3"])
SERVICES = st.sampled_from(["carts", "orders"])
TITLES = st.sampled_from(["up", "much", "four", "unheard of"])
WHOLE = st.tuples(st.just("whole"), PROBLEMS, SERVICES, TITLES, st.sampled_from([80.0, 400.0]))
ARCHIVE = st.tuples(st.just("archive"), st.sampled_from([3600, 5 * 3600, 12 * 3600]))
# Guards are there from the beginning and may be taken off: one that begins to look further back than any did when
# something was archived does not see that any more (docs/limits.md).
OPERATIONS = st.one_of(
    st.tuples(st.just("open"), PROBLEMS, SERVICES, TITLES),
    st.tuples(st.just("resolve"), PROBLEMS, SERVICES),
    st.tuples(st.just("over"), PROBLEMS, SERVICES),
    st.tuples(st.just("delete"), PROBLEMS, SERVICES),
    st.tuples(st.just("measured"), st.sampled_from([80.0, 150.0, 400.0, None])),
    st.tuples(st.just("command"), st.sampled_from(["undo", "abort", "retry", "suspend", "resume"]), PROBLEMS, SERVICES),
    st.tuples(st.just("stage"), st.just("")),
    st.tuples(st.just("later"), st.sampled_from([60, 600, 3600])),
)
ROUNDS = st.lists(st.tuples(st.lists(OPERATIONS, max_size=3), WHOLE, ARCHIVE), min_size=2, max_size=4)


def stage(guards: str) -> World:
    world = World(PLAYBOOK)
    world.playbook(PLAYBOOK, "orders")
    world.around.workloads["orders-primary"] = Workload()
    for service in ("carts", "orders"):
        world.objectives(SLO, service)
    world.stage_yaml(f"retention: 1h\n{guards}")
    return world


def do(world: World, number: int, operation: tuple[Any, ...], *, archives: bool) -> None:
    match operation:
        case ("whole", problem, service, title, value):
            for each in (("measured", value), ("open", problem, service, title), ("over", problem, service)):
                do(world, number, each, archives=archives)
        case ("open", problem, service, title):
            world.open(problem, title, service, source=f"report {number}")
        case ("resolve" | "over" as how, problem, service):
            path = world.problem_path(problem, service)
            if path in world.files:
                world.push({path: world.files[path].replace(b'state: "open"', b'state: "resolved"')})
            world.later(600 if how == "over" else 0)
        case ("delete", problem, service):
            world.delete(problem, service)
        case ("measured", value):
            world.around.values = {} if value is None else {"response_time_p90": value}
        case ("command", verb, problem, service):
            known = [each.id for each in world.view(service).remediations.values() if each.id.startswith(problem)]
            newest = [each for each in known if not world.remediation(each, service).ended][-1:]
            if verb in ("suspend", "resume"):
                world.command(verb, service=service)
            elif newest:
                world.command(verb, newest[0], service=service)
        case ("stage", guards):
            world.stage_yaml(f"retention: 1h\n{guards}")
        case ("later", seconds):
            world.later(seconds)
        case ("archive", seconds):
            world.later(seconds)
            world.tick()
            if archives:
                world.archive()
    world.tick()


def told(steps: list[Step]) -> list[object]:
    """Return what steps say, without the numbers that count steps and occurrences."""
    found = [step for step in steps if step.event != "archived"]
    return [(step.service, step.event, _plain(step.subject), _plain(step.data), _plain(step.facts)) for step in found]


def _plain(value: str | Mapping[str, Any]) -> str:
    text = value if isinstance(value, str) else canonical.emit(value).decode()
    return re.sub(r"(sequence|commit): \S+|(?<=p\d)\+\d+|occurrence\W+\d+", "", text)


def held(world: World) -> object:
    return [
        (service, str(key[0]), key[1], field.base, field.value, [(claim.by, claim.set) for claim in field.claims])
        for service in world.services()
        for key, field in world.desired(service).items()
    ]


def archived(world: World) -> int:
    return sum(step.event == "archived" for step in world.steps)


def test_there_is_something_to_compare() -> None:
    world = stage("")
    for number, problem in enumerate(("p1", "p2", "p1")):
        do(world, number, ("whole", problem, "carts", "up", 80.0), archives=True)
        do(world, number, ("archive", 5 * 3600), archives=True)
    assert archived(world) == 3


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(GUARDS), ROUNDS)
def test_what_is_decided_and_desired_is_the_same(guards: str, rounds: list[Any]) -> None:
    kept, archiving = stage(guards), stage(guards)
    operations = [each for some, *rest in rounds for each in (*some, *rest)]
    for number, operation in enumerate(operations):
        do(kept, number, operation, archives=False)
        do(archiving, number, operation, archives=True)
        assert told(archiving.steps) == told(kept.steps)
        assert held(archiving) == held(kept)
        event(f"{min(archived(archiving), 3)} steps archived")
        assert archiving.around.workloads == _marked(archiving, kept)


def _marked(archiving: World, kept: World) -> dict[str, Workload]:
    """Return the workloads of the one, with the marks of the other: they name steps by their numbers."""
    return {
        name: Workload(**{**vars(workload), "mark": archiving.around.workloads[name].mark})
        for name, workload in kept.around.workloads.items()
    }
