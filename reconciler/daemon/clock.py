"""Time, injected: the wall clock for what is written down, the monotonic one for how long things take."""

from __future__ import annotations

import time
from typing import Protocol

from reconciler.model.instant import Instant

TOLERANCE = 5.0
"""Seconds that clocks may disagree before nothing due by time is decided (DESIGN.md, law 3)."""
_DOUBTED_AT_MOST = 3600.0


class Clock(Protocol):
    """Two clocks of one machine, both in seconds."""

    def wall(self) -> float:
        """Return seconds since 1970, UTC. May jump."""

    def monotonic(self) -> float:
        """Return seconds since some moment; never goes back."""


class SystemClock:
    """The machine's clocks."""

    def wall(self) -> float:
        """Return `time.time`."""
        return time.time()

    def monotonic(self) -> float:
        """Return `time.monotonic`."""
        return time.monotonic()


class Watchful:
    """A wall clock that is compared with the monotonic one ever since it was made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = clock.wall() - clock.monotonic()
        self._doubted_until = clock.monotonic()
        self._reason = ""

    def now(self) -> Instant:
        """Return the wall clock's whole second."""
        return Instant(int(self._clock.wall()))

    def doubt(self, floor: Instant) -> str:
        """Return why the clock cannot be trusted for timers, empty where it can.

        ``floor`` is the greatest `Now:` of the stage's steps. After a jump the clock is doubted for as long as it
        jumped, an hour at most: until then a deadline could come early, afterwards none can.
        """
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        if floor - wall > TOLERANCE:
            return f"steps in Git are {int(floor - wall)} s ahead of this machine's clock"
        offset = wall - monotonic
        moved = offset - self._offset
        if abs(moved) > TOLERANCE:
            self._offset = offset
            self._doubted_until = max(self._doubted_until, monotonic + min(abs(moved), _DOUBTED_AT_MOST))
            self._reason = f"this machine's clock jumped by {moved:+.0f} s"
        return self._reason if monotonic < self._doubted_until else ""
