"""Recorded values judged by a side's objectives: good, to be looked at again, what follows a fail, or not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.decide.evaluation.measured import Measured
from reconciler.decide.policy import Timing
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import Pinned
from reconciler.decide.whatif.verdicts import Verdict, asked_otherwise, turned, verdict
from reconciler.model.errors import Place, UserError
from reconciler.model.names import RemediationId
from reconciler.model.sli import Indicator
from tests.decide.evaluation.making import objective, objectives

TIMING = Timing(600, 600, 0, 0, "keep", "accept", None)
ONE = Remediation(RemediationId("p1"), actions=({}, {}))
GOAL = objectives(objective("p90", "<=100", warning=("<=200",)), score={"pass": "90%", "warning": "50%"})
NONE: frozenset[str] = frozenset()
HERE = Place("carts/prometheus/sli.yaml")


def judged(
    values: Mapping[str, float | None], pinned: Pinned | None = None, otherwise: frozenset[str] | None = NONE,
    over: bool | None = None, timing: Timing = TIMING,
) -> Verdict:  # fmt: skip
    measured = {name: Measured(name, value or 0.0, value is not None, "") for name, value in values.items()}
    return verdict(pinned or Pinned(GOAL), measured, otherwise, over, (), timing, ONE)


@pytest.mark.parametrize(
    ("value", "on_warning", "result", "follows", "good"),
    [
        (80.0, "accept", "pass", "good", True), (150.0, "accept", "warning", "good", True),
        (150.0, "next", "warning", "action", False), (300.0, "accept", "fail", "action", False),
        (None, "accept", "no data", "again", None),
    ],
)  # fmt: skip
def test_what_follows_recorded_values(
    value: float | None, on_warning: str, result: str, follows: str, good: bool | None
) -> None:
    found = judged({"p90": value}, timing=replace(TIMING, on_warning=on_warning))  # type: ignore[arg-type]  # one of two
    assert (found.result, found.follows, found.good) == (result, follows, good)
    assert found.evaluated is not None
    assert found.told().startswith(f"{result}: ")


def test_a_warning_beside_a_value_that_is_missing_is_looked_at_again() -> None:
    two = objectives(objective("p90", "<=100"), objective("errors", "<=5"), score={"pass": "90%", "warning": "50%"})
    found = judged({"p90": 80.0, "errors": None}, Pinned(two))
    assert (found.result, found.follows) == ("warning", "again")


@pytest.mark.parametrize("otherwise", [None, frozenset({"p90"})])
def test_what_answers_another_query_or_was_not_measured_is_not_known(otherwise: frozenset[str] | None) -> None:
    for found in (judged({"p90": 80.0}, otherwise=otherwise), judged({"other": 1.0})):
        assert (found.result, found.follows, found.good) == ("unknown", "", None)
        assert found.told() == "unknown: no value of `p90` was recorded that answers its query"


def test_an_objective_that_does_not_count_needs_no_value() -> None:
    shown = objectives(objective("p90", "<=100"), {"sli": "users"})
    assert judged({"p90": 80.0}, Pinned(shown)).follows == "good"
    assert judged({"p90": 80.0}, otherwise=frozenset({"users"})).follows == "good"


@pytest.mark.parametrize(
    ("over", "result", "follows", "why"),
    [
        (True, "pass", "good", "no slo.yaml; the problem is resolved by its source"),
        (False, "fail", "action", "no slo.yaml; the problem is still open"),
        (None, "unknown", "", "there is no slo.yaml, and whether the problem was over was not recorded"),
    ],
)
def test_without_objectives_the_problem_is_the_evidence(over: bool | None, result: str, follows: str, why: str) -> None:
    found = judged({}, Pinned(), over=over)
    assert (found.result, found.follows, found.why, found.evaluated) == (result, follows, why, None)


@pytest.mark.parametrize("pinned", [Pinned(UserError("broken")), Pinned(GOAL, unreadable=(UserError("broken"),))])
def test_what_cannot_be_read_is_no_data(pinned: Pinned) -> None:
    found = judged({"p90": 80.0}, pinned)
    assert (found.result, found.follows) == ("no data", "again")


def test_values_that_cannot_be_put_together_are_no_data() -> None:
    median = replace(GOAL, comparison=replace(GOAL.comparison, aggregate_function="median"))  # type: ignore[arg-type]  # wrong
    found = judged({"p90": 80.0}, Pinned(median))
    assert (found.result, found.follows, found.why) == ("no data", "again", "`median` is no aggregate function")


def queries(**named: str) -> Pinned:
    return Pinned(
        GOAL, indicators={"prometheus": {name: Indicator(name, query, HERE) for name, query in named.items()}}
    )


def test_which_indicators_are_asked_otherwise() -> None:
    then = queries(a="x", b="y")
    assert asked_otherwise(then, queries(a="x", b="y")) == frozenset()
    assert asked_otherwise(then, queries(a="x", b="z")) == frozenset({"b"})
    assert asked_otherwise(then, queries(a="x", b="y", c="z")) == frozenset({"c"})
    assert asked_otherwise(then, queries(a="x")) == frozenset({"b"})
    assert asked_otherwise(then, replace(then, filters=(("handler", "x"),))) is None


def test_on_which_objectives_two_verdicts_disagree() -> None:
    good, bad = judged({"p90": 80.0}), judged({"p90": 300.0})
    assert turned(good, bad).startswith("p90 is 300: fail")
    assert turned(good, good) == "another total score is asked for"
    unknown = judged({})
    assert turned(good, unknown) == unknown.why
    assert turned(unknown, good) == ""
