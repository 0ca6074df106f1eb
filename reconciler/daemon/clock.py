"""Time, injected: the wall clock for what is written down, the monotonic one for how long things take."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime
from typing import Protocol

from reconciler.model.instant import Instant

TOLERANCE = 5.0
"""Seconds that clocks may disagree before nothing due by time is decided (docs/laws.md, law 3)."""
_DOUBTED_AT_MOST = 3600.0
_DATE_COUNTS = 120.0
"""Seconds for which a server's date counts: longer than a sweep, so that what is held is asked about in between."""


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


class ServerDates:
    """What servers' clocks say beside ours. Told from any thread, asked by the loop's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = 0.0
        self._heard_at = -math.inf

    def heard(self, date: str) -> None:
        """Take the `Date:` of an answer that has just come (RFC 9110, whole seconds); what is none is passed over."""
        try:
            moment = parsedate_to_datetime(date).timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        # The server cut its second off, so the half of one is its best guess. Our own clock may jump before it is
        # asked again: it is compared with the server's as that goes on meanwhile.
        self._heard_at = self._clock.monotonic()
        self._offset = moment + 0.5 - self._heard_at

    def ahead(self) -> float:
        """Return by how many seconds the last server is ahead of our clock; 0 where none was heard of late."""
        now = self._clock.monotonic()
        return self._offset + now - self._clock.wall() if now - self._heard_at <= _DATE_COUNTS else 0.0


class Watchful:
    """A wall clock that is compared with the monotonic one ever since it was made."""

    def __init__(self, clock: Clock, dates: ServerDates | None = None) -> None:
        self._clock = clock
        self._dates = dates or ServerDates(clock)
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
        self._note_jump(wall - monotonic, monotonic)
        if floor - wall > TOLERANCE:
            return f"steps in Git are {int(floor - wall)} s ahead of this machine's clock"
        if abs(ahead := self._dates.ahead()) > TOLERANCE:
            return (
                f"this machine's clock is {abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} the API server's"
            )
        return self._reason if monotonic < self._doubted_until else ""

    def _note_jump(self, offset: float, monotonic: float) -> None:
        """Take note of a jump when it is first seen, whatever else is wrong by then: the doubt begins there."""
        moved = offset - self._offset
        if abs(moved) > TOLERANCE:
            self._offset = offset
            self._doubted_until = max(self._doubted_until, monotonic + min(abs(moved), _DOUBTED_AT_MOST))
            self._reason = f"this machine's clock jumped by {moved:+.0f} s"
