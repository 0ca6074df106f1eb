"""What an evaluation is made of: the values that were measured, and the evaluations that came before."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.decide.evaluation.criterion import LARGEST
from reconciler.model.copies import quick
from reconciler.model.evaluations import Evaluation

Outcome: TypeAlias = Literal["pass", "warning", "fail", "no data"]


@quick
@dataclass(frozen=True)
class Measured:
    """The value of one indicator over the window, or why there is none: ``success`` False, and a ``message``."""

    metric: str
    value: float = 0.0
    success: bool = True
    message: str = ""

    @property
    def number(self) -> float | None:
        """The value where it is a finite number that can be compared, else None."""
        return self.value if self.success and math.isfinite(self.value) and abs(self.value) <= LARGEST else None


@dataclass(frozen=True)
class Earlier:
    """An earlier evaluation of the same service.

    ``result`` None: whoever hands it over has chosen it already, so it counts whatever the objectives say.
    ``name`` is what the record of the evaluation calls it. ``invalidated``: a person took it out of comparisons.
    """

    result: Outcome | None
    values: tuple[Measured, ...]
    name: str = ""
    invalidated: bool = False


def remembered(evaluations: Iterable[Evaluation]) -> tuple[Earlier, ...]:
    """Return the evaluations of a service's state file, which has the newest last, with the newest first."""
    found = [
        Earlier(
            each.result,
            tuple(Measured(metric, value) for metric, value in each.values.items()),
            f"{each.remediation}/{each.step}",
            each.invalidated,
        )
        for each in evaluations
    ]
    return tuple(reversed(found))
