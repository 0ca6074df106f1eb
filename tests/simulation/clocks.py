"""Clocks of a simulation's daemons, which differ and jump; and what they may not lead to: a wait that is cut short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Any, Final

from reconciler.daemon.clock import TOLERANCE
from reconciler.model.instant import Instant, parse_instant
from reconciler.repo.steps import Claimed
from tests.simulation.schedule import EPOCH, Schedule

_DIFFER: Final = 2.0
"""Seconds by which clocks are ahead or behind where nothing is wrong with them."""
_JUMPS: Final = (-500.0, -90.0, -15.0, 15.0, 90.0, 500.0)
_KNOWN: Final = 110.0
"""Seconds for which a server's date is known to a daemon (`ServerDates`), and a little less."""
_SLACK: Final = TOLERANCE + 2 * _DIFFER + 2.0
"""Seconds by which a wait may end early: what no clock is doubted for, and whole seconds."""


class WallClock:
    """A daemon's clocks."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._set = [(0.0, 0.0)]
        self._compared: list[float] = []
        self.settle()

    @property
    def ahead(self) -> float:
        """Seconds by which the wall clock is ahead."""
        return self._set[-1][1]

    def settle(self) -> None:
        """Be as right as clocks are."""
        self._put(self._schedule.random.uniform(-_DIFFER, _DIFFER))

    def jump(self) -> float:
        """Jump; return by how many seconds."""
        by = self._schedule.random.choice(_JUMPS)
        self._put(self.ahead + by)
        return by

    def restart(self) -> None:
        """Begin without knowing what servers' clocks say."""
        self._compared.clear()

    def compare(self) -> None:
        """A server's date is heard."""
        self._compared.append(self._schedule.now)

    def is_known(self, moment: float) -> bool:
        """Whether the daemon knew a server's date at a moment: nothing else tells of a clock that stays wrong."""
        return any(moment - _KNOWN <= each <= moment for each in self._compared)

    def _put(self, ahead: float) -> None:
        self._set.append((self._schedule.now, ahead))

    def wall(self) -> float:
        return EPOCH + self._schedule.now + self.ahead

    def monotonic(self) -> float:
        return 1000.0 + self._schedule.now

    def moments(self, told: Instant, since: float, until: float) -> list[float]:
        """Return when, between two moments, this clock showed a second; more often than once after a jump back."""
        found = []
        ends = [begin for begin, _ in self._set[1:]] + [until]
        for (begin, ahead), end in zip(self._set, ends, strict=True):
            moment = told - EPOCH - ahead
            if begin - 1.0 <= moment <= end and moment >= since:
                found.append(max(moment, begin))
        return found


def date_of(schedule: Schedule) -> str:
    """Return what a server, whose clock is right, says with its answers."""
    return formatdate(EPOCH + schedule.now, usegmt=True)


class Waits:
    """When something was to be evaluated at the earliest, in true time."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str, str], float | None] = {}

    def early(
        self, claim: Claimed, data: Mapping[str, Any], clock: WallClock, decided: Sequence[float], landed: float
    ) -> float:  # fmt: skip
        """Take a step that has landed; return by how many seconds it came too early, if it evaluates.

        ``decided`` is when its daemon's clock showed its moment, as far as it did.
        """
        name = claim.stage, claim.trailers.get("Service", ""), claim.trailers.get("Remediation", "")
        end, early = self._ends.get(name), 0.0
        if claim.event == "evaluated" and end is not None and all(map(clock.is_known, decided)):
            early = end - landed - _SLACK
        if "until" in data:
            # Steps whose moment no clock showed have their parent's, which is later.
            wait = parse_instant(str(data["until"])) - claim.now
            known = bool(decided) and all(map(clock.is_known, decided))
            self._ends[name] = min(decided) + wait if known else None
        elif claim.event != "evaluated":
            self._ends.pop(name, None)
        return max(early, 0.0)
