"""The table: every state that a remediation can be in, and what every kind of input makes of it; no cell is empty.

`state_table.txt` holds it, a section a state, a line an input: the events that follow, `-` where nothing happens. Of
steps that belong to no remediation, or to another one, the owner stands before the event.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.decide.engine import decide
from reconciler.decide.snapshot import Rewritten
from reconciler.model.names import CommitId
from reconciler.model.targets import Mark
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.world import World

PLAYBOOK = playbook(entry("slow", "scaling +2"), entry("other", "scaling +1"), entry("fixed", "scaling {replicas: 5}"))
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
    "resolved": _then(_open, lambda world: world.resolve("p1", "slow")),
    "orphaned": _then(_open, lambda world: world.playbook(None)),
}


def _delete_decided(world: World) -> None:
    found = [path for path in world.files if "/p1/" in path and path.endswith("-decided.yaml")]
    world.push(dict.fromkeys(found) or {"ops/production/carts/remediations/p1/02-decided.yaml": None})


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
    "resolved": lambda world: world.resolve("p1", "slow"),
    "its file deleted": lambda world: world.delete("p1"),
    "reported open": lambda world: world.open("p1", "slow"),
    "its file broken": lambda world: world.push({world.problem_path("p1"): "title: {\n"}),
    "a second problem of the entry": lambda world: world.open("p2", "slow"),
    "a problem of another entry": lambda world: world.open("p3", "other"),
    "the playbook changed": lambda world: world.playbook(PLAYBOOK.replace("+2", "+3")),
    "the playbook broken": lambda world: world.playbook("nonsense: [\n"),
    "service.yaml broken": lambda world: world.service_yaml("nonsense: [\n"),
    "stage.yaml broken": lambda world: world.stage_yaml("nonsense: [\n"),
    "the service removed": lambda world: world.playbook(None),
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
        step.event if step.remediation == "p1" else f"{step.remediation or 'stage'}:{step.event}"
        for step in world.steps[known:]
    ]
    held = [held for service in world.services() for held in world.desired(service).values() if held.claims]
    assert all(1 <= int(each.value) <= 10 for each in held)
    return " ".join(told) or "-"


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
