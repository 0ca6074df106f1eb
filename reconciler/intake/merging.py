"""What a report makes of the problem's file that is there already; most reports make nothing of it.

Senders repeat themselves, deliver late and out of order. A file says one thing at a time, so only a change of the
state is a change: the words of a problem are those it was opened with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from reconciler.intake.identity import is_plain
from reconciler.intake.moments import moment, of_seconds, written
from reconciler.intake.report import Report
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.problem import Problem, load_problem
from reconciler.model.problem_writing import problem_file, reopened, resolved
from reconciler.model.reader import PROBLEM_LIMIT, shown

SENT_AT: Final = "sentAt"
"""The detail in which a file records when its state was sent, for senders that tell."""


def recorded(details: Mapping[str, Any], sent: datetime | None) -> dict[str, Any]:
    """Return the details of a report with the time it was sent, where its sender told, before all others."""
    if sent is None:
        return dict(details)
    return {SENT_AT: written(sent), **{name: value for name, value in details.items() if name != SENT_AT}}


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
    replaces resolved only where an identity may open again and the report was not sent before the file's state. What
    may be a replay replaces nothing that was opened or resolved at a known time, unless it says that it was sent later.

    Raises:
        UserError: the file cannot be read; it is left for whoever wrote it.
    """
    new = problem_file(report.problem)
    if existing is None or existing == new:  # the same again is the usual case, and needs no reading
        return new if existing is None else None
    known = _known(existing, path)
    if known.state == report.problem.state:
        return None
    told, stands = _sent(report), moment(known.details.get(SENT_AT))
    if report.problem.state == "resolved":
        older = stands is not None and (told < stands if told is not None else report.replayable)
        return None if older and not report.final else _changed(report, known, existing, path)
    if report.final or report.replayable or (told is not None and stands is not None and told <= stands):
        return None
    return _changed(report, known, existing, path)


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


def _changed(report: Report, known: Problem, existing: bytes, path: str) -> bytes:
    """Return the file with the report's state, and with the time it was sent where the file is still in our form."""
    if problem_file(known) == existing:
        details = recorded(known.details, _sent(report))
        content = problem_file(replace(known, state=report.problem.state, details=details))
        if len(content) <= PROBLEM_LIMIT:
            return content
    change = resolved if report.problem.state == "resolved" else reopened
    return change(existing, path)


def _sent(report: Report) -> datetime | None:
    return moment(of_seconds(report.sent)) if report.sent is not None else None


def _is_day(day: str) -> bool:
    return moment(f"{day}T00:00:00Z") is not None
