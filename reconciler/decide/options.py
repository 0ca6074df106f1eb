"""What the action in hand is done with: its own options over those of service, stage and shipyard."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.decide.draft import Draft
from reconciler.decide.policy import Timing, timing
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView


def option(remediation: Remediation, name: str) -> object:
    """Return an option of the action in hand, None where it has none of that name."""
    return _options(remediation).get(name)


def timing_of(draft: Draft, view: ServiceView, remediation: Remediation) -> Timing:
    """Return the times and answers that hold for the action in hand now."""
    return timing(draft.stage, view, _options(remediation))


def _options(remediation: Remediation) -> Mapping[str, object]:
    if remediation.index >= len(remediation.actions):
        return {}
    return remediation.actions[remediation.index].get("options") or {}
