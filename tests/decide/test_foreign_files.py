"""Which changes of machine-written files are an undo, which are put back, and whose word counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.draft import Draft
from reconciler.decide.foreign import foreign_turn, stage_foreign_turn
from reconciler.decide.snapshot import Foreign
from reconciler.model.names import CommitId, ServicePath
from tests.decide.files import entry, playbook
from tests.decide.test_foreign import DECIDED, DESIRED, OPENED, applied
from tests.decide.world import World

CARTS = ServicePath("carts")
OPS = "ops/production/carts/remediations"


def changed(path: str, change: str = "deleted", unsigned: str = "") -> Foreign:
    return Foreign(path, change, "Eve", CommitId("c" * 40), b"{}\n", unsigned)  # type: ignore[arg-type]  # one of three


def drafted(world: World, *changes: Foreign) -> Draft:
    snapshot = world.snapshot()
    return Draft(replace(snapshot, services={CARTS: replace(world.view(), foreign=changes)}), {}, world.now)


@pytest.mark.parametrize(
    "path",
    [
        f"{OPS}/p9/02-decided.yaml",
        f"{OPS}/p1/xx-decided.yaml",
        f"{OPS}/p1/03-decided.yaml",
        OPENED,
        "ops/x-decided.yaml",
    ],
)
def test_a_deletion_of_what_is_no_decision_of_ours_is_put_back(world: World, path: str) -> None:
    applied(world)
    draft = drafted(world, changed(path))
    assert foreign_turn(draft, CARTS) is True
    assert [(step.event, step.files) for step in draft.steps] == [("restored", {path: b"{}\n"})]
    assert foreign_turn(draft, CARTS) is False


@pytest.mark.parametrize(("change", "unsigned", "event"), [
    ("deleted", "", "reverted"), ("deleted", "nobody has signed it", "restored"), ("modified", "", "restored"),
    ("modified", "nobody has signed it", "restored"),
])  # fmt: skip
def test_who_does_not_count_reverts_nothing_and_that_is_recorded(
    world: World, change: str, unsigned: str, event: str
) -> None:
    draft = drafted(applied(world), changed(DECIDED, change, unsigned))
    assert foreign_turn(draft, CARTS) is True
    (step,) = draft.steps
    assert step.event == event
    told = {"signatures": {DECIDED: unsigned}} if change == "deleted" and unsigned else {}
    assert dict(step.facts) == told


def test_what_is_put_back_is_what_was_changed_and_nothing_else(world: World) -> None:
    applied(world).push({OPENED: "{}\n"})
    (step,) = world.tick()
    assert list(step.files) == [OPENED]


def test_desired_state_is_put_back_as_it_is_now(world: World) -> None:
    applied(world).push({DESIRED: "targets: {}\n"})
    (step,) = world.tick()
    assert list(step.files) == [DESIRED]
    assert world.values() == {"carts-primary": 2}


def test_a_decision_of_one_that_is_over_is_no_others_although_it_has_the_same_number(world: World) -> None:
    world.playbook(playbook(entry("a", "scaling +1"), entry("b", "scaling +3")))
    world.open("p1", "a")
    world.tick()
    world.over("p1", title="a")
    assert world.remediation("p1").outcome == "remediated"
    world.open("p2", "b")
    world.tick()
    world.push({DECIDED: None})
    assert [step.event for step in world.tick()] == ["restored"]
    assert world.replicas() == 5


def test_where_nothing_of_the_stage_was_changed_nothing_is_put_back(world: World) -> None:
    draft = drafted(world)
    assert (stage_foreign_turn(draft), draft.steps) == (False, [])
