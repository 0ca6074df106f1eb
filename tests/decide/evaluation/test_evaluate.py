"""From objectives and values to the result: points, key objectives, what is for information, what is missing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from reconciler.decide.evaluation.evaluate import Evaluated, evaluate
from reconciler.decide.evaluation.measured import Measured
from reconciler.model.errors import Place
from reconciler.model.invalid import InvalidFile
from tests.decide.evaluation.making import earlier, measured, objective, objectives, of


def outcome(evaluated: Evaluated) -> tuple[str, float]:
    return evaluated.result, evaluated.score


# One objective


@pytest.mark.parametrize(
    ("value", "status", "score"),
    [(599.9, "pass", 2.0), (600.0, "warning", 1.0), (800.0, "warning", 1.0), (800.1, "fail", 0.0)],
)
def test_pass_wins_over_warning_which_gives_half(value: float, status: str, score: float) -> None:
    (judged,) = of(objectives(objective("rt", "<600", warning=("<=800",), weight=2)), rt=value).objectives
    assert (judged.status, judged.score, judged.weight, judged.value) == (status, score, 2, value)


def test_criteria_of_one_entry_must_all_hold_and_one_entry_is_enough() -> None:
    wanted = objectives({"sli": "rt", "pass": [{"criteria": [">100", "<200"]}, {"criteria": ["=0"]}]})
    assert [of(wanted, rt=value).result for value in (150.0, 0.0, 100.0, 200.0)] == ["pass", "pass", "fail", "fail"]
    (judged,) = of(wanted, rt=250.0).objectives
    assert [[(t.criterion, t.target, t.violated) for t in targets] for targets in judged.passing] == [
        [(">100", 100.0, False), ("<200", 200.0, True)],
        [("=0", 0.0, True)],
    ]


@pytest.mark.parametrize(("value", "result"), [(220.0, "pass"), (220.1, "fail")])
def test_relative_criteria_start_from_the_aggregate_of_what_was_chosen(value: float, result: str) -> None:
    comparison = {"compare_with": "several_results", "include_result_with_score": "pass"}
    wanted = objectives(objective("rt", "<=+10%"), comparison={**comparison, "number_of_comparison_results": 2})
    before = (earlier("fail", rt=9e9), earlier(rt=100.0), earlier(rt=300.0), earlier(rt=9e9))
    found = of(wanted, *before, rt=value)
    assert found.result == result
    (judged,) = found.objectives
    assert judged.compared == 200.0
    (((target,),),) = (judged.passing,)
    assert (target.target, target.violated, target.uncompared) == (220.0, result == "fail", False)


@pytest.mark.parametrize("before", [[], [earlier(other=1.0)], [earlier(rt=None)]], ids=["none", "of others", "failed"])
def test_a_relative_criterion_without_an_earlier_value_passes_and_says_so(before: list[Any]) -> None:
    found = of(objectives(objective("rt", "<=+10%")), *before, rt=5.0)
    assert outcome(found) == ("pass", 100.0)
    (judged,) = found.objectives
    assert judged.compared is None
    assert [target.uncompared for targets in judged.passing for target in targets] == [True]


def test_an_earlier_value_of_zero_makes_every_percentage_of_it_zero() -> None:
    wanted = objectives(objective("errors", "<=+50%"))
    assert of(wanted, earlier(errors=0.0), errors=0.0).result == "pass"
    assert of(wanted, earlier(errors=0.0), errors=0.001).result == "fail"


def test_an_entry_that_would_always_hold_is_refused() -> None:
    with pytest.raises(InvalidFile, match="one criterion or more"):
        objectives({"sli": "rt", "pass": [{"criteria": []}]})


# The score


@pytest.mark.parametrize(
    ("values", "result", "score"),
    [
        ({"a": 1.0, "b": 1.0, "c": 1.0}, "pass", 100.0),
        ({"a": 1.0, "b": 1.0, "c": 2.0}, "warning", 87.5),
        ({"a": 1.0, "b": 1.0, "c": 9.0}, "warning", 75.0),
        ({"a": 2.0, "b": 2.0, "c": 1.0}, "fail", 62.5),
        ({"a": 9.0, "b": 9.0, "c": 9.0}, "fail", 0.0),
    ],
)
def test_weights_and_limits(values: dict[str, float], result: str, score: float) -> None:
    wanted = objectives(
        *(objective(sli, "<=1", warning=("<=2",), weight=w) for sli, w in (("a", 2), ("b", 1), ("c", 1)))
    )
    assert outcome(of(wanted, **values)) == (result, score)


@pytest.mark.parametrize(
    ("limits", "result"),
    [
        ({"pass": "50%"}, "pass"),
        ({"pass": 50}, "pass"),
        ({"pass": "50.1"}, "fail"),
        ({"pass": "50.1", "warning": "50"}, "warning"),
        ({"pass": "90%", "warning": "50.1%"}, "fail"),
        ({"pass": "0"}, "pass"),
    ],
)
def test_the_limits_of_the_total_score(limits: dict[str, Any], result: str) -> None:
    wanted = objectives(objective("a", "<=1"), objective("b", "<=1"), score=limits)
    assert outcome(of(wanted, a=1.0, b=2.0)) == (result, 50.0)


def test_the_percentage_is_not_rounded() -> None:
    wanted = objectives(*(objective(sli, "<=1") for sli in "abc"), score={"pass": "66.67%", "warning": "66.66%"})
    assert outcome(of(wanted, a=1.0, b=1.0, c=2.0)) == ("warning", 100.0 * (2.0 / 3.0))


@pytest.mark.parametrize(("value", "result"), [(1.0, "pass"), (2.0, "warning"), (3.0, "fail")])
def test_a_key_objective_fails_all_unless_it_passes_or_warns(value: float, result: str) -> None:
    key = objective("key", "<=1", warning=("<=2",), key_sli=True)
    found = of(objectives(key, objective("heavy", "<=1", weight=3)), key=value, heavy=1.0)
    assert found.result == result
    assert [each.sli for each in found.key_failed] == (["key"] if result == "fail" else [])


def test_what_is_for_information_never_counts() -> None:
    listed = [objective("info", key_sli=True), objective("odd", warning=("<1",), weight=9), objective("rt", "<600")]
    found = of(objectives(*listed), info=None, odd=5.0, rt=1.0)
    assert outcome(found) == ("pass", 100.0)
    assert [(each.status, each.score) for each in found.objectives] == [("info", 0.0), ("info", 0.0), ("pass", 1.0)]
    assert found.missing == ()
    assert found.maximum == 1.0


def test_only_information_is_a_pass() -> None:
    assert outcome(of(objectives(objective("a"), objective("b")), a=1.0)) == ("pass", 100.0)


@pytest.mark.parametrize("limits", [None, {"pass": "0%"}])
def test_without_objectives_it_fails(limits: dict[str, Any] | None) -> None:
    assert outcome(of(objectives(score=limits), a=1.0)) == ("fail", 0.0)


# No data


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e301])
def test_what_is_no_finite_number_is_missing(value: float) -> None:
    found = of(objectives(objective("rt", "<600")), rt=value)
    assert found.result == "no data"
    assert found.objectives[0].message == f"{value} is no number to compare with"


def test_a_failure_for_want_of_values_alone_is_no_data() -> None:
    wanted = objectives(objective("a", "<=1"), objective("b", "<=1"))
    found = of(wanted, a=1.0)
    assert (found.result, found.by_score, found.score) == ("no data", "fail", 50.0)
    assert [(each.sli, each.message) for each in found.missing] == [("b", "no value was measured")]
    assert of(wanted, a=1.0, b=None).missing[0].message == "no answer"


def test_a_failure_that_values_could_not_have_changed_is_one() -> None:
    wanted = objectives(objective("a", "<=1"), objective("b", "<=1"), objective("c", "<=1"))
    assert of(wanted, a=2.0, b=1.0).result == "fail"
    assert of(wanted, a=2.0, b=1.0, c=1.0).result == "fail"


def test_a_warning_that_was_within_reach_is_enough_for_no_data() -> None:
    wanted = objectives(objective("a", "<=1", weight=3), objective("b", "<=1"), score={"pass": 90, "warning": 75})
    assert of(wanted, b=2.0).result == "no data"


@pytest.mark.parametrize(("key", "result"), [(None, "no data"), (2.0, "fail")])
def test_a_key_objective_without_a_value(key: float | None, result: str) -> None:
    wanted = objectives(objective("key", "<=1", key_sli=True), objective("rest", "<=1", weight=99))
    found = of(wanted, key=key, rest=1.0)
    assert (found.result, found.by_score, found.score) == (result, "fail", 99.0)


def test_a_failed_key_objective_is_no_want_of_values() -> None:
    wanted = objectives(objective("key", "<=1", key_sli=True), objective("rest", "<=1"))
    assert of(wanted, key=2.0).result == "fail"


@pytest.mark.parametrize(("limit", "result"), [("50%", "pass"), ("60%", "warning")])
def test_enough_points_are_enough_without_the_rest(limit: str, result: str) -> None:
    wanted = objectives(objective("a", "<=1"), objective("b", "<=1"), score={"pass": limit, "warning": "50%"})
    assert of(wanted, a=1.0).result == result


def test_without_a_value_all_criteria_are_missed_and_show_where_they_start_from() -> None:
    wanted = objectives(objective("rt", "<=+10%", "<600", warning=("<=+20",)))
    (judged,) = of(wanted, earlier(rt=500.0), rt=None).objectives
    shown = [(t.criterion, t.target, t.violated) for sets in (judged.passing, judged.warning) for s in sets for t in s]
    assert shown == [("<=+10%", 500.0, True), ("<600", 600.0, True), ("<=+20", 500.0, True)]
    assert judged.compared is None


# Values and objectives


def test_two_objectives_on_one_indicator_both_get_its_value() -> None:
    found = of(objectives(objective("rt", "<600"), objective("rt", ">100")), rt=300.0)
    assert outcome(found) == ("pass", 100.0)
    assert [each.value for each in found.objectives] == [300.0, 300.0]
    assert found.unused == ()


def test_of_several_values_the_first_counts() -> None:
    values = (*measured(x=0.0, rt=1.0), *measured(rt=2.0, x=0.0))
    found = evaluate(objectives(objective("rt", "<=1")), values)
    assert (found.result, found.unused) == ("pass", ("x",))


def test_what_it_was_compared_with_is_named() -> None:
    found = of(objectives(objective("rt", "<600")), earlier(name="x/4", rt=1.0), earlier(name="x/2"), rt=1.0)
    assert found.compared_with == ("x/4",)


def test_a_message_that_came_with_a_value_is_kept() -> None:
    found = evaluate(objectives(objective("rt", "<600")), [Measured("rt", 1.0, message="two series, the first taken")])
    assert found.objectives[0].message == "two series, the first taken"


# Refused files


def test_criteria_that_are_none_are_refused_with_their_place_and_objective() -> None:
    text = b"""\
objectives:
- sli: rt
  pass: [{criteria: ["<600", "fast"]}]
  warning: [{criteria: ["<<1"]}]
- sli: ok
  pass: [{criteria: [">=1"]}]
total_score: {pass: 90}
"""
    from reconciler.decide.evaluation.objectives import load_objectives

    with pytest.raises(InvalidFile) as caught:
        load_objectives(text, "slo.yaml")
    assert [(error.message, error.place) for error in caught.value.errors] == [
        ("`fast` is no criterion, in `pass` of `rt`", Place("slo.yaml", 3, 30)),
        ("`<<1` is no criterion, in `warning` of `rt`", Place("slo.yaml", 4, 25)),
    ]
