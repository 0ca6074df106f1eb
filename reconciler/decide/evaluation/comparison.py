"""The earlier value that relative criteria start from: which evaluations count, and how their values become one.

Keptn 1.4.5's rules. An evaluation without data is left out whatever the objectives say (ADR 0030): it would take the
place of one that has something to compare with.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from reconciler.decide.evaluation.measured import Earlier, Outcome
from reconciler.model.errors import UserError
from reconciler.model.slo import Comparison, IncludeScore

_INCLUDED: Final[Mapping[IncludeScore, frozenset[Outcome | None]]] = {
    "pass": frozenset({"pass", None}),
    "pass_or_warn": frozenset({"pass", "warning", None}),
    "all": frozenset({"pass", "warning", "fail", None}),
}


def chosen(comparison: Comparison, earlier: Iterable[Earlier]) -> tuple[Earlier, ...]:
    """Return the evaluations to compare with; ``earlier`` comes newest first.

    Filtered by overall result first, then the newest are taken: one for `single_result`, else as many as are asked for.
    """
    number = 1 if comparison.compare_with == "single_result" else comparison.number_of_comparison_results
    included = _INCLUDED[comparison.include_result_with_score]
    fitting = (each for each in earlier if not each.invalidated and each.result in included)
    return tuple(islice(fitting, number))


def by_metric(earlier: Iterable[Earlier]) -> Mapping[str, Sequence[float]]:
    """Return the values of each metric, those alone that could be measured."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for evaluation in earlier:
        for each in evaluation.values:
            if (number := each.number) is not None:
                found[each.metric].append(number)
    return found


def aggregate(values: Sequence[float], function: str) -> float | None:
    """Return one value for several; None for none.

    Raises:
        UserError: for an unknown function. Keptn went on with 0 as the earlier value (ADR 0032).
    """
    compute = _FUNCTIONS.get(function)
    if compute is None:
        expected = ", ".join(f"`{name}`" for name in _FUNCTIONS)
        raise UserError(f"`{function}` is no aggregate function", expected=expected, hint="write one of these")
    return compute(values) if values else None


def average(values: Sequence[float]) -> float:
    """Return the mean, added up from left to right: `sum` gives other last digits from Python 3.12 on."""
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value at position ``share`` · (n+1) of the sorted values, linear between neighbours.

    Below position 1 it is the least value, from position n on the greatest. ``share`` lies between 0 and 1.
    """
    ordered = sorted(values)
    position = share * (len(ordered) + 1)
    if position < 1.0:
        return ordered[0]
    if position >= len(ordered):
        return ordered[-1]
    whole = math.floor(position)
    lower, upper = ordered[whole - 1], ordered[whole]
    return lower + (position - whole) * (upper - lower)


_FUNCTIONS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "avg": average,
    "p50": lambda values: percentile(values, 0.5),
    "p90": lambda values: percentile(values, 0.9),
    "p95": lambda values: percentile(values, 0.95),
}
