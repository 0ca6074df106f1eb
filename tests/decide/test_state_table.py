"""The table: every state that a remediation can be in, and what every kind of input makes of it; no cell is empty.

`state_table.txt` holds it, a section a state, a line an input: the events that follow, `-` where nothing happens. Of
steps that belong to no remediation, or to another one, the owner stands before the event. In brackets stand what a hold
waits for, an evaluation's result with what follows, what follows a failure, and that a resolved one is not healed.
`python -m tests.decide.test_state_table` writes the table as it is now, to be read before it is committed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.decide.engine import decide
from reconciler.decide.snapshot import Rewritten
from reconciler.model.names import CommitId
from reconciler.model.step import Step
from reconciler.model.targets import Mark
from tests.decide.files import SLO, entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.world import World

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

OTHERS = (entry("other", "scaling +1"), entry("fixed", "scaling {replicas: 5}"))
PLAYBOOK = playbook(entry("slow", "scaling +2"), *OTHERS)
TWO = playbook(*OTHERS, entry("slow", "scaling +2", "scaling +3"))
FREEZE = "freeze:\n- {schedule: 0 11 * * *, duration: 1h}\n"
UNTIL_NOON = 3200
SLI = "response_time_p90"
TABLE = Path(__file__).with_name("state_table.txt")
Prepare = Callable[[World], object]


def _open(world: World) -> None:
    world.open("p1", "slow")
    world.tick()


def _unseen(world: World) -> None:
    """Opened, and the facts have not come: between two calls of `decide`."""
    world.open("p1", "slow")
    world.land(decide(world.snapshot(), {}, world.now, world.services()).steps)


def _held(stage: str) -> Prepare:
    def prepare(world: World) -> None:
        world.stage_yaml(stage)
        _open(world)

    return prepare


def _decided(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    _open(world)


def _escalated(world: World) -> None:
    _decided(world)
    world.later(300)
    world.tick()


def _then(first: Prepare, do: Prepare) -> Prepare:
    def prepare(world: World) -> None:
        first(world)
        do(world)
        world.tick()

    return prepare


def _changed(by: str) -> Prepare:
    def prepare(world: World) -> None:
        found = world.around.workloads["carts-primary"]
        found.replicas, found.manager = found.replicas + 3, by
        world.sweep()

    return prepare


def _conflict(world: World) -> None:
    world.open("p0", "fixed")
    world.tick()
    _open(world)


def _blind(world: World) -> None:
    world.blind()
    _open(world)


def _measured(value: float | None) -> Prepare:
    """Let the service's one objective be met below 100, and warn below 200; None: nothing is measured."""

    def prepare(world: World) -> None:
        world.around.values = {} if value is None else {SLI: value}

    return prepare


def _waiting(world: World) -> None:
    world.objectives()
    _open(world)


def _evaluated(value: float | None, *, resolved: bool = False) -> Prepare:
    """The wait has gone by, with this value."""

    def prepare(world: World) -> None:
        _waiting(world)
        _measured(value)(world)
        if resolved:
            world.resolve("p1", "slow")
        world.waited()

    return prepare


def _unverified(world: World) -> None:
    _evaluated(None)(world)
    for _ in range(3):
        world.waited()


def _still_firing(world: World) -> None:
    _evaluated(80.0)(world)
    world.waited()


def _two(options: str = "") -> Prepare:
    """The first of two actions did not help; nothing is known yet of what the second is about."""

    def prepare(world: World) -> None:
        world.playbook(TWO + options)
        _open(world)
        world.later(600)
        world.land(decide(world.snapshot(), {}, world.now, world.services()).steps)

    return prepare


def _second_decided(world: World) -> None:
    _two()(world)
    world.around.workloads["carts-primary"].slow = True
    world.tick()


def _cooldown(world: World) -> None:
    world.stage_yaml("cooldown: 30m\n")
    world.open("p0", "slow")
    world.tick()
    world.over("p0", title="slow")
    _open(world)


def _old(world: World) -> None:
    world.objectives()
    world.stage_yaml("mode: shadow\n")
    _open(world)
    world.later(7200)
    world.stage_yaml(None)
    world.tick()


def _months(world: World) -> None:
    for _ in range(2):  # what ends only now is over for good a month later
        world.later(31 * 24 * 3600)
        world.tick()
    world.archive()


def _archived(world: World) -> None:
    _evaluated(80.0, resolved=True)(world)
    _months(world)


