"""A report as Markdown, for a wiki or a retrospective, and as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.cli.markdown import code, plain, table
from reconciler.cli.moments import lasted

_GROUP: Final = ("Remediations", "Healed", "Median", "90 %", "Outcomes")
_LISTED: Final = 50
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_markdown(reports: Sequence[Mapping[str, Any]]) -> str:
    """Return all reports, one after the other."""
    return "\n\n".join("\n\n".join(filter(None, _stage(each))) for each in reports) + "\n"


def _stage(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {plain(data['stage'])}, {data['since']} to {data['until']}"
    if not data["remediations"]:
        yield "No problem was reported."
    else:
        yield table(("Problems", *_GROUP), [[str(data["problems"]), *_cells(data)]])
        yield _section("By playbook entry", ("Entry", *_GROUP), data["entries"], "entry", "(no entry matched)")
        yield "## Actions" if data["actions"] else ""
        actions = [[code(each["action"]), str(each["tried"]), str(each["helped"])] for each in data["actions"]]
        yield table(("Action", "Tried", "Healed by it"), actions)
        yield _section("By service", ("Service", *_GROUP), data["services"], "service", "")
        yield _named("Resolved by their source, not healed", data["unhealed"])
        yield _named("Escalated", data["escalated"])
    yield _never(data["neverUsed"])


def _section(title: str, headings: Sequence[str], groups: Sequence[Mapping[str, Any]], key: str, empty: str) -> str:
    rows = [[plain(each[key] or empty), *_cells(each)] for each in groups[:_LISTED]]
    return "\n\n".join(filter(None, (f"## {title}", table(headings, rows), _more(len(groups)))))


def _cells(group: Mapping[str, Any]) -> list[str]:
    outcomes = ", ".join(f"{count} {name}" for name, count in group["outcomes"].items())
    return [
        str(group["remediations"]), share(group["healed"]), lasted(group["medianSeconds"]), lasted(group["p90Seconds"]),
        outcomes,
    ]  # fmt: skip


def share(value: float | None) -> str:
    """Return a share in percent; empty for None."""
    return "" if value is None else f"{100 * value:.1f} %"


def _named(title: str, items: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            each["opened"],
            plain(each["service"]),
            plain(each["title"]),
            code(each["remediation"]),
            plain(each.get("reason", "")),
        ]
        for each in items[:_LISTED]
    ]
    shown = table(("Opened", "Service", "Problem", "Remediation", "Why"), rows)
    return "\n\n".join(filter(None, (f"## {title}" if rows else "", shown, _more(len(items)))))


def _never(entries: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [plain(each["entry"]), str(len(each["services"])), plain(", ".join(each["services"][:5]))]
        for each in entries[:_LISTED]
    ]
    shown = table(("Entry", "Services", "Among them"), rows)
    return "\n\n".join(filter(None, ("## Entries that were never used" if rows else "", shown, _more(len(entries)))))


def _more(count: int) -> str:
    return f"And {count - _LISTED:,} more." if count > _LISTED else ""


_COLUMNS: Final = (
    "stage",
    "since",
    "until",
    "group",
    "name",
    "remediations",
    "problems",
    "healed",
    "medianSeconds",
    "p90Seconds",
)
_OUTCOMES: Final = (
    "remediated", "resolved", "unhealed", "unverified", "escalated", "unmatched", "aborted", "reverted", "orphaned",
    "running",
)  # fmt: skip
_TRIES: Final = ("tried", "helped")
"""What is counted of actions."""


def as_csv(reports: Sequence[Mapping[str, Any]]) -> str:
    """Return one line for each stage, entry, action and service, and one for each entry that was never used.

    All lines have all columns; what a group has no number for is empty.
    """
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow((*_COLUMNS, *_OUTCOMES, *_TRIES))
    for data in reports:
        head = (data["stage"], data["since"], data["until"])
        groups = [("stage", "", data), *(("entry", each["entry"], each) for each in data["entries"])]
        groups += [("action", each["action"], each) for each in data["actions"]]
        groups += [("service", each["service"], each) for each in data["services"]]
        groups += [("never used", each["entry"], {"remediations": 0}) for each in data["neverUsed"]]
        lines.writerows((*head, kind, _cell(name), *_numbers(group)) for kind, name, group in groups)
    return written.getvalue()


def _numbers(group: Mapping[str, Any]) -> Iterator[object]:
    for key in _COLUMNS[5:]:
        yield "" if group.get(key) is None else group[key]
    for name in _OUTCOMES:
        yield group["outcomes"].get(name, 0) if "outcomes" in group else ""
    for key in _TRIES:
        yield group.get(key, "")


def _cell(text: str) -> str:
    """Return a text that a spreadsheet takes for text and not for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
