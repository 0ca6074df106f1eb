"""What `replay` shows of what it found, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.repo.replay_findings import Replayed, around, plain

WORTH_TELLING: Final = 10_000
"""Commits below which nobody is told how far it is."""
_WIDTH: Final = 60
"""Characters of a line that a table shows; the other forms have all of it."""


def data(found: Replayed) -> dict[str, Any]:
    """Return what came of a stage as plain data."""
    return {
        "name": str(found.stage),
        "commit": str(found.tip),
        "steps": found.steps,
        "exact": found.exact,
        "first": found.first,
        "last": found.last,
        "foreign": found.foreign,
        "findings": [plain(each) for each in found.findings],
    }


def rows(stages: Sequence[Mapping[str, Any]]) -> Iterator[list[object]]:
    """Yield the findings as lines of a table."""
    for stage in stages:
        for each in stage["findings"]:
            commit = each["commit"][:12] + (f"..{each['until'][:12]}" if "until" in each else "")
            kind = "error" if each["error"] else "note"
            where, _ = around(each.get("where", ""), "", _WIDTH)
            texts = (where, *around(each.get("expected", ""), each.get("there", ""), _WIDTH))
            yield [stage["name"], commit, each.get("step"), kind, each["what"], *texts, each.get("todo")]


def summary(found: Replayed) -> str:
    """Return one line about a stage."""
    steps = f"{found.steps:,} step{'' if found.steps == 1 else 's'}"
    told = f"{steps} ({found.first} to {found.last})" if found.steps else "no steps"
    if found.steps:
        told += ", all exact" if found.exact == found.steps else f", {found.exact:,} exact"
    if found.foreign:
        told += f"; {_counted(found.foreign, 'commit')} of others among our files"
    count = sum(each.error for each in found.findings)
    return f"{found.stage}: {told}; {_counted(count, 'finding') if count else 'nothing found'}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