STATES: dict[str, Prepare] = {
    "not reported": lambda world: None,
    "opened, nothing seen yet": _unseen,
    "held: shadow": _held("mode: shadow\n"),
    "held: suspended": _held("mode: suspended\n"),
    "held: approval": _held("approval: required\n"),
    "held: budget": _held("budgets: {actionsPerHour: 0}\n"),
    "held: conflict": _conflict,
    "held: blind": _blind,
    "held: drift": _then(_open, _changed("kubectl-edit")),
    "refused": _then(lambda world: None, lambda world: world.push({world.problem_path("p1"): "title: [\n"})),
    "unmatched": _then(lambda world: None, lambda world: world.open("p1", "strange")),
    "decided": _decided,
    "applied": _open,
    "escalated, holding": _escalated,
    "escalated, holding nothing": _then(lambda world: world.blind("carts-primary", "missing"), _open),
    "reverted": _then(_open, lambda world: world.command("undo", "p1")),
    "aborted": _then(_open, lambda world: world.command("abort", "p1")),
    "resolved": _then(_blind, lambda world: world.resolve("p1", "slow")),
    "waiting, with objectives": _waiting,
    "waiting, resolved": _then(_open, lambda world: world.resolve("p1", "slow")),
    "waiting, with objectives, resolved": _then(_waiting, lambda world: world.resolve("p1", "slow")),
    "waiting a second time": _evaluated(80.0),
    "waiting to measure again": _evaluated(None),
    "remediated": _evaluated(80.0, resolved=True),
    "resolved, unhealed": _evaluated(400.0, resolved=True),
    "unverified": _unverified,
    "escalated: still firing": _still_firing,
    "escalated: did not help": _evaluated(400.0),
    "opened for the second action": _two(),
    "held before the second action": _then(_two("    approval: required\n"), lambda world: None),
    "decided, second action": _second_decided,
    "waiting, second action": _then(_two(), lambda world: None),
    "held: drift, second action": _then(_then(_two(), lambda world: None), _changed("kubectl-edit")),
    "held: freeze": _held(FREEZE),
    "held: cooldown": _cooldown,
    "held: age": _old,
    "archived": _archived,
    "orphaned": _then(_open, lambda world: world.playbook(None)),
}


def _delete_decided(world: World) -> None:
    found = [path for path in world.files if "/p1/" in path and path.endswith("-decided.yaml")]
    world.push(dict.fromkeys(found) or {"ops/production/carts/remediations/p1/02-decided.yaml": None})


def _later(seconds: int, *before: Prepare) -> Prepare:
    def happen(world: World) -> None:
        for each in before:
            each(world)
        world.later(seconds)

    return happen


def _resolve(world: World) -> None:
    world.resolve("p1", "slow")


def _settle(world: World) -> None:
    for workload in world.around.workloads.values():
        workload.settled, workload.slow = True, False


def _owned(world: World) -> None:
    world.around.workloads["carts-primary"].mark = Mark("elsewhere/production/carts", 3, "abc")


