"""Freeze windows: whether nothing may be changed now, and when that ends.

Windows that overlap, or of which one opens in the second in which another ends, are one. The work is bounded whatever
the schedules say: the windows that open on one day are joined once for all days like it, and at most a year of days is
looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from reconciler.model.instant import Instant
from reconciler.model.policy import Freeze

_DAY: Final = 86400
_EPOCH: Final = date(1970, 1, 1).toordinal()
AHEAD: Final = 366 * _DAY
"""Seconds for which the end of a freeze is looked for; one that lasts longer has no end to speak of."""


@dataclass(frozen=True)
class Frozen:
    """Nothing may be changed. ``until`` is the first moment without a window, None where none comes within a year.

    ``reason`` is why, in the words of the windows that are open now; empty where they give none.
    """

    until: Instant | None
    reason: str


def frozen(freezes: tuple[Freeze, ...], now: Instant) -> Frozen | None:
    """Return why and until when nothing may be changed at ``now``, None where no window is open. All times are UTC."""
    end = _end(freezes, now, AHEAD)
    if end == now:
        return None
    reasons = dict.fromkeys(freeze.reason for freeze in freezes if freeze.reason and _end((freeze,), now, 0) > now)
    return Frozen(Instant(end) if end <= now + AHEAD else None, ", ".join(reasons))


def _end(freezes: tuple[Freeze, ...], now: int, ahead: int) -> int:
    """Return until when windows are open without a gap from ``now`` on, which is ``now`` where none is open.

    Windows are joined in the order in which they open, and no further than until the end is more than ``ahead`` away.
    """
    end = now
    day = (now - max((freeze.duration for freeze in freezes), default=0)) // _DAY
    while day <= end // _DAY and end <= now + ahead:
        today = date.fromordinal(_EPOCH + day)
        for start, stop in _runs(tuple(freeze for freeze in freezes if freeze.schedule.on(today))):
            if day * _DAY + start > end:
                return end
            end = max(end, day * _DAY + stop)
        day += 1
    return end


@lru_cache(maxsize=256)
def _runs(freezes: tuple[Freeze, ...]) -> tuple[tuple[int, int], ...]:
    """Return the windows that open on a day of all these, joined: seconds since its midnight, ends beyond it too."""
    opening = sorted(
        (hour * 3600 + minute * 60, freeze.duration)
        for freeze in freezes
        for hour in freeze.schedule.hours
        for minute in freeze.schedule.minutes
    )
    runs: list[tuple[int, int]] = []
    for start, duration in opening:
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], start + duration))
        else:
            runs.append((start, start + duration))
    return tuple(runs)
