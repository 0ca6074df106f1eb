"""What an action asks for by its own words, where it is not known what it would have come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.decide.actions.featuretoggle import Toggle
from reconciler.decide.actions.registry import unpin
from reconciler.decide.actions.scaling import Scaling
from reconciler.model.errors import UserError
from reconciler.model.targets import FieldValue


def asked_for(pinned: Mapping[str, Any]) -> dict[str, FieldValue]:
    """Return `by` or `replicas` of a pinned scaling, flags by name of a toggle, nothing for other actions."""
    try:
        spec = unpin(pinned, "remediation.yaml")
    except UserError:
        return {}
    match spec:
        case Scaling(by=int() as by):
            return {"by": by}
        case Scaling(to=int() as to):
            return {"replicas": to}
        case Toggle():
            return dict(spec.flags)
        case _:
            return {}
