"""What must be written now: decided and not yet seen in the world, given back, or to be done once.

Everything else that we hold was seen to hold; where it changed since, that is drift, and a step of its own says what to
do. So nothing is ever written without a pushed step that stands behind exactly this write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.decide.claims import concerned, is_pending, want_of, want_of_once
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.copies import quick
from reconciler.model.desired import Held, Key
from reconciler.model.names import RemediationId
from reconciler.model.targets import FieldValue, Want


@quick
@dataclass(frozen=True)
class Due:
    """A field to be written; ``want`` sees it.

    ``sequence`` is that of the step behind it, ``by`` that step's remediation. ``owner`` is what the target carries
    afterwards: the service, or the stage alone where the field is given back (``expected``: only while the live value
    is this one). ``through``: the target is the autoscaler of the workload that is seen.
    """

    key: Key
    value: FieldValue
    sequence: int
    owner: str
    want: Want
    by: RemediationId
    expected: FieldValue | None = None
    through: bool = False
    payload: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def stands(self, live: FieldValue | None) -> bool:
        """Whether the write may be done, given the live value: a field is given back only while it is still ours."""
        return live is not None and (self.expected is None or live in (self.expected, self.value))


def due_effects(stage: Stage, view: ServiceView) -> tuple[Due, ...]:
    """Return what is to be written for a service, in a stable order."""
    return (*_held(stage, view), *_once(stage, view))


def _held(stage: Stage, view: ServiceView) -> Iterator[Due]:
    for key, held in sorted(view.desired.items(), key=lambda item: item[0]):
        if is_pending(view, held):
            yield _due(stage, view, key, held)


def _due(stage: Stage, view: ServiceView, key: Key, held: Held) -> Due:
    return Due(
        key, held.value, held.sequence, owner_of(stage, view) if held.claims else stage.owner, want_of(key, held),
        held.by, held.expected, held.through is not None,
    )  # fmt: skip


def _once(stage: Stage, view: ServiceView) -> Iterator[Due]:
    for remediation in view.remediations.values():
        for once in remediation.once if remediation.pending else ():
            key = (once.target, once.field)
            yield Due(
                key, once.value, once.sequence, owner_of(stage, view), want_of_once(key, once.value), remediation.id,
                payload=once.payload,
            )  # fmt: skip


def owner_of(stage: Stage, view: ServiceView) -> str:
    """Return what targets of a service carry as their owner: ``project/stage/service``."""
    return f"{stage.owner}/{view.name}"


def effects_of(stage: Stage, view: ServiceView, remediation: Remediation) -> tuple[Due, ...]:
    """Return what is waited for on behalf of one remediation: what its newest steps claim, give back, or do once.

    A claim on what has the value already is waited for too: it takes effect by being seen, and is not written.
    """
    held = {key: view.desired[key] for key in concerned(view, remediation.id)}
    return (
        *(_due(stage, view, key, each) for key, each in held.items() if _is_waited_for(remediation, each)),
        *(due for due in _once(stage, view) if due.by == remediation.id),
    )


def _is_waited_for(remediation: Remediation, held: Held) -> bool:
    claimed = (claim.sequence for claim in held.claims if claim.remediation == remediation.id)
    return any(remediation.awaits(sequence) for sequence in (held.sequence, *claimed))
