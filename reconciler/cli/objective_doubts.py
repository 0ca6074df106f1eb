"""What is doubtful about objectives: criteria that exclude each other, scores that nothing can reach or miss.

Only fixed limits are looked at: what a relative one asks for depends on earlier evaluations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.cli import loaded
from reconciler.cli.findings.finding import Finding, doubt
from reconciler.cli.key_doubts import about_keys
from reconciler.cli.key_places import place_of_key
from reconciler.decide.evaluation.criterion import Rule, parse
from reconciler.model.document import open_document
from reconciler.model.errors import UserError
from reconciler.model.slo import WHOLE, CriteriaSet, Objective, Slo

_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


@dataclass(frozen=True)
class _Range:
    """The values that a set of criteria lets pass; ``open_`` says that the bound itself does not."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def within(self, other: _Range) -> bool:
        """Whether every value here is one there."""
        low = self.low > other.low or (self.low == other.low and (self.low_open or not other.low_open))
        high = self.high < other.high or (self.high == other.high and (self.high_open or not other.high_open))
        return low and high

    def cut(self, rule: Rule) -> _Range:
        """Return what is left under one more fixed limit."""
        low, low_open, high, high_open = self.low, self.low_open, self.high, self.high_open
        strict = rule.operator in ("<", ">")
        if rule.operator in (">", ">=", "=") and (rule.value > low or (rule.value == low and strict)):
            low, low_open = rule.value, strict
        if rule.operator in ("<", "<=", "=") and (rule.value < high or (rule.value == high and strict)):
            high, high_open = rule.value, strict
        return _Range(low, high, low_open, high_open)


def about_objectives(data: bytes) -> Iterator[Finding]:
    """Yield what of a `slo.yaml` can never be as it says."""
    slo = loaded.objectives(data)
    if slo is None:
        return
    yield from about_keys(slo.unread)
    yield from _about_scores(data, slo)
    first: dict[str, Objective] = {}
    for each in slo.objectives:
        if (other := first.setdefault(each.sli, each)) is not each:
            yield _twice(each, other)
        yield from _about_criteria(each)


def _twice(objective: Objective, first: Objective) -> Finding:
    same = _written(objective) == _written(first)
    return doubt(
        "objective-twice",
        f"a second objective about `{objective.sli}`, the first is in line {first.place.line}: both count",
        objective.place,
        expected="one objective for one indicator",
        hint="delete it" if same else "put the criteria of both into one objective, or correct `sli`",
    )


def _about_scores(data: bytes, slo: Slo) -> Iterator[Finding]:
    score = slo.total_score
    written = open_document(data, "", "slo").section("total_score")
    for name in ("pass", "warning"):
        text = written.text(name)
        if text and not text.endswith("%") and 0 < float(text) <= 1:
            yield doubt(
                "share-for-percentage",
                f"`{name}` is {text} %, which hardly anything misses",
                written.place_of(name),
                expected='a percentage from 0 to 100, such as `"90%"`',
                hint=f'did you mean `"{float(text) * WHOLE:g}%"`?',
            )
    if score.passing <= 0 and any(each.passing for each in slo.objectives):
        yield doubt(
            "share-for-percentage",
            "`pass` is 0 %, which every evaluation reaches: nothing ever fails, whatever is measured",
            written.place_of("pass"),
            expected='a percentage above 0, such as `"90%"`',
            hint='write for example `pass: "90%"`; delete the file if nothing shall be evaluated',
        )
    if score.warning is not None and score.warning > score.passing:
        yield doubt(
            "limits-contradict",
            f"there is never a warning: it asks for {score.warning:g}%, and {score.passing:g}% pass already",
            written.place_of("warning"),
            expected=f"a `warning` below {score.passing:g}%",
            hint="swap the two, or lower `warning`",
        )
    if not slo.objectives:
        yield doubt(
            "no-objective",
            "there are no objectives: no evaluation ever passes",
            place_of_key(data, "objectives"),
            expected="one objective or more",
            hint='write for example `objectives: [{sli: response_time_p95, pass: [{criteria: ["<600"]}]}]`, or delete'
            " the file: the problem's own end is then what counts",
        )
    elif not any(each.passing for each in slo.objectives):
        yield doubt(
            "no-objective",
            "no objective has `pass`: every evaluation passes, whatever is measured",
            slo.objectives[0].place,
            expected="an objective with `pass`",
            hint='write for example `pass: [{criteria: ["<600"]}]`',
        )


