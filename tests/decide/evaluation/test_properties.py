"""The evaluator against the rules written down literally, and what holds for every evaluation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.decide.evaluation.evaluate import Evaluated, evaluate
from reconciler.decide.evaluation.measured import Earlier, Measured
from reconciler.decide.evaluation.objectives import load_objectives
from reconciler.decide.evaluation.record import plain
from reconciler.model import canonical
from tests.decide.evaluation import literal

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

SLIS = ("rt", "errors", "throughput")
# Few and coarse, so that limits are often hit exactly and percentiles fall between and on values.
numbers = st.one_of(st.integers(0, 8).map(float), st.sampled_from([0.1, 0.7, 2.5, 5.5, 1011.0745528937252]))
values = st.dictionaries(st.sampled_from((*SLIS, "other")), st.one_of(st.none(), numbers, numbers))
criteria = st.tuples(
    st.sampled_from(["<", "<=", "=", ">=", ">"]), st.sampled_from(["", "+", "-"]), numbers, st.booleans()
)
sets = st.lists(st.lists(criteria, min_size=1, max_size=3), max_size=3)
objectives = st.fixed_dictionaries(
    {
        "sli": st.sampled_from(SLIS),
        "pass": sets,
        "warning": sets,
        "weight": st.sampled_from([0, 1, 1, 2, 3]),
        "key_sli": st.booleans(),
    }
)
comparisons = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "compare_with": st.sampled_from(["single_result", "several_results"]),
            "include_result_with_score": st.sampled_from(["pass", "pass_or_warn", "all", ""]),
            "number_of_comparison_results": st.integers(0, 4),
            "aggregate_function": st.sampled_from(["avg", "p50", "p90", "p95", ""]),
        },
    ),
)
percents = st.sampled_from([0.0, 25.0, 50.0, 66.6, 75.0, 90.0, 100.0])
limits = st.fixed_dictionaries({"pass": percents, "warning": st.one_of(st.none(), percents)})
previous = st.lists(
    st.fixed_dictionaries(
        {
            "result": st.sampled_from(["pass", "warning", "fail", "no data"]),
            "invalidated": st.booleans(),
            "values": values,
        }
    ),
    max_size=6,
)


def text(criterion: literal.Criterion) -> str:
    operator, sign, number, percent = criterion
    return f"{operator} {sign}{number!r}{' %' if percent else ''}"


def measured(found: dict[str, float | None]) -> tuple[Measured, ...]:
    return tuple(Measured(sli, value or 0.0, success=value is not None) for sli, value in found.items())


def document(
    listed: list[dict[str, Any]], comparison: dict[str, Any] | None, total: dict[str, float | None]
) -> dict[str, Any]:
    written = [
        {
            **each,
            "pass": [{"criteria": [text(c) for c in one]} for one in each["pass"]],
            "warning": [{"criteria": [text(c) for c in one]} for one in each["warning"]],
        }
        for each in listed
    ]
    return {"objectives": written, "comparison": comparison, "total_score": total}


def run(slo: dict[str, Any], found: dict[str, float | None], before: list[dict[str, Any]]) -> Evaluated:
    earlier = (Earlier(each["result"], measured(each["values"]), "", each["invalidated"]) for each in before)
    return evaluate(load_objectives(json.dumps(slo).encode(), "slo.yaml"), measured(found), earlier)


@settings(max_examples=300, deadline=None)
@given(st.lists(objectives, max_size=4), comparisons, limits, values, previous)
def test_it_says_what_the_rules_say(
    listed: list[dict[str, Any]],
    comparison: dict[str, Any] | None,
    total: dict[str, float | None],
    found: dict[str, float | None],
    before: list[dict[str, Any]],
) -> None:
    expected = literal.evaluate(listed, comparison, total, found, before)
    ours = run(document(listed, comparison, total), found, before)
    assert (ours.result, ours.score) == (expected["result"], expected["score"])
    assert [
        {
            "sli": each.sli,
            "status": each.status,
            "score": each.score,
            "targets": [t.target for targets in (*each.passing, *each.warning) for t in targets],
        }
        for each in ours.objectives
    ] == expected["objectives"]


@settings(deadline=None)
@given(st.lists(objectives, max_size=4), comparisons, limits, values, previous)
def test_every_evaluation_can_be_recorded_and_read_back(
    listed: list[dict[str, Any]],
    comparison: dict[str, Any] | None,
    total: dict[str, float | None],
    found: dict[str, float | None],
    before: list[dict[str, Any]],
) -> None:
    data = plain(run(document(listed, comparison, total), found, before))
    assert canonical.read(canonical.emit(data), "evaluation.yaml") == data
    assert data["message"]


@settings(deadline=None)
@given(st.lists(objectives, min_size=1, max_size=4), comparisons, limits, values, previous)
def test_no_data_is_cured_by_good_values_and_is_never_a_pass(
    listed: list[dict[str, Any]],
    comparison: dict[str, Any] | None,
    total: dict[str, float | None],
    found: dict[str, float | None],
    before: list[dict[str, Any]],
) -> None:
    ours = run(document(listed, comparison, total), found, before)
    assert (ours.result == "no data") <= (ours.by_score == "fail" and bool(ours.missing))
    if ours.result in ("pass", "warning"):
        assert ours.by_score == ours.result
    absent = {each.sli for each in ours.missing}
    holds = [[(">=", "", 0.0, False)]]
    easy = [{**each, "pass": holds} if each["sli"] in absent and each["pass"] else each for each in listed]
    cured = run(document(easy, comparison, total), {**found, **dict.fromkeys(absent, 1.0)}, before)
    assert (ours.result == "no data") == (ours.by_score == "fail" and bool(absent) and cured.result != "fail")
