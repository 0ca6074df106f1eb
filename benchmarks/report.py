"""What a benchmark has to say: a table, whether its bar was kept, and the page that all of them are written to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Section:
    """One metric's part of the page; ``missed`` are those of its bars that were not kept, in words. Each has a bar."""

    title: str
    text: str
    missed: tuple[str, ...] = ()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, aligned so that it can be read as it is; columns but the first to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = (cell.ljust(width) if not column else cell.rjust(width)
                          for column, (cell, width) in enumerate(zip(cells, widths, strict=True)))  # fmt: skip
        return f"| {' | '.join([first, *others])} |"

    rule = [("-" * width) if not column else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([line(head), f"| {' | '.join(rule)} |", *map(line, rows)])


def page(entries: Sequence[str]) -> str:
    """Return the whole page of these `entry`s, in their order."""
    trust = (
        "Whatever is compared was measured in the same run, in turns, so that noise hits both sides: trust the ratios, "
        "not the milliseconds."
    )
    written = (
        "Written by `make bench`. Each part says which command measured it, at which commit, and where. Times are "
        "milliseconds unless a table says otherwise."
    )
    return "\n\n".join(["# Performance", written, trust, *entries]) + "\n"


def entry(section: Section, command: str, commit: str, machine: str, day: date) -> str:
    """Return one metric's part of the page, from its heading on."""
    bars = "\n".join(f"- **missed**: {bar}" for bar in section.missed) or "All bars kept."
    source = f"*`{command}` at {commit} on {day.isoformat()}: {machine}.*"
    return "\n\n".join([f"## {section.title}", source, section.text, bars])


def merged(written: str, entries: Sequence[str]) -> str:
    """Return a page that was ``written`` before with these entries in it, in the place of those with their titles."""
    kept = {part.partition("\n")[0]: part for part in _entries(written)}
    kept.update({part.partition("\n")[0]: part for part in entries})
    return page(list(kept.values()))


def _entries(written: str) -> list[str]:
    return [f"## {part.strip()}" for part in written.split("\n## ")[1:]]


def ms(seconds: float) -> str:
    """Render seconds as milliseconds."""
    return f"{seconds * 1000:.1f}"


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return a percentile by nearest rank: the smallest sample that so many of a hundred do not exceed."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(percent * len(ordered) / 100), 1) - 1]
