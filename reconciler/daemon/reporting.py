"""The commit of problems that were reported: who says what, readable in `git log`, and nothing of it a trailer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from reconciler.intake.report import Report
from reconciler.repo.objects import Identity
from reconciler.repo.stream import NewCommit
from reconciler.repo.trailers import MAX_SUBJECT, escape

_LISTED = 50
_TITLE = 120


def reported(files: Mapping[str, bytes], reports: Sequence[Report], when: datetime) -> NewCommit:
    """Return the commit; its author is the sender where all reports came from one."""
    senders = sorted({report.sender for report in reports})
    author = Identity(senders[0], f"{senders[0]}@localhost") if len(senders) == 1 else None
    lines = list(dict.fromkeys(_line(report) for report in reports))
    if len(files) == 1 and len(lines) == 1:
        subject = f"{_words(reports[0])}, says {senders[0]}"
    else:
        services = len({report.where.service for report in reports})
        about = f"of {services} services" if services > 1 else f"of {escape(reports[0].where.service)}"
        subject = f"{len(files)} problems {about} reported by {', '.join(senders)}"
    # A dash before each line: none of them can be read as a trailer.
    listed = "\n".join(f"- {line}" for line in lines[:_LISTED])
    more = f"\n- and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
    return NewCommit(dict(files), f"{subject[:MAX_SUBJECT]}\n\n{listed}{more}\n", when, author)


def _words(report: Report) -> str:
    title = escape(report.problem.title)
    shown = title if len(title) <= _TITLE else f"{title[: _TITLE - 4]} ..."
    return f"{escape(report.where.service)}: {shown}{' is over' if report.problem.state == 'resolved' else ''}"


def _line(report: Report) -> str:
    return f"{_words(report)} ({report.id})"
