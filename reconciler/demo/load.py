"""Load on a service as its users make it: requests that come when they come, whether or not the last were answered.

Arrivals are a Poisson process (exponential pauses) from a seed, so that a run can be repeated. Such an open loop shows
what a service does when it is too slow; a closed one, which waits for answers, would slow down with it. So that it
ends and does no harm by itself, there is a limit to the requests under way, to their number and to the time.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

MOST: Final = 100_000
"""Requests in one run at most."""
IN_FLIGHT: Final = 60
RATE: Final = 28.0
"""Requests a second: a little more than one replica of the demo's service can answer."""

Ask: TypeAlias = Callable[[], Awaitable[str]]
"""Makes one request, and returns its HTTP status, or in words why there was none."""


@dataclass(frozen=True)
class Load:
    """How much: ``rate`` requests a second on average for ``seconds``, at most ``in_flight`` of them at one time."""

    rate: float = RATE
    seconds: float = 60.0
    seed: int = 1
    in_flight: int = IN_FLIGHT
    most: int = MOST


@dataclass(frozen=True)
class Time:
    """The clock of a run, in seconds."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass
class Tally:
    """What came of the requests. ``not_sent`` are those that would have been too many at one time.

    ``times`` are the seconds until each answer; a request without an answer has none and counts in ``codes`` only.
    """

    times: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    not_sent: int = 0
    in_flight: int = 0

    @property
    def requests(self) -> int:
        """How many have come to an end."""
        return self.codes.total()

    def add(self, code: str, seconds: float) -> None:
        """Count a request that has come to its end."""
        self.codes[code] += 1
        if code.isdigit():
            self.times.append(seconds)

    def told(self) -> dict[str, Any]:
        """Return all of it as plain data; times in milliseconds, null where nothing was answered."""
        failures = failed(self.codes)
        return {
            "requests": self.requests,
            "notSent": self.not_sent,
            "codes": dict(sorted(self.codes.items())),
            "failures": failures,
            "failureRatio": round(failures / self.requests, 4) if self.requests else None,
            "milliseconds": {
                **{f"p{percent}": _milliseconds(percentile(self.times, percent)) for percent in (50, 90, 95)},
                "max": _milliseconds(max(self.times, default=None)),
            },
        }


def failed(codes: Mapping[str, int]) -> int:
    """Return how many of the requests failed: with status 400 or above, or without an answer."""
    return sum(count for code, count in codes.items() if not code.isdigit() or int(code) >= 400)


def percentile(values: Iterable[float], percent: int) -> float | None:
    """Return the smallest value that so many percent do not exceed (nearest rank); None of none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)] if ordered else None


async def offer(load: Load, ask: Ask, tally: Tally, clock: Time | None = None) -> None:
    """Make the requests and return when all of them have come to an end; ``tally`` grows meanwhile.

    Cancelled, it gives up those under way, which are not counted.
    """
    clock = clock or Time()
    dice = random.Random(load.seed)  # noqa: S311  (a load that can be repeated is the point)
    under_way: set[asyncio.Task[None]] = set()
    begun = due = clock.monotonic()
    try:
        for _ in range(load.most):
            due += dice.expovariate(load.rate)
            if due > begun + load.seconds:
                break
            # Even when late it has to let go for a moment, or nothing that is under way would get on.
            await clock.sleep(max(due - clock.monotonic(), 0.0))
            if tally.in_flight >= load.in_flight:
                tally.not_sent += 1
                continue
            tally.in_flight += 1
            task = asyncio.create_task(_one(ask, tally, clock))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await _all(list(under_way))
    finally:
        left = list(under_way)
        for task in left:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await _all(left)


async def _one(ask: Ask, tally: Tally, clock: Time) -> None:
    begun = clock.monotonic()
    try:
        code = await ask()
        tally.add(code, clock.monotonic() - begun)
    finally:
        tally.in_flight -= 1


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.gather(*tasks)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
