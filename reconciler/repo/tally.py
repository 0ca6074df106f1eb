"""What is counted over a whole stage: who holds which field, who acts and when, what is over, how everything stands.

Kept service by service as they change, so that it costs what changed and nothing walks all of them (law 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TypeVar

from reconciler.decide.finished import finished
from reconciler.decide.snapshot import ServiceView
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
    used: service.yaml, remediation.yaml, the stage's own, and those that are ``passed_over``, with the reason of each.
    """

    problems: int = 0
    phases: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    unusable: int = 0
    passed_over: tuple[str, ...] = ()


T = TypeVar("T")

_SLACK = 64
"""Entries of services that changed since which may be left in the order beyond as many as there are right ones."""
_NO_KEYS: frozenset[Key] = frozenset()
_PROBLEM, _UNUSABLE = ("problem", ""), ("unusable", "")


class _Acting(AbstractSet[ServicePath]):
    def __init__(self, now: Callable[[], AbstractSet[ServicePath]]) -> None:
        self._now = now

    def __contains__(self, service: object) -> bool:
        return service in self._now()

    def __iter__(self) -> Iterator[ServicePath]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    @classmethod
    def _from_iterable(cls, it: Iterable[T]) -> frozenset[T]:
        return frozenset(it)


class _Acted(Mapping[ServicePath, tuple[Instant, ...]]):
    def __init__(self, now: Callable[[], Mapping[ServicePath, tuple[Instant, ...]]]) -> None:
        self._now = now

    def __getitem__(self, service: ServicePath) -> tuple[Instant, ...]:
        return self._now()[service]

    def __iter__(self) -> Iterator[ServicePath]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


class Tally:
    """The counts of one stage."""

    def __init__(self) -> None:
        self._due: dict[ServicePath, ServiceView] = {}
        self._holders: dict[Key, set[ServicePath]] = {}
        self._held_by: dict[ServicePath, frozenset[Key]] = {}
        self._acting: set[ServicePath] = set()
        self._acted: dict[ServicePath, tuple[Instant, ...]] = {}
        self._finished: dict[ServicePath, Instant] = {}
        self._order: list[tuple[Instant, ServicePath]] = []
        self._stand: dict[ServicePath, dict[tuple[str, str], int]] = {}
        self._stands: dict[tuple[str, str], int] = {}

    def forget(self, service: ServicePath) -> None:
        """Count a service no longer."""
        self._due.pop(service, None)
        self._hold(service, _NO_KEYS)
        self._acting.discard(service)
        self._acted.pop(service, None)
        self._finished.pop(service, None)
        self._take(service, {})

    def count(self, view: ServiceView) -> None:
        """Count a service as it is now, in place of what it was; done when somebody asks for what is counted."""
        self._due[view.path] = view

    def _settle(self) -> None:
        if self._due:
            due, self._due = self._due, {}
            for view in due.values():
                self._count(view)

    def _count(self, view: ServiceView) -> None:
        """Count a service: what of it is as it was costs nothing but the look."""
        path = view.path
        keys: list[Key] = list(view.desired)
        moments: list[Instant] = []
        acting = False
        stand: dict[tuple[str, str], int] = {}
        for each in view.remediations.values():
            phase = each.phase
            if each.pending and each.once:
                keys += [(once.target, once.field) for once in each.once]
            if each.decisions:
                moments += [moment for _, moment in each.decisions]
            if phase != "ended":
                acting = acting or each.acting
                _more(stand, ("phase", phase))
                if phase == "held" and each.hold is not None:
                    _more(stand, ("held", each.hold.condition))
        _count_files(view, stand)
        self._hold(path, frozenset(keys) if keys else _NO_KEYS)
        (self._acting.add if acting else self._acting.discard)(path)
        if moments:
            moments.sort()
            self._acted[path] = tuple(moments)
        else:
            self._acted.pop(path, None)
        self._end(path, min((each.moved_at for each in finished(view)), default=None))
        self._take(path, stand)

    def _hold(self, service: ServicePath, keys: frozenset[Key]) -> None:
        known = self._held_by.get(service, _NO_KEYS)
        if keys == known:
            return
        for key in known - keys:
            self._holders[key].discard(service)
        for key in keys - known:
            self._holders.setdefault(key, set()).add(service)
        if keys:
            self._held_by[service] = keys
        else:
            del self._held_by[service]

    def _end(self, service: ServicePath, over: Instant | None) -> None:
        if over is None:
            self._finished.pop(service, None)
        elif self._finished.get(service) != over:
            self._finished[service] = over
            heappush(self._order, (over, service))

    def _take(self, service: ServicePath, stand: dict[tuple[str, str], int]) -> None:
        known = self._stand.get(service, {})
        if stand == known:
            return
        for what, count in known.items():
            self._stands[what] -= count
            if not self._stands[what]:
                del self._stands[what]
        for what, count in stand.items():
            _more(self._stands, what, count)
        if stand:
            self._stand[service] = stand
        else:
            del self._stand[service]

    def claimants(self, key: Key) -> frozenset[ServicePath]:
        """Return the services that hold a field, are giving it back, or wait for it to be done once."""
        self._settle()
        return frozenset(self._holders.get(key, ()))

    @property
    def acting(self) -> frozenset[ServicePath]:
        """The services with a running remediation that has decided something."""
        self._settle()
        return frozenset(self._acting)

    @property
    def still_acting(self) -> AbstractSet[ServicePath]:
        """The same; it follows what is counted, and is found out when it is looked at."""
        return _Acting(lambda: self._settled(self._acting))

    @property
    def acted(self) -> Mapping[ServicePath, tuple[Instant, ...]]:
        """The moments of all actions of each service that has any, the oldest first; it follows what is counted."""
        return _Acted(lambda: self._settled(self._acted))

    def _settled(self, counted: T) -> T:
        self._settle()
        return counted

    def oldest_finished(self) -> Instant | None:
        """Return when the newest step was made of the finished remediation that was moved on longest ago."""
        self._settle()
        if len(self._order) > 2 * len(self._finished) + _SLACK:
            self._order = sorted((moment, service) for service, moment in self._finished.items())
        while self._order and self._finished.get(self._order[0][1]) != self._order[0][0]:
            heappop(self._order)
        return self._order[0][0] if self._order else None

    def finished_until(self, moment: Instant) -> tuple[ServicePath, ...]:
        """Return the services with a finished remediation that nothing came after, the oldest first."""
        self._settle()
        return tuple(path for when, path in sorted((w, p) for p, w in self._finished.items()) if when <= moment)

    def census(self) -> Census:
        """Return how the services stand."""
        self._settle()
        return Census(
            self._stands.get(_PROBLEM, 0),
            {name: count for (what, name), count in self._stands.items() if what == "phase"},
            {name: count for (what, name), count in self._stands.items() if what == "held"},
            self._stands.get(_UNUSABLE, 0),
        )


def _more(counts: dict[tuple[str, str], int], what: tuple[str, str], count: int = 1) -> None:
    counts[what] = counts.get(what, 0) + count


def _count_files(view: ServiceView, counts: dict[tuple[str, str], int]) -> None:
    for file in view.problems.values():
        problem = file.problem
        if isinstance(problem, Problem) and problem.state == "open":
            _more(counts, _PROBLEM)
    for people in (view.config, view.playbook):
        if isinstance(people, UserError):
            _more(counts, _UNUSABLE)
