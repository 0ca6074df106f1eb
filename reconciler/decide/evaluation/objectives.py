"""`slo.yaml` understood: every criterion parsed before anything is judged.

Keptn noticed a criterion that it could not parse only while it evaluated, and in `warning` not at all. We refuse the
file (ADR 0034).
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.evaluation.criterion import Rule, parse
from reconciler.model.copies import quick
from reconciler.model.document import Checks
from reconciler.model.errors import UserError
from reconciler.model.slo import Comparison, CriteriaSet, Objective, Slo, TotalScore, load_slo


@quick
@dataclass(frozen=True)
class Goal:
    """One objective: met if all rules of one of ``passing`` hold, met by half if those of one of ``warning`` do."""

    sli: str
    passing: tuple[tuple[Rule, ...], ...]
    warning: tuple[tuple[Rule, ...], ...]
    display_name: str
    weight: int
    key_sli: bool

    @property
    def counts(self) -> bool:
        """Whether it is part of the score; one without `pass` is for information only."""
        return bool(self.passing)


@dataclass(frozen=True)
class Objectives:
    """A whole `slo.yaml`, ready to be evaluated."""

    goals: tuple[Goal, ...]
    total_score: TotalScore
    comparison: Comparison = Comparison()


def load_objectives(data: bytes, path: str) -> Objectives:
    """Load and understand `slo.yaml`.

    Raises:
        InvalidFile: with all that is wrong in it, criteria included.
    """
    return understand(load_slo(data, path))


def understand(slo: Slo) -> Objectives:
    """Parse the criteria.

    Raises:
        InvalidFile: with all that are none, each naming its objective.
    """
    checks = Checks()
    goals = tuple(_goal(each, checks) for each in slo.objectives)
    checks.done()
    return Objectives(goals, slo.total_score, slo.comparison)


def _goal(objective: Objective, checks: Checks) -> Goal:
    return Goal(
        objective.sli,
        _sets(objective.passing, f"`pass` of `{objective.sli}`", checks),
        _sets(objective.warning, f"`warning` of `{objective.sli}`", checks),
        objective.display_name,
        objective.weight,
        objective.key_sli,
    )


def _sets(sets: tuple[CriteriaSet, ...], where: str, checks: Checks) -> tuple[tuple[Rule, ...], ...]:
    return tuple(tuple(_rules(each, where, checks)) for each in sets)


def _rules(each: CriteriaSet, where: str, checks: Checks) -> list[Rule]:
    rules: list[Rule] = []
    for criterion in each.criteria:
        try:
            rules.append(parse(criterion.text))
        except UserError as error:
            checks.add(f"{error.message}, in {where}", criterion.place, expected=error.expected, hint=error.hint)
    return rules