INPUTS: dict[str, Prepare] = {
    "nothing": lambda world: None,
    "the same delivered again": lambda world: world.push(
        {path: content for path, content in world.files.items() if "/problems/" in path}, "monitoring"
    ),
    "an hour goes by": lambda world: world.later(3600),
    "the wait goes by": _later(600),
    "it goes by, the objectives met": _later(600, _measured(80.0)),
    "it goes by, with a warning": _later(600, _measured(150.0)),
    "it goes by, the objectives missed": _later(600, _measured(400.0)),
    "it goes by, without data": _later(600, _measured(None)),
    "resolved": _resolve,
    "resolved, it goes by, met": _later(600, _measured(80.0), _resolve),
    "resolved, it goes by, missed": _later(600, _measured(400.0), _resolve),
    "resolved, it goes by, without data": _later(600, _measured(None), _resolve),
    "a freeze window opens": lambda world: world.stage_yaml("freeze:\n- {schedule: 5 11 * * *, duration: 4h}\n"),
    "the freeze window closes": _later(UNTIL_NOON),
    "slo.yaml changed": lambda world: world.objectives(SLO.replace("100", "1000")),
    "slo.yaml broken": lambda world: world.objectives("nonsense: [\n"),
    "nobody can measure": lambda world: world.blind("evidence"),
    "its file deleted": lambda world: world.delete("p1"),
    "reported open": lambda world: world.open("p1", "slow"),
    "its file broken": lambda world: world.push({world.problem_path("p1"): "title: {\n"}),
    "a second problem of the entry": lambda world: world.open("p2", "slow"),
    "a problem of another entry": lambda world: world.open("p3", "other"),
    "the playbook changed": lambda world: world.playbook(PLAYBOOK.replace("+2", "+3")),
    "the playbook broken": lambda world: world.playbook("nonsense: [\n"),
    "service.yaml broken": lambda world: world.service_yaml("nonsense: [\n"),
    "stage.yaml broken": lambda world: world.stage_yaml("nonsense: [\n"),
    "the service removed": lambda world: world.push({"carts/remediation.yaml": None, "carts/slo.yaml": None}),
    "a service of the same name": lambda world: world.playbook(PLAYBOOK, "shop/carts"),
    "mode automated": lambda world: world.stage_yaml("mode: automated\n"),
    "mode shadow": lambda world: world.stage_yaml("mode: shadow\n"),
    "mode suspended": lambda world: world.stage_yaml("mode: suspended\n"),
    "a lower bound": lambda world: world.service_yaml("bounds: {replicas: {max: 2}}\n"),
    "no budget": lambda world: world.stage_yaml("budgets: {actionsPerHour: 0}\n"),
    "suspend": lambda world: world.command("suspend"),
    "resume": lambda world: world.command("resume"),
    "undo": lambda world: world.command("undo", "p1"),
    "abort": lambda world: world.command("abort", "p1"),
    "retry": lambda world: world.command("retry", "p1"),
    "approve": lambda world: world.command("approve", "p1"),
    "decline": lambda world: world.command("decline", "p1"),
    "a broken command": lambda world: world.push({"ops/production/carts/commands/1-undo.yaml": "verb: [\n"}),
    "git revert of the decision": _delete_decided,
    "desired.yaml changed by hand": lambda world: world.push(
        {"ops/production/carts/state/desired.yaml": "targets: {}\n"}
    ),
    "the branch rewritten": lambda world: setattr(world, "rewritten", Rewritten(CommitId("f" * 40), 40)),
    "changed by a controller": _changed("some-controller"),
    "changed by a person": _changed("kubectl-edit"),
    "taken by another owner": _owned,
    "blind": lambda world: world.blind(),
    "seen again": lambda world: world.see_again(),
    "the workload gone": lambda world: world.around.workloads.clear(),
    "the rollout complete": _settle,
    "months go by, it may be archived": _months,
    "the other problem resolved": lambda world: world.resolve("p0", "fixed"),
}


def made(state: str) -> World:
    world = World(PLAYBOOK)
    world.around.workloads["carts-primary"] = Workload(2)
    STATES[state](world)
    return world


def cell(state: str, given: str) -> str:
    """Return the events that an input makes of a state."""
    world = made(state)
    known = len(world.steps)
    INPUTS[given](world)
    world.tick()
    told = [
        _told(step) if step.remediation == "p1" else f"{step.remediation or 'stage'}:{_told(step)}"
        for step in world.steps[known:]
    ]
    held = [held for service in world.services() for held in world.desired(service).values() if held.claims]
    assert all(1 <= int(each.value) <= 10 for each in held)
    return " ".join(told) or "-"


def _told(step: Step) -> str:
    """Return a step's event with the one thing about it that decides how it goes on."""
    match step.event:
        case "held":
            return f"held({step.data['condition']})"
        case "evaluated":
            return f"evaluated({step.data['evaluation']['result']}: {step.data['next']})"
        case "failed" if "next" in step.data:
            return f"failed({step.data['next']})"
        case "resolved" if step.data.get("unhealed"):
            return "resolved(unhealed)"
        case _:
            return step.event


def table() -> dict[str, dict[str, str]]:
    """Return the table as it is written down."""
    found: dict[str, dict[str, str]] = {}
    rows: dict[str, str] = {}
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("["):
            rows = found[line.strip("[]")] = {}
        elif line:
            given, _, events = line.partition(" = ")
            rows[given.strip()] = events
    return found


def test_the_table_has_no_empty_cell() -> None:
    assert {state: sorted(rows) for state, rows in table().items()} == {state: sorted(INPUTS) for state in STATES}


@pytest.mark.parametrize("state", STATES)
def test_state(state: str) -> None:
    assert {given: cell(state, given) for given in INPUTS} == table()[state]


def _write() -> None:
    """Write the table as it is now, states and inputs in the order of this file."""
    width = max(map(len, INPUTS))
    sections = [
        "\n".join([f"[{state}]", *(f"{given:{width}} = {cell(state, given)}" for given in INPUTS), ""])
        for state in STATES
    ]
    TABLE.write_text("\n".join(sections), "utf-8")


if __name__ == "__main__":
    _write()
