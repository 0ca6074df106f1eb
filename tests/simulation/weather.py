"""What goes wrong, where and how often: all of it from the seed.

Every I/O of the engine goes through `Weather.io`. It takes virtual time on its way there and back; it may fail before
anything has happened or after it has, be refused, take long; whoever does it may die on the way there or back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from tests.simulation.schedule import Schedule

_T = TypeVar("_T")
Where: TypeAlias = Literal[
    "git.look",
    "git.list",
    "git.fetch",
    "git.push",
    "cluster.read",
    "cluster.write",
    "flags.read",
    "flags.write",
    "sli",
    "forge",
    "disk",
]
_SECONDS: Final[dict[str, float]] = {
    "git.look": 0.0005,
    "git": 0.08,
    "cluster": 0.03,
    "flags": 0.06,
    "sli": 0.3,
    "forge": 0.15,
    "disk": 0.002,
}
"""How long a way takes on average."""
_RATES: Final = (0.0, 0.01, 0.04, 0.12)
_OUTAGES: Final = ("git", "cluster", "flags", "sli")
LONGEST_BEHIND: Final = 60.0
"""Seconds for which a replica of the remote stands still at most."""


class _Replica(NamedTuple):
    since: float
    until: float
    share: float


class Weather:
    """``say`` is told of everything that goes wrong. Once `calm`, nothing does."""

    def __init__(self, schedule: Schedule, say: Callable[[str], None]) -> None:
        self._schedule = schedule
        self._random = schedule.random
        self._say = say
        self.calm = False
        self.rates = {each: self._random.choice(_RATES) for each in ("before", "after", "refused", "slow")}
        self.deaths = self._random.choice((0.0, 0.002, 0.006, 0.015))
        self._down: dict[tuple[str, str], float] = {}
        self.outages: list[tuple[str, str, float, float]] = []
        self._replica = _Replica(0.0, 0.0, 0.0)

    def begin_outage(self, who: str, what: str, seconds: float) -> None:
        """Let nothing get through from somebody (empty: from everybody) to a server for a while."""
        until = self._schedule.now + seconds
        self._down[who, what] = until
        self.outages.append((who, what, self._schedule.now, until))
        self._say(f"{what} is away for {who or 'everybody'} for {seconds:.0f} s")

    def some_outage(self, names: list[str]) -> None:
        """Begin an outage of something for somebody."""
        seconds = self._random.choice((5.0, 40.0, 200.0))
        self.begin_outage(self._random.choice(["", *names]), self._random.choice(_OUTAGES), seconds)

    def begin_behind(self) -> None:
        """Let a replica of the remote, which answers some who ask for refs or objects, stand still for a while."""
        seconds, share = self._random.choice((3.0, 20.0, LONGEST_BEHIND)), self._random.choice((0.3, 0.7, 1.0))
        self._replica = _Replica(self._schedule.now, self._schedule.now + seconds, share)
        self._say(f"a replica of the remote stands still for {seconds:.0f} s and answers {share:.0%}")

    def behind(self) -> float | None:
        """Return since when the server stands still that answers now; None where it is not behind."""
        replica = self._replica
        if replica.until <= self._schedule.now or self._random.random() >= replica.share:
            return None
        return replica.since

    def clear(self) -> None:
        """Let everything be well from now on."""
        self.calm = True
        self._down.clear()
        self._replica = _Replica(0.0, 0.0, 0.0)

    def _is_down(self, where: str) -> bool:
        name, what = self._schedule.current.life.name, where.partition(".")[0]
        return any(self._down.get((who, what), 0.0) > self._schedule.now for who in ("", name))

    def _way(self, where: str) -> float:
        mean = _SECONDS.get(where) or _SECONDS[where.partition(".")[0]]
        return self._random.expovariate(1 / mean) if mean else 0.0

    def _strikes(self, rate: float) -> bool:
        return not self.calm and rate > 0 and self._random.random() < rate

    def io(
        self, where: Where, act: Callable[[], _T], *, lost: Callable[[], Exception], refused: Callable[[], Exception],
    ) -> _T:  # fmt: skip
        """Do something outside. Raises `lost` where no answer comes, `refused` where it is turned down."""
        self._schedule.sleep(self._way(where))
        self._may_die(where, "on the way to")
        if self._is_down(where):
            self._schedule.sleep(self._random.choice((0.01, 1.0, 4.0)))
            raise lost()
        if self._strikes(self.rates["before"]):
            self._tell(f"lost before {where}")
            raise lost()
        if self._strikes(self.rates["refused"]):
            self._tell(f"refused {where}")
            raise refused()
        if self._strikes(self.rates["slow"]):
            self._be_slow(where)
        found = act()
        if self._strikes(self.rates["slow"]):
            self._be_slow(where)
        self._schedule.sleep(self._way(where))
        self._may_die(where, "on the way from")
        if self._strikes(self.rates["after"]) or self._is_down(where):
            self._tell(f"lost after {where}")
            raise lost()
        return found

    def _be_slow(self, where: str) -> None:
        seconds = self._random.choice((0.7, 3.5, 12.0, 55.0))
        self._tell(f"{where} takes {seconds} s")
        self._schedule.sleep(seconds)

    def _may_die(self, where: str, when: str) -> None:
        if self._strikes(self.deaths):
            self._tell(f"dies {when} {where}")
            self._schedule.kill(self._schedule.current.life)

    def _tell(self, what: str) -> None:
        self._say(f"{self._schedule.current.life.name}: {what}")
