"""What is counted over a whole stage: who holds which field, who acts and when, what is over, how everything stands.

Kept service by service as they change, so that it costs what changed and nothing walks all of them (law 6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from types import MappingProxyType

from reconciler.decide.finished import finished
from reconciler.decide.snapshot import ServiceView, touched
from reconciler.model.desired import Key
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath
from reconciler.model.problem import Problem


@dataclass(frozen=True)
class Census:
    """How the services about which anything was reported stand.

    ``problems`` are the problem files that say `open`; ``phases`` and ``held`` count the remediations that have not
    ended, by their phase and, where they are held, by the condition; ``unusable`` are files of people that cannot be
    used: service.yaml, remediation.yaml, and the stage's own.
    """

    problems: int = 0
    phases: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    unusable: int = 0


_SLACK = 64
"""Entries of services that changed since which may be left in the order beyond as many as there are right ones."""
_PROBLEM, _UNUSABLE = ("problem", ""), ("unusable", "")


class Tally:
    """The counts of one stage."""

    def __init__(self) -> None:
        self._holders: dict[Key, set[ServicePath]] = {}
        self._held_by: dict[ServicePath, set[Key]] = {}
        self._acting: set[ServicePath] = set()
        self._acted: dict[ServicePath, tuple[Instant, ...]] = {}
        self._finished: dict[ServicePath, Instant] = {}
        self._order: list[tuple[Instant, ServicePath]] = []
        self._stand: dict[ServicePath, Counter[tuple[str, str]]] = {}
        self._stands: Counter[tuple[str, str]] = Counter()

    def forget(self, service: ServicePath) -> None:
        """Count a service no longer."""
        for key in self._held_by.pop(service, set()):
            self._holders[key].discard(service)
        self._acting.discard(service)
        self._acted.pop(service, None)
        self._finished.pop(service, None)
        for what, count in self._stand.pop(service, {}).items():
            self._stands[what] -= count
            if not self._stands[what]:
                del self._stands[what]

    def count(self, view: ServiceView) -> None:
        """Count a service as it is now, in place of what it was."""
        self.forget(view.path)
        for key in touched(view):
            self._holders.setdefault(key, set()).add(view.path)
            self._held_by.setdefault(view.path, set()).add(key)
        if any(remediation.acting for remediation in view.remediations.values()):
            self._acting.add(view.path)
        moments = sorted(moment for each in view.remediations.values() for _, moment in each.decisions)
        if moments:
            self._acted[view.path] = tuple(moments)
        over = min((each.moved_at for each in finished(view)), default=None)
        if over is not None:
            self._finished[view.path] = over
            heappush(self._order, (over, view.path))
        stands = self._stand[view.path] = Counter(_standing(view))
        self._stands.update(stands)

    def claimants(self, key: Key) -> frozenset[ServicePath]:
        """Return the services that hold a field, are giving it back, or wait for it to be done once."""
        return frozenset(self._holders.get(key, ()))

    @property
    def acting(self) -> frozenset[ServicePath]:
        """The services with a running remediation that has decided something."""
        return frozenset(self._acting)

    @property
    def acted(self) -> Mapping[ServicePath, tuple[Instant, ...]]:
        """The moments of all actions of each service that has any, the oldest first; it follows what is counted."""
        return MappingProxyType(self._acted)

    def oldest_finished(self) -> Instant | None:
        """Return when the newest step was made of the finished remediation that was moved on longest ago."""
        if len(self._order) > 2 * len(self._finished) + _SLACK:
            self._order = sorted((moment, service) for service, moment in self._finished.items())
        while self._order and self._finished.get(self._order[0][1]) != self._order[0][0]:
            heappop(self._order)
        return self._order[0][0] if self._order else None

    def finished_until(self, moment: Instant) -> tuple[ServicePath, ...]:
        """Return the services with a finished remediation that nothing came after, the oldest first."""
        return tuple(path for when, path in sorted((w, p) for p, w in self._finished.items()) if when <= moment)

    def census(self) -> Census:
        """Return how the services stand."""
        return Census(
            self._stands[_PROBLEM],
            {name: count for (what, name), count in self._stands.items() if what == "phase"},
            {name: count for (what, name), count in self._stands.items() if what == "held"},
            self._stands[_UNUSABLE],
        )


def _standing(view: ServiceView) -> Iterator[tuple[str, str]]:
    for file in view.problems.values():
        if isinstance(file.problem, Problem) and file.problem.state == "open":
            yield _PROBLEM
    for remediation in view.remediations.values():
        if not remediation.ended:
            yield "phase", remediation.phase
        if remediation.phase == "held" and remediation.hold is not None:
            yield "held", remediation.hold.condition
    for people in (view.config, view.playbook):
        if isinstance(people, UserError):
            yield _UNUSABLE
