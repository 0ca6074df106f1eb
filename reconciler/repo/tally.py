"""What is counted over a whole stage: who holds which field, who acts, and when each service acted.

Kept service by service as they change, so that it costs what changed and nothing walks all of them (law 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.decide.snapshot import ServiceView, touched
from reconciler.model.desired import Key
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath


class Tally:
    """The counts of one stage."""

    def __init__(self) -> None:
        self._holders: dict[Key, set[ServicePath]] = {}
        self._held_by: dict[ServicePath, set[Key]] = {}
        self._acting: set[ServicePath] = set()
        self._acted: dict[ServicePath, tuple[Instant, ...]] = {}

    def forget(self, service: ServicePath) -> None:
        """Count a service no longer."""
        for key in self._held_by.pop(service, set()):
            self._holders[key].discard(service)
        self._acting.discard(service)
        self._acted.pop(service, None)

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
