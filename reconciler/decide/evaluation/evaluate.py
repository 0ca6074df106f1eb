"""The evaluation: objectives, values and earlier evaluations in, a result out.

It counts as Keptn 1.4.5 did, with two differences. A failure that is owed to missing values alone is `no data`, a
result of its own (ADR 0030). And every objective on an indicator gets its value; in Keptn only the first one did
(ADR 0033).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.decide.evaluation.comparison import aggregate, by_metric, chosen
from reconciler.decide.evaluation.judging import Judged, judge
from reconciler.decide.evaluation.measured import Earlier, Measured, Outcome
from reconciler.decide.evaluation.objectives import Objectives
from reconciler.decide.evaluation.total import EVERYTHING, Total, total
from reconciler.model.copies import quick
from reconciler.model.evaluations import Result
from reconciler.model.slo import TotalScore


@quick
@dataclass(frozen=True)
class Evaluated:
    """An evaluation with all that led to it.

    ``score`` is a percentage in which a missing value counts as failed, and ``by_score`` what follows from it alone, as
    in Keptn; ``result`` is what counts. ``limits`` are the percentages that were asked for, ``maximum`` the points that
    could be reached. ``compared_with`` names the earlier evaluations, ``unused`` the metrics without an objective.
    """

    result: Outcome
    score: float
    by_score: Result
    limits: TotalScore
    maximum: float
    objectives: tuple[Judged, ...]
    compared_with: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def key_failed(self) -> tuple[Judged, ...]:
        """The key objectives that failed; one is enough to fail all."""
        return tuple(each for each in self.objectives if each.key_sli and each.status == "fail")

    @property
    def missing(self) -> tuple[Judged, ...]:
        """The objectives that count and have no value."""
        return tuple(each for each in self.objectives if each.missing)


def evaluate(objectives: Objectives, measured: Sequence[Measured], earlier: Iterable[Earlier] = ()) -> Evaluated:
    """Evaluate what was ``measured``; ``earlier`` comes newest first.

    Of several values of one metric the first counts, as in Keptn. Without any objective it is a fail.

    Raises:
        UserError: for an aggregate function that does not exist.
    """
    compared = chosen(objectives.comparison, earlier)
    history = by_metric(compared)
    function = objectives.comparison.aggregate_function
    judged = tuple(
        judge(goal, lookup(measured, goal.sli), aggregate(history.get(goal.sli, ()), function))
        for goal in objectives.goals
    )
    limits = objectives.total_score
    maximum = attainable(judged)
    counted = _total(judged, maximum, limits) if judged else Total(0.0, "fail")
    return Evaluated(
        "no data" if _for_want_of_values(judged, maximum, limits, counted) else counted.result,
        counted.score,
        counted.result,
        limits,
        maximum,
        judged,
        tuple(each.name for each in compared),
        unused(measured, {goal.sli for goal in objectives.goals}),
    )


def lookup(measured: Iterable[Measured], sli: str) -> Measured | None:
    """Return an indicator's value, however many objectives ask for it."""
    return next((each for each in measured if each.metric == sli), None)


def unused(measured: Iterable[Measured], slis: Iterable[str]) -> tuple[str, ...]:
    """Return the metrics that no objective is about, in their order."""
    known = set(slis)
    return tuple(dict.fromkeys(each.metric for each in measured if each.metric not in known))


def attainable(judged: Sequence[Judged]) -> float:
    """Return the sum of the weights of the objectives that count; 100 where there are no objectives at all (Keptn)."""
    return float(sum(each.weight for each in judged if each.counts)) if judged else EVERYTHING


def _total(judged: Sequence[Judged], maximum: float, limits: TotalScore) -> Total:
    failed = any(each.key_sli and each.status == "fail" for each in judged)
    return total((each.score for each in judged if each.counts), maximum, limits, key_failed=failed)


def _for_want_of_values(judged: Sequence[Judged], maximum: float, limits: TotalScore, counted: Total) -> bool:
    """Whether it failed, and would not have failed had every missing value been a good one."""
    if counted.result != "fail" or not any(each.missing for each in judged):
        return False
    failed = any(each.key_sli and each.status == "fail" and not each.missing for each in judged)
    points = (float(each.weight) if each.missing else each.score for each in judged)
    return total(points, maximum, limits, key_failed=failed).result != "fail"
