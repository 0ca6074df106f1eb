"""Which fields must be written now: those of a decision that was not yet seen in the world, and those given back.

Everything else that we hold was seen to hold; where it changed since, that is drift, and a step of its own says what to
do. So nothing is ever written without a pushed step that stands behind exactly this write.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.claims import want_of
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.names import RemediationId
from reconciler.model.targets import Field, FieldValue, Target, Want


@dataclass(frozen=True)
class Due:
    """A field to be written. ``sequence`` is that of the step behind it; ``want`` sees it afterwards."""

    target: Target
    field: Field
    value: FieldValue
    owner: str
    sequence: int
    remediation: RemediationId
    want: Want


def due_effects(stage: Stage, view: ServiceView) -> tuple[Due, ...]:
    """Return what is to be written for a service, in a stable order."""
    owner = f"{stage.project}/{stage.name}/{view.name}"
    due: list[Due] = []
    for key, held in sorted(view.desired.items(), key=lambda item: item[0]):
        pending = [
            claim.remediation
            for claim in held.claims
            if claim.remediation in view.remediations and view.remediations[claim.remediation].pending
        ]
        if held.claims and not pending:
            continue
        remediation = pending[-1] if pending else held.released_by or RemediationId("")
        due.append(Due(key[0], key[1], held.value, owner, held.sequence, remediation, want_of(key, held)))
    return tuple(due)
