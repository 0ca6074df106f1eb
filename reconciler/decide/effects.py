"""Which fields must be written now: those of a decision that was not yet seen in the world, and those given back.

Everything else that we hold was seen to hold; where it changed since, that is drift, and a step of its own says what to
do. So nothing is ever written without a pushed step that stands behind exactly this write.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.claims import is_pending, want_of
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.desired import Held, Key
from reconciler.model.targets import FieldValue, Want


@dataclass(frozen=True)
class Due:
    """A field to be written, as it is held; ``want`` sees it."""

    key: Key
    held: Held
    owner: str
    want: Want

    def stands(self, live: FieldValue | None) -> bool:
        """Whether the write may be done, given the live value: a field is given back only while it is still ours."""
        return live is not None and (self.held.expected is None or live == self.held.expected)


def due_effects(stage: Stage, view: ServiceView) -> tuple[Due, ...]:
    """Return what is to be written for a service, in a stable order."""
    owner = f"{stage.project}/{stage.name}/{view.name}"
    due: list[Due] = []
    for key, held in sorted(view.desired.items(), key=lambda item: item[0]):
        if is_pending(view, held):
            due.append(Due(key, held, owner, want_of(key, held)))
    return tuple(due)
