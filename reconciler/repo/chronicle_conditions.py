"""A filter as conditions of SQL, each of which an index answers. Values are always parameters."""

from __future__ import annotations

import json
from typing import Any, Final

from reconciler.decide.remediation import ENDINGS
from reconciler.repo.chronicle_records import OPEN, UNHEALED, Filter

STEPS: Final = "steps"
PEOPLE: Final = "people"
EARLIER: Final = "n < coalesce(:before, 9223372036854775807)"
"""The condition of a page where nothing else bounds the order."""
_SHORTEST: Final = 3
LONGEST: Final = 12
"""Characters of a text that the index of words is asked for, the last ones of a longer one: they tell most of it.

It goes through all places of each three characters in a row, so a long text of common ones costs more than looking.
"""
_OVER: Final = ", ".join(repr(each) for each in sorted(ENDINGS))
_ENDED: Final = (
    "EXISTS (SELECT 1 FROM steps s WHERE s.remediation = r.id AND s.service = r.service "  # noqa: S608  (words of ours)
    f"AND +s.n BETWEEN r.n AND :order AND s.valid AND s.event IN ({_OVER}))"
)
_SPANS: Final = " UNION ALL ".join(f"SELECT {digits} AS span, {(1 << digits) - 1} AS most" for digits in range(32))


def conditions(about: str, only: Filter, *, before: int | None = None) -> tuple[list[str], dict[str, Any]]:
    """Return conditions and their values for a query about steps or people; ``before`` is the order of a page."""
    return {STEPS: _steps, PEOPLE: _people}[about](only, before)


def phrase(text: str) -> str:
    """Return what the index of words is asked for; empty for a text that it cannot look for.

    What it finds has only the end of a text of more than `LONGEST` characters. Words are kept without regard to case.
    SQLite takes a NUL for the end of what it is asked for.
    """
    folded = text.casefold()[-LONGEST:]
    return '"' + folded.replace('"', '""') + '"' if len(folded) >= _SHORTEST and "\0" not in text else ""


def about_remediations(
    only: Filter, *, found: list[int] | None = None, settled: int | None = None, before: int | None = None
) -> tuple[list[str], dict[str, Any]]:
    """Return conditions and their values for a query about remediations.

    ``found`` are those with the text in their words; None: they are not known, or so many that it is quicker to look
    into each one that the rest leaves. ``settled`` is the order of the last step that any of them may have, ``before``
    that of a page.
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
    if settled is not None:
        where.append("+r.newest <= :settled")
        values["settled"] = settled
    # What came later than what is settled was opened later too: by that, pages find the place to begin at.
    where += _period(only, "opened", "remediations", "r.", values, before=before, last=settled)
    if found is not None:
        values["found"] = json.dumps(found)
        where.append("r.n IN (SELECT value FROM json_each(:found))")
    elif only.text:
        where.append("EXISTS (SELECT 1 FROM words WHERE rowid = r.n AND instr(text, :text))")
    return where, values


def that_went_on(only: Filter, order: int) -> tuple[str, dict[str, Any]]:
    """Return a query, with its values, for remediations to which something happened after a step and not only then.

    Of each span only those that had begun less than that before can have gone on, and the longest are the fewest: so
    it costs little at any place of a long past.
    """
    where, values = about_remediations(only)  # few are left: their words are looked into
    told = " AND ".join(("r.span = w.span", "r.n BETWEEN :order - w.most AND :order", "r.newest > :order", *where))
    query = f"SELECT r.n, {_ENDED} FROM ({_SPANS}) w CROSS JOIN remediations r WHERE {told} ORDER BY r.n DESC"  # noqa: S608  (words of ours; values are parameters)
    return query, {**values, "order": order}


def _steps(only: Filter, before: int | None) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    values: dict[str, Any] = {"service": only.service, "event": only.event, "text": only.text}
    if only.event:
        where.append("event = :event")
    if only.service:
        # A step of no remediation tells the name of its service only.
        where.append(
            "service IN (SELECT DISTINCT service FROM remediations WHERE name = :service UNION SELECT :service)"
        )
    where += _period(only, "now", "steps", "", values, before=before)
    if only.text:
        where.append("instr(folded(subject), folded(:text))")
    return where, values


def _people(only: Filter, before: int | None) -> tuple[list[str], dict[str, Any]]:
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
    if before is not None:
        where.append("n < :before")
        values["before"] = before
    if only.text:
        where.append("instr(folded(subject), folded(:text))")
    return where, values


def _period(
    only: Filter, column: str, table: str, prefix: str, values: dict[str, Any], *, before: int | None,
    last: int | None = None,
) -> list[str]:  # fmt: skip
    """Bound a moment, and by it the order: steps never go back in time (law 3), so the one gives the other.

    ``before`` and ``last`` bound the order too. SQLite begins at one bound, so there may be only one.
    """
    where: list[str] = []
    ends: list[str] = []
    valid = " AND valid" if table == "steps" else ""
    if only.since is not None:
        values["since"] = only.since
        first = f"SELECT n FROM {table} WHERE {column} >= :since{valid} ORDER BY {column}, n LIMIT 1"  # noqa: S608  (words of ours)
        where += [f"{prefix}{column} >= :since", f"{prefix}n >= coalesce(({first}), 0)"]
    if only.until is not None:
        values["until"] = only.until
        newest = f"SELECT n FROM {table} WHERE {column} <= :until{valid} ORDER BY {column} DESC, n DESC LIMIT 1"  # noqa: S608  (words of ours)
        where.append(f"+{prefix}{column} <= :until")
        ends.append(f"coalesce(({newest}), 0)")
    if before is not None:
        values["before"] = before
        ends.append(":before - 1")
    if last is not None:
        values["last"] = last
        ends.append(":last")
    if ends:
        where.append(f"{prefix}n <= {ends[0]}" if len(ends) == 1 else f"{prefix}n <= min({', '.join(ends)})")
    return where