def _about_criteria(objective: Objective) -> Iterator[Finding]:
    for name, sets in (("pass", objective.passing), ("warning", objective.warning)):
        for each in sets:
            left = _left(_rules(each))
            if left is not None and left.empty:
                written = ", ".join(f"`{criterion.text}`" for criterion in each.criteria)
                yield doubt(
                    "limits-contradict",
                    f"no value fulfils {written} at once, in `{name}` of `{objective.sli}`",
                    each.criteria[0].place,
                    expected="criteria that one value can fulfil together",
                    hint="put them into two `- criteria:` if either may hold, or correct the numbers",
                )
    passes = [_left(rules) for each in objective.passing if (rules := _rules(each)) and not _relative(rules)]
    for each in objective.warning:
        rules = _rules(each)
        left = _left(rules) if rules and not _relative(rules) else None
        if left is not None and not left.empty and any(wide is not None and left.within(wide) for wide in passes):
            yield doubt(
                "limits-contradict",
                f"this `warning` of `{objective.sli}` never counts: whatever fulfils it passes",
                each.criteria[0].place,
                expected="a limit wider than that of `pass`",
                hint="swap `pass` and `warning`, or widen this one",
            )
        yield from _other_way(objective, each, [_left(_rules(one)) for one in objective.passing])
    if objective.warning and not objective.passing:
        yield doubt(
            "no-objective",
            f"without `pass` the objective of `{objective.sli}` is shown only, and its `warning` counts for nothing",
            objective.warning[0].place,
            expected="a `pass` beside `warning`",
            hint="write in `pass` what is good, and in `warning` what is still bearable",
        )


def _written(objective: Objective) -> list[list[list[str]]]:
    """Return the criteria as they are written, wherever they stand."""
    both = (objective.passing, objective.warning)
    return [[[criterion.text for criterion in each.criteria] for each in sets] for sets in both]


def _other_way(objective: Objective, warning: CriteriaSet, passes: Iterable[_Range | None]) -> Iterator[Finding]:
    """Yield a warning with limits on one side only, where each `pass` has them on the other side only."""
    rules = _rules(warning)
    left, wide = _left(rules), list(passes)
    sides = {_side(each) for each in wide if each is not None}
    if left is None or not wide or None in wide or _relative(rules) or len(sides) != 1:
        return
    side = sides.pop()
    if side and _side(left) == -side:
        written = ", ".join(f"`{criterion.text}`" for criterion in warning.criteria)
        turned = ", ".join(f'`"{_TURNED[rule.operator]}{rule.value:g}"`' for rule in rules)
        yield doubt(
            "limits-contradict",
            f"this `warning` of `{objective.sli}` looks the other way than its `pass`: the worse a value is, the more"
            f" surely it fulfils {written}",
            warning.criteria[0].place,
            expected="what is still bearable: a limit on the same side as that of `pass`, and wider",
            hint=f"write {turned}" if all(rule.value >= 0 for rule in rules) else "turn the operator around",
        )


def _side(range_: _Range) -> int:
    """Return 1 for limits from above only, -1 for such from below only, else 0."""
    above, below = range_.high < math.inf, range_.low > -math.inf
    return 0 if above == below else 1 if above else -1


def _rules(each: CriteriaSet) -> list[Rule]:
    try:
        return [parse(criterion.text) for criterion in each.criteria]
    except UserError:
        return []  # told by the check of the file


def _relative(rules: Iterable[Rule]) -> bool:
    return any(rule.relative for rule in rules)


def _left(rules: Iterable[Rule]) -> _Range | None:
    """Return the values that fixed limits leave, None where there is no such limit."""
    fixed = [rule for rule in rules if not rule.relative]
    found = _Range()
    for rule in fixed:
        found = found.cut(rule)
    return found if fixed else None
