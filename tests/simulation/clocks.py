"""Clocks of a simulation's daemons, which differ and jump; and what they may not lead to: a wait that is cut short."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from email.utils import formatdate
from typing import Any, Final

from reconciler.daemon.clock import TOLERANCE
from reconciler.model.instant import Instant, parse_instant
from reconciler.model.names import CommitId
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
        self._compared: list[tuple[str, float]] = []
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

    def compare(self, stage: str) -> None:
        """The date of a stage's server is heard."""
        self._compared.append((stage, self._schedule.now))

    def is_known(self, stage: str, moment: float) -> bool:
        """Whether a stage knew its server's date at a moment: nothing else tells of a clock that stays wrong."""
        return any(of == stage and moment - _KNOWN <= each <= moment for of, each in self._compared)

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
    """When something was to be evaluated at the earliest, in true time, by the step that began the wait."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str, str], dict[CommitId, float | None]] = {}

    def early(
        self, claim: Claimed, data: Mapping[str, Any], clock: WallClock, decided: Sequence[float], landed: float,
        parents: Callable[[CommitId], Sequence[CommitId]],
    ) -> float:  # fmt: skip
        """Take a step that has landed; return by how many seconds it came too early, if it evaluates.

        ``decided`` is when its daemon's clock showed its moment, as far as it did.
        """
        name = claim.stage, claim.trailers.get("Service", ""), claim.trailers.get("Remediation", "")
        ends, early = self._ends.setdefault(name, {}), 0.0
        is_known = all(clock.is_known(claim.stage, each) for each in decided)
        if claim.event == "evaluated" and is_known:
            stood = [ends[each] for each in _nearest(claim.info.parents, ends, parents)]
            known = [end for end in stood if end is not None]
            early = min(known) - landed - _SLACK if known and len(known) == len(stood) else 0.0
        if "until" in data:
            # Steps whose moment no clock showed have their parent's, which is later.
            wait = parse_instant(str(data["until"])) - claim.now
            ends[claim.commit] = min(decided) + wait if decided and is_known else None
        elif claim.event != "evaluated":
            ends[claim.commit] = None
        return max(early, 0.0)


def _nearest(
    commits: Sequence[CommitId], wanted: Container[CommitId], parents: Callable[[CommitId], Sequence[CommitId]]
) -> Iterator[CommitId]:
    """Yield the first that is wanted on each way back: behind a merge there is more than one."""
    seen: set[CommitId] = set()
    left = list(commits)
    while left:
        current = left.pop()
        if current in seen:
            continue
        seen.add(current)
        if current in wanted:
            yield current
        else:
            left.extend(parents(current))
