"""What the log says of a step that has landed: one line, a warning where a person on call wants to find it."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from reconciler.decide.folding import why_blank
from reconciler.model.names import CommitId
from reconciler.model.step import MIRROR, Step, log_fields

_FOR_PEOPLE = frozenset(
    {"held", "failed", "refused", "unmatched", "escalated", "unverified", "restored", "rewritten", "orphaned", "drift"}
)
"""Events that a person on call wants to find among the lines."""


def tell_step(log: FilteringBoundLogger, step: Step, commit: CommitId, *, kept: bool) -> None:
    """Log a step with its commit; ``kept``: only in the mirror, because the remote is away."""
    unmeasured = why_blank(step.data)
    reason = step.data.get("reason", step.data.get("error", unmeasured))
    why = {"reason": str(reason)} if reason else {}
    why |= {"durability": MIRROR} if kept else {}
    tell = log.warning if step.event in _FOR_PEOPLE or unmeasured else log.info
    tell(step.subject, **log_fields(step), **why, commit=commit)
