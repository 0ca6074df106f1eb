"""Quantiles out of buckets: worked out by hand, and held against a second way of reading Prometheus' rules."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.evidence.scrape.histogram import Estimate, quantile
from reconciler.model.errors import BlindError

INF = math.inf
HUNDRED = [(0.1, 50.0), (0.2, 90.0), (0.5, 98.0), (INF, 100.0)]


@pytest.mark.parametrize(
    ("q", "buckets", "value"),
    [
        (0.5, HUNDRED, 0.1),
        (0.25, HUNDRED, 0.05),  # half way into the lowest bucket, which begins at 0
        (0.7, HUNDRED, 0.15),  # rank 70: 20 of the 40 between 0.1 and 0.2
        (0.9, HUNDRED, 0.2),
        (0.94, HUNDRED, 0.35),  # rank 94: 4 of the 8 between 0.2 and 0.5
        (0.98, HUNDRED, 0.5),
        (0.0, HUNDRED, 0.0),
        (0.5, [(1.0, 0.0), (2.0, 10.0), (INF, 10.0)], 1.5),
        (0.5, [(1.0, 10.0), (2.0, 10.0), (INF, 10.0)], 0.5),
        (0.9, [(1.0, 4.0), (1.0, 4.0), (2.0, 10.0), (INF, 10.0)], 1.5),  # one bound twice: their counts are added
        (0.5, [(-1.0, 6.0), (2.0, 10.0), (INF, 10.0)], -1.0),  # the lowest bound is not above 0: it is the answer
        (0.8, [(-1.0, 6.0), (2.0, 10.0), (INF, 10.0)], 0.5),  # rank 8: 2 of the 4 between -1 and 2
        (0.5, [(1.0, 8.0), (2.0, 6.0), (3.0, 10.0), (INF, 10.0)], 0.625),  # the fall to 6 is taken for 8
        (0.9, [(1.0, 8.0), (2.0, 6.0), (3.0, 10.0), (INF, 10.0)], 2.5),
        (0.5, [(0.1, 0.25), (0.2, 0.75), (INF, 1.0)], 0.15),  # counts need not be whole
    ],
)
def test_quantiles_by_hand(q: float, buckets: list[tuple[float, float]], value: float) -> None:
    for each in (buckets, list(reversed(buckets))):
        found = quantile(q, each)
        assert found.value == pytest.approx(value)
        assert not found.open_ended


def test_above_every_bound_the_highest_one_is_the_answer_and_says_so() -> None:
    assert quantile(0.99, HUNDRED) == Estimate(0.5, open_ended=True)
    assert quantile(1.0, HUNDRED) == Estimate(0.5, open_ended=True)
    assert quantile(0.5, [(0.5, 0.0), (INF, 3.0)]) == Estimate(0.5, open_ended=True)


def test_an_empty_lowest_bucket_holds_the_0_quantile() -> None:
    assert quantile(0.0, [(1.0, 0.0), (2.0, 5.0), (INF, 5.0)]) == Estimate(0.0)


@pytest.mark.parametrize(
    ("buckets", "told"),
    [
        ([], "no bucket up to"),
        ([(1.0, 5.0)], "no bucket up to"),
        ([(INF, 5.0)], "no bucket below"),
        ([(1.0, 0.0), (INF, 0.0)], "nothing was observed"),
    ],
)
def test_what_is_no_histogram_has_no_quantile(buckets: list[tuple[float, float]], told: str) -> None:
    with pytest.raises(BlindError, match=told):
        quantile(0.9, buckets)


def prometheus(q: float, bounds: list[float], inside: list[float]) -> float:
    """What the documentation of `histogram_quantile` says, step by step, over the observations in each bucket.

    ``bounds`` rise and end at +Inf; ``inside`` are the observations between a bound and the one before.
    """
    total = sum(inside)
    if total == 0 or len(bounds) < 2:
        return math.nan
    wanted = q * total
    seen = 0.0
    for number, (bound, count) in enumerate(zip(bounds, inside, strict=True)):
        if seen + count >= wanted:
            if bound == math.inf:
                return bounds[number - 1]
            if number == 0:
                if bound <= 0:
                    return bound
                return bound * (wanted / count)
            lower = bounds[number - 1]
            return lower + (bound - lower) * ((wanted - seen) / count)
        seen += count
    raise AssertionError


@settings(deadline=None, max_examples=300)
@given(
    st.floats(0.001, 1.0),
    st.lists(st.integers(-50, 500), min_size=1, max_size=12, unique=True).map(sorted),
    st.lists(st.integers(0, 1000), min_size=13, max_size=13),
)
def test_it_agrees_with_a_literal_reading_of_the_rules(q: float, whole: list[int], counts: list[int]) -> None:
    bounds = [number / 10 for number in whole] + [INF]
    inside = [float(count) for count in counts[: len(bounds)]]
    cumulative = [sum(inside[: number + 1]) for number in range(len(inside))]
    expected = prometheus(q, bounds, inside)
    if math.isnan(expected):
        with pytest.raises(BlindError):
            quantile(q, zip(bounds, cumulative, strict=True))
        return
    assert quantile(q, zip(bounds, cumulative, strict=True)).value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(0, 50)), min_size=1, max_size=10), st.data())
def test_a_greater_share_never_has_a_smaller_quantile(buckets: list[tuple[float, int]], data: st.DataObject) -> None:
    counts = [*((bound, float(count)) for bound, count in buckets), (INF, 60.0 * len(buckets))]
    low, high = sorted(data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    assert quantile(low, counts).value <= quantile(high, counts).value + 1e-9
