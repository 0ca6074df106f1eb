"""A step as the commit that it is: its file, the files it changes, its message, dated by its own moment."""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.model.step import Step, render_file, trailers
from reconciler.repo.stream import NewCommit
from reconciler.repo.trailers import compose


def as_commit(step: Step) -> NewCommit:
    """Return the commit of a step; the same step gives the same bytes, so a branch can be replayed."""
    files = {**step.files, step.path: render_file(step)}
    message = compose(step.subject, step.body, trailers(step))
    return NewCommit(files, message, datetime.fromtimestamp(step.now, UTC))
