"""The benchmark evaluates what it says, with results of every kind, and its bar can be missed."""

from __future__ import annotations

from benchmarks.evaluations import EARLIER, OBJECTIVES, Timed, cases, measure, section, slo
from benchmarks.machine import Quiet
from reconciler.decide.evaluation.evaluate import evaluate


def test_every_objective_is_compared_with_every_earlier_evaluation() -> None:
    for case in cases(5):
        found = evaluate(slo(), case.values, case.earlier)
        assert len(found.objectives) == OBJECTIVES
        assert all(each.compared is not None for each in found.objectives)
        assert len(found.compared_with) == EARLIER


def test_each_evaluation_has_values_of_its_own_and_every_run_the_same_ones() -> None:
    listed = cases(50)
    assert len({case.values for case in listed}) == 50
    assert listed == cases(50)


def test_what_came_out_is_told() -> None:
    timed = measure(cases(50), 2, Quiet(0))
    assert (len(timed.alone), len(timed.recorded)) == (2, 2)
    assert set(timed.results) == {"pass", "warning", "fail"}
    assert sum(timed.results.values()) == 50
    assert f"{timed.results['fail']} fail" in section(timed).text


def test_a_missed_bar_is_told() -> None:
    assert section(Timed([0.1], [0.9, 0.99, 5.0], {})).missed == ()
    assert section(Timed([0.1], [0.9, 1.01, 5.0], {})).missed == ("1010.0 ms for all, recorded, above 1000.0 ms",)
