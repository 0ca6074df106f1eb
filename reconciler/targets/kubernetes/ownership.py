"""Who would write a workload's template again: then rolling it back here would not last, and is for them to do.

Whoever applies server-side declares what shall be, and will again; so does what controls the workload (an operator),
and every writer that is not known to be a tool that somebody runs once. The names of those are here; unknown ones count
as owners, since rolling back is the one change that undoes what somebody else meant.
"""

from __future__ import annotations

import re
from typing import Any, Final

from reconciler.targets.kubernetes.documents import controller, dig, items, text
from reconciler.targets.kubernetes.writing import MANAGER

_BY_HAND: Final = re.compile(
    r"kubectl(-[a-z-]+)?|oc|helm|helm-service|k9s|lens|openlens|freelens|headlamp|dashboard|octant|node-fetch|mozilla"
    r"|kube-controller-manager",
    re.IGNORECASE,
)
"""Tools of people, and `helm` and Keptn's `helm-service`, which write when somebody deploys. `node-fetch` is Lens."""


def template_owner(item: dict[str, Any]) -> str:
    """Return who owns the template of a workload, other than us and people's tools; empty where nobody does."""
    kind, above = controller(item)
    if kind:
        return f"{kind} {above}"
    writers = [
        entry
        for entry in items(item, "metadata", "managedFields")
        if dig(entry, "fieldsV1", "f:spec", "f:template") is not None and text(entry, "manager") != MANAGER
    ]
    owners = [entry for entry in writers if text(entry, "operation") == "Apply" or not _by_hand(entry)]
    # What applies declares the whole; of several, the one that wrote last.
    owners.sort(key=lambda entry: (text(entry, "operation") == "Apply", text(entry, "time")))
    return text(owners[-1], "manager") if owners else ""


def _by_hand(entry: dict[str, Any]) -> bool:
    return _BY_HAND.fullmatch(text(entry, "manager")) is not None
