"""The values that miss an objective are exactly those that the evaluation would not let pass."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.decide.evaluation.criterion import Rule, parse
from reconciler.decide.evaluation.judging import judge
from reconciler.decide.evaluation.measured import Measured
from reconciler.decide.evaluation.objectives import Goal
from reconciler.monitoring.limits import Span, is_missed_above, is_missed_below, missed, unwatchable, unwatched
from tests.monitoring.making import sets

INF = math.inf
NUMBERS = st.one_of(
    st.integers(-3, 3).map(float), st.sampled_from([0.1, 0.30000000000000004, 5e-324, -5e-324, 1e300, -1e300]),
    st.floats(-1e300, 1e300),
)  # fmt: skip


def written(operator: str, limit: float) -> Rule:
    return parse(f"{operator}({limit!r})" if math.copysign(1, limit) < 0 else f"{operator}{limit!r}")


ABSOLUTE = st.builds(written, st.sampled_from(["<", "<=", "=", ">=", ">"]), NUMBERS)
RELATIVE = st.sampled_from(["<=+10%", ">=-5", "<+3"]).map(parse)
WATCHABLE = st.lists(
    st.tuples(st.lists(ABSOLUTE, min_size=1, max_size=3), st.lists(RELATIVE, max_size=1)).map(lambda s: [*s[0], *s[1]]),
    min_size=1, max_size=3,
)  # fmt: skip


def status(rules: list[list[Rule]], value: float) -> str:
    return judge(Goal("x", tuple(map(tuple, rules)), (), "", 1, False), Measured("x", value), None).status


@pytest.mark.parametrize(
    ("passing", "spans"),
    [
        (["<600"], [Span(600, INF, opens=True)]),
        (["<=600"], [Span(600, INF)]),
        ([">=(-5)"], [Span(-INF, -5)]),
        (["=0"], [Span(-INF, INF, holes=(0.0,))]),
        (["<600 >=100"], [Span(-INF, 100), Span(600, INF, opens=True)]),
        (["<600", "<800"], [Span(800, INF, opens=True)]),
        (["<100", ">200"], [Span(100, 200, opens=True, closes=True)]),
        (["<100", ">100"], [Span(100, 100, opens=True, closes=True)]),
        (["=1", "=2", ">5"], [Span(-INF, 5, closes=True, holes=(1.0, 2.0))]),
        (["<1 >2"], [Span(-INF, INF)]),
        (["<1", ">=1"], []),
    ],
)  # fmt: skip
def test_what_is_missed(passing: list[str], spans: list[Span]) -> None:
    assert list(missed(sets(*passing))) == spans


@given(WATCHABLE, NUMBERS, st.data())
def test_missed_is_what_the_evaluation_says(rules: list[list[Rule]], value: float, data: st.DataObject) -> None:
    limit = data.draw(st.sampled_from([rule.value for each in rules for rule in each if not rule.relative]))
    near = [value, limit, math.nextafter(limit, INF), math.nextafter(limit, -INF)]
    fixed = [[rule for rule in each if not rule.relative] for each in rules]
    for one in (number for number in near if abs(number) <= 1e300):
        assert any(one in span for span in missed(rules)) == (status(fixed, one) == "fail")


@given(WATCHABLE, NUMBERS, NUMBERS)
def test_nothing_is_missed_that_passes_beside_relative_criteria(
    rules: list[list[Rule]], value: float, earlier: float
) -> None:
    passes = (
        judge(Goal("x", tuple(map(tuple, rules)), (), "", 1, False), Measured("x", value), earlier).status == "pass"
    )
    assert not (passes and any(value in span for span in missed(rules)))


@given(WATCHABLE)
def test_spans_are_apart_and_in_order(rules: list[list[Rule]]) -> None:
    spans = missed(rules)
    for one, next_one in pairwise(spans):
        assert one.high < next_one.low
    for span in spans:
        assert span.low < span.high or (span.low == span.high and span.opens and span.closes)


def test_why_an_objective_cannot_be_watched() -> None:
    assert "for information only" in unwatchable([])
    assert "always passes" in unwatchable([[]])
    assert "`<=+10%` alone" in unwatchable(sets("<600", "<=+10%"))
    assert unwatchable(sets("<600 <=+10%")) == ""


def test_relative_criteria_beside_absolute_ones_are_left_out() -> None:
    rules = sets("<=+10% <600", ">5 >=-80%")
    assert [rule.text for rule in unwatched(rules)] == ["<=+10%", ">=-80%"]
    assert missed(rules) == missed(sets("<600", ">5"))


@pytest.mark.parametrize(
    ("passing", "above", "below"),
    [(["<600"], True, False), ([">5"], False, True), (["=0"], False, False), (["<100", ">200"], False, False)],
)
def test_which_side_is_bad(passing: list[str], above: bool, below: bool) -> None:
    spans = missed(sets(*passing))
    assert (is_missed_above(spans), is_missed_below(spans)) == (above, below)
