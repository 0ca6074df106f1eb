"""A filter as conditions of SQL, each of which an index answers. Values are always parameters."""

from __future__ import annotations

import json
from typing import Any, Final

from reconciler.repo.chronicle_records import OPEN, UNHEALED, Filter

STEPS: Final = "steps"
PEOPLE: Final = "people"
_SHORTEST: Final = 3
"""Characters that the index of words needs; for fewer all of them are looked through."""


def conditions(about: str, only: Filter) -> tuple[list[str], dict[str, Any]]:
    """Return conditions and their values for a query about steps or people."""
    return {STEPS: _steps, PEOPLE: _people}[about](only)


def phrase(text: str) -> str:
    """Return what the index of words is asked for; empty for a text that it cannot look for.

    Words are kept without regard to case. SQLite takes a NUL for the end of what it is asked for.
    """
    folded = text.casefold()
    return '"' + folded.replace('"', '""') + '"' if len(folded) >= _SHORTEST and "\0" not in folded else ""


def about_remediations(
    only: Filter, *, found: list[int] | None = None, settled: int | None = None
) -> tuple[list[str], dict[str, Any]]:
    """Return conditions and their values for a query about remediations.

    ``found`` are those with the text in their words; None: they are not known, or so many that it is quicker to look
    into each one that the rest leaves. ``settled`` is the order of the last step that any of them may have.
    """
    where: list[str] = []
    values: dict[str, Any] = {"service": only.service, "entry": only.entry, "text": only.text.casefold()}
    if only.service:
        where.append("r.service = :service" if "/" in only.service else "r.name = :service")
    if only.entry:
        where.append("r.entry = :entry")
    if only.outcome == UNHEALED:
        where.append("r.unhealed")
    elif only.outcome:
        where.append("r.outcome = :outcome")
        values["outcome"] = "" if only.outcome == OPEN else only.outcome
    where += _period(only, "opened", "remediations", "r.", values)
    if settled is not None:
        # What came later was opened later too: by that, pages find the place to begin at.
        where += ["r.n <= :settled", "+r.newest <= :settled"]
        values["settled"] = settled
    if found is not None:
        values["found"] = json.dumps(found)
        where.append("r.n IN (SELECT value FROM json_each(:found))")
    elif only.text:
        where.append("EXISTS (SELECT 1 FROM words WHERE rowid = r.n AND instr(text, :text))")
    return where, values


def _steps(only: Filter) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    values: dict[str, Any] = {"service": only.service, "event": only.event, "text": only.text}
    if only.event:
        where.append("event = :event")
    if only.service:
        # A step of no remediation tells the name of its service only.
        where.append(
            "service IN (SELECT DISTINCT service FROM remediations WHERE name = :service UNION SELECT :service)"
        )
    where += _period(only, "now", "steps", "", values)
    if only.text:
        where.append("instr(folded(subject), folded(:text))")
    return where, values


def _people(only: Filter) -> tuple[list[str], dict[str, Any]]:
    where = ["EXISTS (SELECT 1 FROM files f WHERE f.n = c.n)"]
    values: dict[str, Any] = {"service": only.service, "text": only.text}
    if only.service:
        where = ["n IN (SELECT f.n FROM files f WHERE f.service IN (:service, ''))"]
    if only.since is not None:
        where.append("at >= :since")
        values["since"] = only.since
    if only.until is not None:
        where.append("at <= :until")
        values["until"] = only.until
    if only.text:
        where.append("instr(folded(subject), folded(:text))")
    return where, values


def _period(only: Filter, column: str, table: str, prefix: str, values: dict[str, Any]) -> list[str]:
    """Bound a moment, and by it the order: steps never go back in time (law 3), so the one gives the other."""
    where: list[str] = []
    valid = " AND valid" if table == "steps" else ""
    if only.since is not None:
        values["since"] = only.since
        first = f"SELECT n FROM {table} WHERE {column} >= :since{valid} ORDER BY {column}, n LIMIT 1"  # noqa: S608  (words of ours)
        where += [f"{prefix}{column} >= :since", f"{prefix}n >= coalesce(({first}), 0)"]
    if only.until is not None:
        values["until"] = only.until
        last = f"SELECT n FROM {table} WHERE {column} <= :until{valid} ORDER BY {column} DESC, n DESC LIMIT 1"  # noqa: S608  (words of ours)
        where += [f"+{prefix}{column} <= :until", f"{prefix}n <= coalesce(({last}), 0)"]
    return where
