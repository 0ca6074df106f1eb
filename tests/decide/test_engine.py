"""One call of `decide`: what it is asked, and when it wants to be asked again."""

from __future__ import annotations

from reconciler.decide.engine import Decision, decide
from reconciler.decide.policy import DEFAULT_WAIT
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath
from tests.decide.world import World


def test_time_alone_brings_more_at_the_first_of_the_services_moments() -> None:
    dues = {ServicePath("carts"): Instant(30), ServicePath("orders"): Instant(20), ServicePath("users"): Instant(40)}
    assert Decision((), frozenset(), dues).due == 20
    assert Decision((), frozenset(), {}).due is None


def test_what_is_due_is_decided_unless_the_clock_is_said_to_be_in_doubt(world: World) -> None:
    world.open("p1")
    world.tick()
    world.resolve("p1")
    world.later(DEFAULT_WAIT)
    snapshot, services = world.snapshot(), world.services()
    assert [step.event for step in decide(snapshot, {}, world.now, services).steps] == ["evaluated", "remediated"]
    assert decide(snapshot, {}, world.now, services, timers=False).steps == ()
