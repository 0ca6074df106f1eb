"""When an objective is missed, as spans of its value: what a rule of a monitoring tool can ask without knowing Keptn.

An objective passes if all criteria of one of its sets hold; what is left is exactly the values that miss it. Whether a
value holds is asked of the evaluation's own comparison, at every limit and between any two, so that an alert and an
evaluation cannot come to disagree.

Relative criteria compare with earlier evaluations, which no monitoring tool has. In a set with absolute ones they are
left out: then fewer values are taken for missed, never more (ADR 0103).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from reconciler.decide.evaluation.criterion import Rule, satisfied

Sets: TypeAlias = Sequence[Sequence[Rule]]


@dataclass(frozen=True)
class Span:
    """Values from ``low`` to ``high``, without those in ``holes``; ``opens`` and ``closes``: the end itself is in it.

    An end that is infinite is never in it: what is no finite number is no value.
    """

    low: float
    high: float
    opens: bool = False
    closes: bool = False
    holes: tuple[float, ...] = ()

    def __contains__(self, value: float) -> bool:
        """Whether a value lies in it."""
        above = value > self.low or (self.opens and value == self.low)
        below = value < self.high or (self.closes and value == self.high)
        return above and below and value not in self.holes


def unwatchable(sets: Sets) -> str:
    """Return why no rule can tell that an objective is missed; empty where one can.

    It can where every set has an absolute criterion: an objective is missed only if each of its sets is.
    """
    if not sets:
        return "it has no `pass` criteria, so it is for information only"
    for rules in sets:
        if not rules:
            return "a set of `pass` has no criteria, so it always passes"
        if all(rule.relative for rule in rules):
            texts = _both(rules)
            return f"it may pass by {texts} alone, compared with earlier evaluations, which monitoring does not have"
    return ""


def unwatched(sets: Sets) -> tuple[Rule, ...]:
    """Return the criteria that a rule leaves out: those that compare with earlier evaluations."""
    return tuple(rule for rules in sets for rule in rules if rule.relative)


def missed(sets: Sets) -> tuple[Span, ...]:
    """Return the values that miss an objective by its absolute criteria alone, as spans that do not touch, ascending.

    ``sets`` must be watchable. No span at all: it cannot be missed.
    """
    fixed = [[rule for rule in rules if not rule.relative] for rules in sets]
    limits = sorted({rule.value for rules in fixed for rule in rules})
    spans: list[Span] = []
    joins = False
    for piece, value in _pieces(limits):
        if any(all(satisfied(value, rule.operator, rule.value) for rule in rules) for rules in fixed):
            joins = False
        elif joins:
            spans[-1] = replace(spans[-1], high=piece.high, closes=piece.closes)
        else:
            spans.append(piece)
            joins = True
    return tuple(_with_holes(spans))


def _pieces(limits: Sequence[float]) -> Iterator[tuple[Span, float]]:
    """Yield the spans before, at, between and after the limits, each with a value to ask about all of it."""
    low = -math.inf
    for limit in limits:
        between = limit if low == -math.inf else low / 2 + limit / 2
        if low == -math.inf:
            yield Span(low, limit), -math.inf
        elif low < between < limit:
            yield Span(low, limit), between
        yield Span(limit, limit, opens=True, closes=True), limit
        low = limit
    yield Span(low, math.inf), math.inf


def _with_holes(spans: Sequence[Span]) -> Iterator[Span]:
    """Yield the spans, two with a single value between them as one."""
    held: Span | None = None
    for span in spans:
        if held is not None and held.high == span.low:
            held = replace(span, low=held.low, opens=held.opens, holes=(*held.holes, span.low))
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def is_missed_above(spans: Sequence[Span]) -> bool:
    """Whether large values miss the objective, and no small ones do."""
    return bool(spans) and spans[-1].high == math.inf and spans[0].low != -math.inf


def is_missed_below(spans: Sequence[Span]) -> bool:
    """Whether small values miss the objective, and no large ones do."""
    return bool(spans) and spans[0].low == -math.inf and spans[-1].high != math.inf


def told(sets: Sets) -> str:
    """Return what an objective asks for, as its file says it: `<600 and >=100, or <=50`."""
    return ", or ".join(" and ".join(rule.text.replace(" ", "") for rule in rules) for rules in sets)


def _both(rules: Sequence[Rule]) -> str:
    return " and ".join(f"`{rule.text.replace(' ', '')}`" for rule in rules)
