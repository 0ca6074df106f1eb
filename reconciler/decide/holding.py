"""The step that holds a remediation: its condition, why, and what lifts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.decide.actions.protocol import Wait
from reconciler.decide.draft import Note, titled


def held_note(wait: Wait, title: str, prefix: str = "", data: Mapping[str, Any] | None = None) -> Note:
    """Return the step that says what a remediation waits for and what lifts it."""
    held = {"condition": wait.condition, "reason": wait.reason, "lifts": wait.lifts}
    body = f"{prefix}It waits ({wait.condition}): {wait.reason}.\nLifted by: {wait.lifts}."
    return Note("held", titled(f"held: {wait.condition}", title), body, {**(data or {}), **held})
