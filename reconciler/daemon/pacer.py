"""Pauses between machine pushes, so that a person's push always lands (docs/laws.md, law 5).

The first push after a second without one goes at once. Within one second a gap of one push time, at least 100 ms, lies
between two of them; after somebody else pushed we step back once more.
"""

from __future__ import annotations

QUIET = 1.0
LEAST = 0.1


class Pacer:
    """Tells how long to wait before the next push. All times are monotonic seconds."""

    def __init__(self) -> None:
        self._ended: float | None = None
        self._lasted = LEAST
        self._foreign: float | None = None

    def pushed(self, began: float, ended: float) -> None:
        """Note a push of ours."""
        self._ended = ended
        self._lasted = max(ended - began, LEAST)

    def foreign(self, at: float) -> None:
        """Note a push of somebody else."""
        self._foreign = at

    def delay(self, now: float) -> float:
        """Return the seconds to wait before the next push; 0 after a second without one of ours."""
        if self._ended is None or now - self._ended >= QUIET:
            return 0.0
        free = self._ended + self._lasted
        if self._foreign is not None and self._foreign > self._ended:
            free = max(free, self._foreign + self._lasted)
        # After a slow push too: who asks a second later may go at once, so nobody is made to wait longer now.
        return max(min(free, self._ended + QUIET) - now, 0.0)
