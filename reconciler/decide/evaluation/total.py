"""The overall result from the points of the objectives, by Keptn 1.4.5's rules and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.model.evaluations import Result
from reconciler.model.slo import TotalScore

EVERYTHING: Final = 100.0


@dataclass(frozen=True)
class Total:
    """The overall result. ``score`` is a percentage, not rounded."""

    score: float
    result: Result


def total(points: Iterable[float], maximum: float, limits: TotalScore, *, key_failed: bool) -> Total:
    """Return the result for the ``points`` of all objectives that count, of ``maximum``, the sum of their weights.

    Where none counts, it is a pass with 100. A key objective that failed makes it a fail, whatever the score.
    """
    if maximum == 0:
        return Total(EVERYTHING, "pass")
    reached = 0.0
    for each in points:  # `sum` gives other last digits from Python 3.12 on
        reached += each
    score = EVERYTHING * (reached / maximum)
    if key_failed:
        return Total(score, "fail")
    if score >= limits.passing:
        return Total(score, "pass")
    if limits.warning is not None and score >= limits.warning:
        return Total(score, "warning")
    return Total(score, "fail")
