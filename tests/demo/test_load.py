"""Load: arrivals from a seed, what bounds them, and what is counted. Time passes only where it is slept."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from reconciler.demo.load import Load, Tally, Time, failed, offer, percentile


class Hours:
    """A clock for coroutines: time goes on to whoever sleeps the shortest, once nobody has anything else to do."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), woken))
        await woken

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(20):
                await asyncio.sleep(0)
            if self._sleepers and not task.done():
                self.now, _, woken = heapq.heappop(self._sleepers)
                if not woken.done():
                    woken.set_result(None)
        task.result()


def offered(load: Load, seconds: float, code: str = "200") -> tuple[Tally, list[float]]:
    """Offer a load to a service that takes so many seconds; return what was counted, and when requests arrived."""
    hours, tally, arrivals = Hours(), Tally(), list[float]()

    async def ask() -> str:
        arrivals.append(hours.now)
        await hours.sleep(seconds)
        return code

    asyncio.run(hours.run(offer(load, ask, tally, Time(hours.monotonic, hours.sleep))))
    return tally, arrivals


def test_the_same_seed_makes_the_same_arrivals() -> None:
    first, second, other = (offered(Load(30, 10, seed=seed), 0.01)[1] for seed in (1, 1, 2))
    assert first == second != other
    assert 250 < len(first) < 350
    assert first[-1] < 10


def test_pauses_are_exponential() -> None:
    _, arrivals = offered(Load(50, 100), 0.001)
    pauses = [later - earlier for earlier, later in itertools.pairwise([0.0, *arrivals])]
    mean = sum(pauses) / len(pauses)
    assert mean == pytest.approx(0.02, rel=0.05)
    # Of an exponential distribution the standard deviation is the mean.
    assert (sum((pause - mean) ** 2 for pause in pauses) / len(pauses)) ** 0.5 == pytest.approx(mean, rel=0.1)


def test_arrivals_do_not_wait_for_answers() -> None:
    assert offered(Load(20, 5), 0.01)[1] == offered(Load(20, 5), 2.0)[1]


def test_no_more_than_agreed_are_under_way() -> None:
    tally, arrivals = offered(Load(20, 10, in_flight=3), 1.0)
    assert tally.not_sent > 100
    assert tally.requests == len(arrivals)
    assert all(sum(start <= other < start + 1.0 for other in arrivals) <= 3 for start in arrivals)


def test_it_ends_after_so_many() -> None:
    tally, arrivals = offered(Load(20, 1000, most=50), 0.01)
    assert len(arrivals) == tally.requests == 50


def test_what_is_under_way_at_the_end_is_waited_for() -> None:
    tally, arrivals = offered(Load(10, 2), 5.0)
    assert tally.requests == len(arrivals) > 0
    assert tally.in_flight == 0
    assert min(tally.times) == pytest.approx(5.0)


def test_cancelled_it_gives_up_what_is_under_way() -> None:
    hours, tally = Hours(), Tally()

    async def ask() -> str:
        await asyncio.Event().wait()
        return "200"

    async def stopped() -> None:
        task = asyncio.ensure_future(offer(Load(10, 100), ask, tally, Time(hours.monotonic, hours.sleep)))
        await hours.sleep(3.0)
        assert tally.in_flight > 10
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hours.run(stopped()))
    assert (tally.in_flight, tally.requests) == (0, 0)


def test_a_flaw_of_ours_is_not_a_failed_request() -> None:
    async def ask() -> str:
        raise ZeroDivisionError

    hours = Hours()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(hours.run(offer(Load(10, 1), ask, Tally(), Time(hours.monotonic, hours.sleep))))


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 5.0), (90, 9.0), (95, 10.0), (100, 10.0), (0, 1.0)]
)  # fmt: skip
def test_percentiles_are_values_that_were_seen(percent: int, value: float) -> None:
    assert percentile([10.0, 1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0, 5.0], percent) == value


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 90) is None


def test_what_failed() -> None:
    assert failed({"200": 5, "302": 1, "404": 2, "500": 3, "timeout": 4}) == 9


def test_what_is_told() -> None:
    tally = Tally(not_sent=2)
    count: Callable[[str, float], None] = tally.add
    for code, seconds in (("200", 0.1), ("500", 0.2), ("timeout", 10.0), ("200", 0.3)):
        count(code, seconds)
    assert tally.told() == {
        "requests": 4, "notSent": 2, "codes": {"200": 2, "500": 1, "timeout": 1}, "failures": 2, "failureRatio": 0.5,
        "milliseconds": {"p50": 200.0, "p90": 300.0, "p95": 300.0, "max": 300.0},
    }  # fmt: skip
    assert Tally().told()["milliseconds"] == {"p50": None, "p90": None, "p95": None, "max": None}
    assert Tally().told()["failureRatio"] is None
