"""One objective judged: its status, its points, and each criterion with the value that it asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from reconciler.decide.evaluation.criterion import Rule, satisfied
from reconciler.decide.evaluation.measured import Measured
from reconciler.decide.evaluation.objectives import Goal
from reconciler.model.copies import quick

Status: TypeAlias = Literal["pass", "warning", "fail", "info"]

NOT_MEASURED: Final = "no value was measured"


@quick
@dataclass(frozen=True)
class Target:
    """A criterion and what it came to. ``target`` None: it is ``relative`` and there was no earlier value."""

    criterion: str
    target: float | None
    violated: bool
    relative: bool

    @property
    def uncompared(self) -> bool:
        """Whether it holds only because there was nothing to compare with."""
        return self.target is None and not self.violated


@quick
@dataclass(frozen=True)
class Judged:
    """An objective's part in an evaluation.

    ``value`` None: it could not be measured, and ``message`` says why. ``score`` is in points of ``weight``.
    ``compared`` is the earlier value. ``passing`` and ``warning`` have the criteria as the file groups them.
    """

    sli: str
    status: Status
    score: float
    weight: int
    key_sli: bool
    value: float | None
    message: str
    compared: float | None
    passing: tuple[tuple[Target, ...], ...]
    warning: tuple[tuple[Target, ...], ...]
    display_name: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is part of the score."""
        return self.status != "info"

    @property
    def missing(self) -> bool:
        """Whether it counts and has no value."""
        return self.counts and self.value is None


def judge(goal: Goal, measured: Measured | None, earlier: float | None) -> Judged:
    """Judge one objective by its value and the ``earlier`` one that relative criteria start from.

    `pass` wins over `warning`, which gives half of the weight. Without a value an objective that counts has failed; one
    for information stays that.
    """
    number = measured.number if measured else None
    passing = tuple(_targets(rules, number, earlier) for rules in goal.passing)
    warning = tuple(_targets(rules, number, earlier) for rules in goal.warning)
    status: Status = "info"
    if goal.counts:
        status = "fail"
        if number is not None:
            status = "pass" if _one_holds(passing) else "warning" if _one_holds(warning) else "fail"
    return Judged(
        goal.sli,
        status,
        _points(status, goal.weight),
        goal.weight,
        goal.key_sli,
        number,
        _message(measured, number),
        earlier if number is not None else None,
        passing,
        warning,
        goal.display_name,
    )


def _points(status: Status, weight: int) -> float:
    return {"pass": 1.0, "warning": 0.5, "fail": 0.0, "info": 0.0}[status] * weight


def _one_holds(sets: Sequence[Sequence[Target]]) -> bool:
    return any(not any(target.violated for target in targets) for targets in sets)


def _targets(rules: Sequence[Rule], measured: float | None, earlier: float | None) -> tuple[Target, ...]:
    """Judge the criteria; without a value all are violated and relative ones show the earlier one, as in Keptn."""
    if measured is None:
        return tuple(
            Target(rule.text, earlier if rule.relative else rule.value, violated=True, relative=rule.relative)
            for rule in rules
        )
    return tuple(_target(rule, measured, earlier) for rule in rules)


def _target(rule: Rule, measured: float, earlier: float | None) -> Target:
    target = rule.target(earlier)
    violated = target is not None and not satisfied(measured, rule.operator, target)
    return Target(rule.text, target, violated, rule.relative)


def _message(measured: Measured | None, number: float | None) -> str:
    if measured is None:
        return NOT_MEASURED
    if number is None and measured.success:
        return measured.message or f"{measured.value} is no number to compare with"
    return measured.message or ("" if measured.success else NOT_MEASURED)
