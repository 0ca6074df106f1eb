"""What a report makes of the problem's file that is there already; most reports make nothing of it.

Senders repeat themselves, deliver late and out of order. A file says one thing at a time, so only a change of the
state is a change: the words of a problem are those it was opened with.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from reconciler.intake.identity import is_plain
from reconciler.intake.moments import moment, of_seconds
from reconciler.intake.report import Report
from reconciler.model import canonical
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.problem import Problem, load_problem
from reconciler.model.problem_writing import problem_file, reopened, resolved
from reconciler.model.reader import PROBLEM_LIMIT, shown

SENT_AT: Final = "sentAt"
"""The detail in which a file records when its state was sent, for senders that tell."""


def file_path(report: Report) -> str:
    """Return the file of the report's problem, below the service's folder in `ops/`.

    Raises:
        UserError: the id or the day cannot be part of a path.
    """
    day = report.day
    if not is_plain(report.id) or (day and not _is_day(day)):
        raise UserError(
            f"`{shown(report.id)}` of `{shown(day)}` can be no file's name",
            expected="a day such as 2026-11-21, and letters, digits and `. _ + = , -`",
            hint="give the problem another id",
        )
    return f"problems/{day}/{report.id}.yaml" if day else f"problems/{report.id}.yaml"


def merged(report: Report, existing: bytes | None, path: str) -> bytes | None:
    """Return what the problem's file shall be, None where it shall stay as it is; ``path`` is for errors only.

    Without a file the report is written, a resolved one too: so a firing that arrives after its end changes nothing.
    A file that says the same already stays. Resolved replaces open unless the file's state was sent later. Open
    replaces resolved only where an identity may open again and the report was not sent before the file's state.

    Raises:
        UserError: the file cannot be read; it is left for whoever wrote it.
    """
    if existing is None:
        return problem_file(report.problem)
    known = _known(existing, path)
    if known.state == report.problem.state:
        return None
    told, recorded = _sent(report), moment(known.details.get(SENT_AT))
    if report.problem.state == "resolved":
        older = not report.final and told is not None and recorded is not None and told < recorded
        return None if older else _changed(report, existing, path)
    if report.final or (told is not None and recorded is not None and told <= recorded):
        return None
    return _changed(report, existing, path)


def _known(existing: bytes, path: str) -> Problem:
    try:
        return load_problem(existing, path)
    except InvalidFile as error:
        first = error.errors[0]
        raise UserError(
            f"the problem's file is there and cannot be read: {first.message}",
            place=first.place,
            expected=first.expected,
            hint="mend or delete the file; it was not touched, and the report is taken when it comes again",
        ) from error


def _changed(report: Report, existing: bytes, path: str) -> bytes:
    """Return the file with the report's state, and the time it was sent where the file is still in our form."""
    ours = _own(existing, path)
    sent = of_seconds(report.sent) if report.sent is not None else ""
    if ours is not None and isinstance(ours.get("details", {}), dict):
        details = {**ours.get("details", {}), SENT_AT: sent} if sent else ours.get("details", {})
        data = {**ours, "state": report.problem.state, **({"details": details} if details else {})}
        written = canonical.emit(data)
        if len(written) <= PROBLEM_LIMIT:
            return written
    change = resolved if report.problem.state == "resolved" else reopened
    return change(existing, path)


def _own(existing: bytes, path: str) -> dict[str, Any] | None:
    """Return the content of a file that still is as we would write it."""
    try:
        data = canonical.read(existing, path)
    except UserError:
        return None
    return data if "title" in data and "specversion" not in data else None


def _sent(report: Report) -> datetime | None:
    return moment(of_seconds(report.sent)) if report.sent is not None else None


def _is_day(day: str) -> bool:
    return moment(f"{day}T00:00:00Z") is not None
