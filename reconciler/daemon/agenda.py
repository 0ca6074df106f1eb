"""When to look again at which service, without anything having been pushed.

Four reasons: a decision is on its way into the world (soon, then less often), a moment that Git names has come (a wait
is over), something is held whose lifting shows only outside Git (now and then), and the sweep over everything held,
which notices drift. Nothing here is truth.
"""

from __future__ import annotations

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.clock import Clock
from reconciler.daemon.sweep import Sweep
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath

PENDING = (0.1, 5.0)
"""First and longest pause, in seconds, between looks at a rollout in progress."""
STAGE = ServicePath("")
HELD = 15.0
"""Seconds between looks at what a held remediation waits for."""


class Agenda:
    """The moments, monotonic seconds, at which services are to be looked at again."""

    def __init__(self, clock: Clock, *, sweep_every: float = 30.0, seed: int = 0) -> None:
        self._clock = clock
        self._seed = seed
        self._when: dict[ServicePath, float] = {}
        self._pauses: dict[ServicePath, Backoff] = {}
        self._held: set[ServicePath] = set()
        self._due: dict[ServicePath, Instant] = {}
        self.sweep = Sweep(clock, sweep_every)
        self._wake: float | None = None

    def note(self, service: ServicePath, *, pending: bool, outside: bool, others: bool) -> None:
        """Say how a service stands after a pass.

        ``pending``: something of it is on its way, or could not be seen. ``outside``: what it waits for shows only
        outside Git. ``others``: another remediation's step, or the hour, may be what it waits for.
        """
        if others:
            self._held.add(service)
        else:
            self._held.discard(service)
        now = self._clock.monotonic()
        if pending:
            pause = self._pauses.setdefault(service, Backoff(*PENDING, seed=self._seed + len(self._pauses)))
            self._when[service] = now + pause.next()
        elif outside:
            self._pauses.pop(service, None)
            self._when[service] = now + HELD
        else:
            self._pauses.pop(service, None)
            self._when.pop(service, None)

    def take_due(self) -> set[ServicePath]:
        """Return the services whose moment has come."""
        now = self._clock.monotonic()
        due = {service for service, when in self._when.items() if when <= now}
        for service in due:
            del self._when[service]
        wall = self._clock.wall()
        come = {service for service, moment in self._due.items() if moment <= wall}
        for service in come:
            del self._due[service]
        come.discard(STAGE)
        if self._wake is not None and wall >= self._wake:
            due |= self._held | self._pauses.keys()
            self._wake = None
        return due | come

    def waiting(self) -> set[ServicePath]:
        """Return the services that wait for others: any step may be what they wait for."""
        return set(self._held)

    def wake_at(self, service: ServicePath, moment: Instant | None) -> None:
        """Look again at a service when a moment (wall clock) comes; None: time alone brings nothing more for it.

        The empty path is the stage itself: it ends a pause and is no service to look at.
        """
        if moment is None:
            self._due.pop(service, None)
        else:
            self._due[service] = moment

    def look_soon(self) -> None:
        """Look again at everything that waits, at once."""
        self._wake = self._clock.wall()

    def pause(self) -> float:
        """Return the seconds until the next moment."""
        now = self._clock.monotonic()
        moments = [*self._when.values(), self.sweep.at]
        first = min(self._due.values(), default=None)
        wall = self._clock.wall()
        moments += [now + moment - wall for moment in (self._wake, first) if moment is not None]
        return max(min(moments) - now, 0.0)
