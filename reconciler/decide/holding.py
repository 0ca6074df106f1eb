"""The step that holds a remediation: its condition, why, and what lifts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.decide.actions.protocol import Wait
from reconciler.decide.draft import Draft, Note, titled
from reconciler.decide.remediation import Hold
from reconciler.decide.snapshot import ServiceView
from reconciler.model.targets import Mark


def held_note(wait: Wait, title: str, prefix: str = "", data: Mapping[str, Any] | None = None) -> Note:
    """Return the step that says what a remediation waits for and what lifts it."""
    held: dict[str, Any] = {"condition": wait.condition, "reason": wait.reason, "lifts": wait.lifts}
    if wait.proposal:
        held["proposal"] = dict(wait.proposal)
    body = f"{prefix}{wait.told}It waits ({wait.condition}): {wait.reason}.\nLifted by: {wait.lifts}."
    return Note("held", titled(f"held: {wait.condition}", title), body, {**(data or {}), **held})


def is_new(hold: Hold, wait: Wait) -> bool:
    """Whether something else is proposed than what a person is asked for, or the same anew after its time was over."""
    if not wait.proposal or hold.proposal is None:
        return bool(wait.proposal)
    before = hold.proposal.told
    return (before.get("effect"), before.get("expires")) != (wait.proposal["effect"], wait.proposal["expires"])


def go_on_above(draft: Draft, view: ServiceView, what: str, mark: Mark) -> None:
    """Let the next steps have numbers above that of a lost one which a target carries, or none could be written."""
    if mark.sequence > draft.sequence:
        told = f"{what} carries step {mark.sequence}, which the branch does not have: it was rewritten."
        note = Note("rewritten", "the branch was rewritten", told, {"before": "", "seen": mark.sequence})
        draft.add_to_stage(note, service=view, sequence=mark.sequence + 1)
