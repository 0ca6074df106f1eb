"""The leases that this daemon holds, and for how long it may believe so.

A belief ends after two thirds of the duration, counted from before the call that renewed the lease was made. Others
take over after all of it, counted from when they saw the renewal, which is later: so clocks may run at different
speeds, and what was begun at the last moment has time to end. The wall clock counts too, because the monotonic one of a
machine that sleeps stands still.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.daemon.clock import Clock
from reconciler.daemon.leases.record import LeaseName, Record

BELIEVED: Final = 2 / 3
"""The part of the duration for which a holder believes in its lease; client-go's 10 s of 15 s."""


@dataclass(frozen=True)
class Held:
    """One lease of ours. ``began`` and ``until`` are monotonic seconds, ``wall_until`` those of the wall clock.

    ``leaving``: it is to be given up, and nothing new is written; ``left``: nothing is being written any more.
    """

    record: Record
    began: float
    until: float
    wall_until: float
    leaving: bool = False
    left: bool = False


@dataclass
class Tenure:
    """What this daemon holds. Safe to use from several threads."""

    clock: Clock
    duration: float
    _held: dict[LeaseName, Held] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_ours(self, name: LeaseName) -> bool:
        """Whether this daemon holds a lease at this very moment, and is not giving it up."""
        held = self._held.get(name)
        if held is None or held.leaving:
            return False
        return self.clock.monotonic() < held.until and self.clock.wall() < held.wall_until

    def get(self, name: LeaseName) -> Held | None:
        """Return what is known of a lease that was ours when it was heard of last."""
        return self._held.get(name)

    def names(self) -> frozenset[LeaseName]:
        """Return all of those."""
        with self._lock:
            return frozenset(self._held)

    def believed(self) -> frozenset[LeaseName]:
        """Return those that are ours at this moment."""
        return frozenset(name for name in self.names() if self.is_ours(name))

    def renewed(self, record: Record, began: float, wall: float) -> None:
        """Take a lease that was written as ours by a call begun at these times of the two clocks."""
        kept = self.duration * BELIEVED
        with self._lock:
            before = self._held.get(record.name)
            self._held[record.name] = Held(
                record, began, began + kept, wall + kept,
                leaving=before is not None and before.leaving, left=before is not None and before.left,
            )  # fmt: skip

    def noted(self, record: Record) -> None:
        """Take a lease of ours as it was read: somebody else may have written a label."""
        with self._lock:
            if record.name in self._held:
                self._held[record.name] = replace(self._held[record.name], record=record)

    def give_up(self, name: LeaseName) -> None:
        """Hold no more than the record: nothing new is to be written."""
        with self._lock:
            if name in self._held:
                self._held[name] = replace(self._held[name], leaving=True)

    def left(self, name: LeaseName) -> None:
        """Take that nothing is written any more, if the lease is being given up."""
        with self._lock:
            held = self._held.get(name)
            if held is not None and held.leaving:
                self._held[name] = replace(held, left=True)

    def lost(self, name: LeaseName) -> None:
        """Take that a lease is not ours any more."""
        with self._lock:
            self._held.pop(name, None)
