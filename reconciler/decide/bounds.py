"""Bounds that became narrower: what is held beyond them comes back within, in a decision of its own."""

from __future__ import annotations

from reconciler.decide.claims import bounded, label
from reconciler.decide.draft import Draft, Note
from reconciler.decide.policy import effective
from reconciler.decide.snapshot import ServiceView
from reconciler.model.desired import Held, Key
from reconciler.model.errors import BugError
from reconciler.model.names import ServicePath
from reconciler.model.policy import Bounds


def bounds_turn(draft: Draft, path: ServicePath) -> bool:
    """Bring one held number of replicas within live bounds. Returns whether a step was made.

    Not while somebody has told reconciler not to act, nor while the files that hold the bounds cannot be read.
    """
    view = draft.view(path)
    if not view.desired:
        return False
    settings = effective(draft.stage, view)
    if settings.mode != "automated" or settings.unreadable:
        return False
    numbers = [key for key, held in view.desired.items() if held.claims and key[1] != "enabled"]
    return draft.first(lambda key: _one(draft, view, key, settings.bounds), sorted(numbers))


def _one(draft: Draft, view: ServiceView, key: Key, bounds: Bounds) -> bool:
    held = view.desired[key]
    holds = (
        view.remediations[claim.remediation].hold for claim in held.claims if claim.remediation in view.remediations
    )
    if any(hold is not None and hold.is_ours_changed for hold in holds):
        return False  # somebody changed the field, and a person was asked
    owner = held.claims[-1].remediation
    within = bounded(held, bounds, draft.sequence + 1, owner)
    if within is held:
        return False
    if owner not in view.remediations:
        raise BugError(f"{key[0]} is claimed by {owner}, which has no steps")
    note = _note(key, held, within, bounds)
    return draft.add(view, owner, note, desired={**view.desired, key: within})


def _note(key: Key, held: Held, within: Held, bounds: Bounds) -> Note:
    span = f"{bounds.minimum}..{bounds.maximum}"
    data = {
        "action": f"bounds {span}",
        "index": 1,
        "count": 1,
        "bound": within.value,
        "changes": [
            {
                "target": str(key[0]),
                "field": key[1],
                "base": held.base,
                "before": held.value,
                "value": within.value,
            }
        ],
    }
    subject = f"scale {held.value} → {within.value} (the bounds are {span} now)"
    body = f"{label(key)} was held at {held.value}; service.yaml or stage.yaml allows {span}."
    return Note("decided", subject, body, data)
