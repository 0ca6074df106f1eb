"""Which of the services that hold something are looked at now, so that drift is noticed: all of them in each round.

A round is spread over the time that it has, a slice each second, so that no server is asked about thousands of targets
at once, a fresh daemon's least of all, and nothing else waits behind them. Whom no answer came about in time is looked
at again in the next slice, before others: the answer has come by then, or is still under way and not asked for again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from reconciler.daemon.clock import Clock
from reconciler.model.names import ServicePath

_PAUSE: Final = 1.0
"""Seconds between two slices of a round."""
_AT_ONCE: Final = 256
"""Services of a slice where a round is not too short for that."""


class Sweep:
    """One owner thread. ``every`` is how many seconds after the last round the next one begins; none does at once.

    Where it is 0 each pass is a whole round: nobody comes by again who would look at the rest.
    """

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._every = every
        self._begins = clock.monotonic() + every
        self._at = self._begins
        self._left: list[ServicePath] = []
        self._late: set[ServicePath] = set()
        self._size = _AT_ONCE

    @property
    def at(self) -> float:
        """When the next slice is due, monotonic seconds."""
        return self._at

    def is_due(self) -> bool:
        """Whether a slice is due; one that is not taken then is due again only when a round would be."""
        now = self._clock.monotonic()
        if now < self._at:
            return False
        self._at = now + self._every
        return True

    def take(self, holding: AbstractSet[ServicePath]) -> set[ServicePath]:
        """Return the slice that is due, of those that hold something now."""
        now = self._clock.monotonic()
        if not self._left and now >= self._begins:
            self._left = sorted(holding - self._late)
            self._begins = now + self._every
            slices = self._every / _PAUSE
            self._size = max(_AT_ONCE, math.ceil(len(self._left) / slices)) if slices else len(holding)
        room = max(self._size - len(self._late), 0)
        taken, self._left = {*self._late, *self._left[:room]}, self._left[room:]
        self._late = set()
        self._at = now + _PAUSE if self._left else max(self._begins, now)
        return taken & holding

    def again(self, unseen: Iterable[ServicePath]) -> None:
        """Note whom no answer came about in time: they are of the next slice, which comes after the usual pause.

        They take room in it, so that a server that is slow is asked about so much less. The round does not wait for
        them.
        """
        self._late.update(unseen)
        if self._late:
            self._at = min(self._at, self._clock.monotonic() + _PAUSE)

    def begin(self) -> None:
        """Begin a round now, from the first one on."""
        self._left = []
        self._late = set()
        self._begins = self._at = self._clock.monotonic()
