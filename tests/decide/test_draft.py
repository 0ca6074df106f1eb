"""The steps of one call: what they are called, and when time alone brings more."""

from __future__ import annotations

from reconciler.decide.draft import IN_DOUBT, Draft, Note
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath
from tests.decide.world import World

CARTS = ServicePath("carts")


def drafted(world: World) -> Draft:
    draft = Draft(world.snapshot(), {}, world.now)
    draft.about = CARTS
    return draft


def test_of_several_moments_the_first_is_the_one_to_be_called_at(world: World) -> None:
    draft = drafted(world)
    for seconds in (20, 10, 30):
        assert not draft.at(Instant(world.now + seconds))
    assert draft.dues == {CARTS: world.now + 10}


def test_a_moment_has_come_when_it_is_now(world: World) -> None:
    draft = drafted(world)
    assert draft.at(world.now)
    assert draft.dues == {}


def test_while_the_clock_is_in_doubt_no_moment_has_come(world: World) -> None:
    draft = Draft(world.snapshot(), {}, world.now, timers=False)
    draft.about = CARTS
    assert not draft.at(world.now)
    assert draft.dues == {CARTS: world.now + IN_DOUBT}


def test_a_step_of_no_remediation_has_no_number_but_its_sequence(world: World) -> None:
    draft = drafted(world)
    draft.add_to_stage(Note("rewritten", "the branch was rewritten"))
    draft.add_to_stage(Note("rewritten", "the branch was rewritten"), sequence=20)
    draft.add_to_stage(Note("rewritten", "the branch was rewritten"), sequence=3)
    assert [(step.number, step.sequence) for step in draft.steps] == [(0, 1), (0, 20), (0, 21)]
