"""What a service waits for, and whose doing can end that: so that a step wakes only those that it can concern.

A hold ends when what it waits for changes. Only for two kinds can that be a step about another service: a place in the
budget of services at once, and a field that another service claims. Everything else shows in the service's own files or
its stage's (suspended, shadow, approval, what cannot be read, a clash of names), by looking at its targets (blind,
drift, another owner's mark), or by time (the hour's budget), of which `decide` says when.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.policy import StageConfig

Condition: TypeAlias = Literal["budget", "conflict", "blind", "drift", "approval", "suspended", "shadow"]


def waits_for(view: ServiceView, stage: Stage) -> frozenset[Condition]:
    """Return the conditions that remediations of a service are held for and that a further look may find lifted.

    ``budget`` only while the stage limits how many services are remediated at once; the hour's comes with the time.
    """
    found = {cast("Condition", each.hold.condition) for each in view.remediations.values() if each.hold is not None}
    at_once = isinstance(stage.config, StageConfig) and stage.config.budgets.services_at_once is not None
    return frozenset(found if at_once else found - {"budget"})


def woken_by_steps(view: ServiceView, stage: Stage) -> bool:
    """Whether a step about another service may be what this one waits for."""
    return not waits_for(view, stage).isdisjoint({"budget", "conflict"})
