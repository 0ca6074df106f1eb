"""One objective in one line, as the step of an evaluation tells it."""

from __future__ import annotations

from reconciler.decide.evaluation.judging import Judged, Target
from reconciler.decide.evaluation.telling import objective


def judged(value: float | None, *targets: Target, status: str = "pass", message: str = "") -> Judged:
    return Judged("p90", status, 1.0, 1, False, value, message, None, (targets,) if targets else (), ())  # type: ignore[arg-type]  # any status


def test_a_value_beside_its_limit_never_looks_like_it() -> None:
    line = objective(judged(600.001, Target("<=600", 600.0, True, False), status="fail"))
    assert line == "p90 is 600.001: fail, to pass <=600"


def test_a_relative_limit_is_told_as_a_number() -> None:
    line = objective(judged(109.0, Target("<=+10%", 110.0, False, True)))
    assert line == "p90 is 109: pass, to pass <=+10% (of an earlier value: 110)"


def test_a_relative_limit_without_an_earlier_value_says_so() -> None:
    line = objective(judged(109.0, Target("<=+10%", None, False, True)))
    assert line == "p90 is 109: pass, to pass <=+10% (no earlier value)"


def test_a_missing_value_says_why() -> None:
    line = objective(judged(None, status="fail", message="the answer is empty"))
    assert line == "p90: no value (the answer is empty)"


def test_an_objective_for_information_asks_for_nothing() -> None:
    assert objective(judged(5.0, status="info")) == "p90 is 5: info"
