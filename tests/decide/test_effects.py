"""What must be written: by which step, for whom, and only while what stands there is still what was decided upon."""

from __future__ import annotations

import pytest

from reconciler.decide.effects import Due, due_effects
from reconciler.model.names import RemediationId
from reconciler.model.targets import FieldValue, WantFlag
from tests.decide.files import entry, playbook
from tests.decide.test_claims import FLAG
from tests.decide.world import World

WANT = WantFlag("flags", "default", "production", "A")


def due(value: FieldValue, expected: FieldValue | None = None, **more: dict[str, str]) -> Due:
    return Due(FLAG, value, 7, "sockshop/production/carts", WANT, RemediationId("p1"), expected, **more)  # type: ignore[arg-type]  # a payload


@pytest.mark.parametrize(
    ("expected", "live", "stands"),
    [(None, 3, True), (None, None, False), (4, 4, True), (4, 1, True), (4, 9, False), (4, None, False)],
)
def test_what_is_given_back_is_written_only_while_it_is_still_ours(
    expected: int | None, live: int | None, stands: bool
) -> None:
    assert due(1, expected).stands(live) is stands


def test_what_an_endpoint_is_told_does_not_make_it_another_write() -> None:
    assert {due(True, payload={"a": "b"})} == {due(True, payload={"a": "c"})}


def test_a_restart_is_written_to_the_workload_itself(world: World) -> None:
    world.playbook(playbook(entry("slow", "restart")))
    world.open("p1", "slow")
    world.tick(apply=False)
    snapshot = world.snapshot()
    (each,) = due_effects(snapshot.stage, world.view())
    assert (each.key[1], each.owner, each.by, each.expected) == (
        "restartedAt", "sockshop/production/carts", "p1", None,
    )  # fmt: skip
    assert not each.through
