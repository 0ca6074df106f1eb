"""Which earlier evaluations count, and what their values become."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reconciler.decide.evaluation.comparison import aggregate, by_metric, chosen, percentile
from reconciler.decide.evaluation.measured import Earlier, Measured, remembered
from reconciler.model.errors import UserError
from reconciler.model.evaluations import Evaluation
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId
from reconciler.model.slo import Comparison, IncludeScore
from tests.decide.evaluation.making import earlier

HISTORY = (
    earlier("fail", "newest"),
    earlier("warning", "second"),
    earlier("no data", "third"),
    earlier("pass", "fourth"),
    earlier("pass", "fifth"),
)


def names(comparison: Comparison, history: tuple[Earlier, ...] = HISTORY) -> list[str]:
    return [each.name for each in chosen(comparison, history)]


@pytest.mark.parametrize(
    ("include", "single", "several"),
    [
        ("all", ["newest"], ["newest", "second", "fourth"]),
        ("pass_or_warn", ["second"], ["second", "fourth", "fifth"]),
        ("pass", ["fourth"], ["fourth", "fifth"]),
    ],
)
def test_the_newest_that_fit_are_taken(include: IncludeScore, single: list[str], several: list[str]) -> None:
    assert names(Comparison("single_result", include, 3)) == single
    assert names(Comparison("several_results", include, 3)) == several


def test_invalidated_evaluations_make_room_for_others() -> None:
    history = tuple(replace(each, invalidated=each.name in ("fourth", "newest")) for each in HISTORY)
    assert names(Comparison("several_results", "all", 2), history) == ["second", "fifth"]
    assert names(Comparison("single_result", "pass"), history) == ["fifth"]


def test_one_without_a_result_was_chosen_already() -> None:
    assert names(Comparison("single_result", "pass"), (earlier(None, "chosen"), *HISTORY)) == ["chosen"]


def test_only_what_was_measured_is_compared_with() -> None:
    values = (Measured("a", 1.0), Measured("b", 9.0, success=False), Measured("c", math.nan), Measured("d", math.inf))
    assert by_metric((Earlier("pass", values), earlier(a=3.0, b=4.0))) == {"a": [1.0, 3.0], "b": [4.0]}


def test_the_largest_value_can_be_compared_with() -> None:
    assert by_metric((earlier(a=1e300), earlier(a=math.nextafter(1e300, math.inf)))) == {"a": [1e300]}


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([1.0, 3.0], 0.5, 2.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.5),
        ([1.0, 2.0], 0.3, 1.0),
        ([1.0, 2.0], 0.25, 1.0),
        ([1.0, 2.0, 3.0], 0.75, 3.0),
        ([10.0, 20.0, 30.0, 40.0], 0.3, 15.0),
        ([float(n) for n in range(1, 11)], 0.9, 9.9),
        ([float(n) for n in range(1, 11)], 0.95, 10.0),
        ([float(n) for n in range(1, 20)], 0.95, 19.0),
        ([float(n) for n in range(1, 31)], 0.95, 29.45),
    ],
)
def test_percentiles(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == pytest.approx(expected, abs=1e-12)


def test_aggregates() -> None:
    values = [4.0, 1.0, 3.0, 2.0]
    assert [aggregate(values, name) for name in ("avg", "p50", "p90", "p95")] == [2.5, 2.5, 4.0, 4.0]
    assert values == [4.0, 1.0, 3.0, 2.0]
    assert aggregate([], "avg") is None


def test_an_average_is_added_up_from_left_to_right() -> None:
    assert aggregate([1e16, 1.0, -1e16, 1.0], "avg") == 0.25


@pytest.mark.parametrize("values", [[], [1.0]])
def test_an_unknown_aggregate_function_is_an_error(values: list[float]) -> None:
    with pytest.raises(UserError) as caught:
        aggregate(values, "p99")
    assert caught.value.message == "`p99` is no aggregate function"
    assert caught.value.expected == "`avg`, `p50`, `p90`, `p95`"


def test_the_state_file_is_read_newest_first() -> None:
    old = Evaluation(RemediationId("slow"), 4, Instant(0), Instant(600), "pass", 100.0, {"a": 1.0})
    new = replace(old, step=9, result="fail", score=0.0, values={}, invalidated=True)
    assert remembered([old, new]) == (
        Earlier("fail", (), "slow/9", invalidated=True),
        Earlier("pass", (Measured("a", 1.0),), "slow/4"),
    )
