"""A stage of which only some parts were read: what nobody reads is not there, and what came is new."""

from __future__ import annotations

import pytest

from reconciler.decide.draft import Draft
from reconciler.decide.snapshot import FileRef, Pinned, Snapshot
from reconciler.model.names import BlobId, ServicePath
from tests.decide.world import World

CARTS = ServicePath("carts")


@pytest.fixture
def drafted(world: World) -> Draft:
    return Draft(Snapshot(world.snapshot().stage, {}, lambda _: frozenset()), {}, world.now)


def test_nothing_is_pinned_and_nothing_is_archived(drafted: Draft) -> None:
    assert drafted.pins(("carts/slo.yaml@abc",)) == Pinned()
    shelves = drafted.shelves
    assert (shelves.oldest(), shelves.until(drafted.now)) == (None, ())
    assert (shelves.files(CARTS), shelves.blob("carts/slo.yaml"), shelves.closed().lines) == ((), None, ())


def test_a_problem_came_just_now(drafted: Draft) -> None:
    assert drafted.arrived(FileRef("ops/production/carts/problems/p1.yaml", BlobId("abc"))) == drafted.now
