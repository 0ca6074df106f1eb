"""What a benchmark has to say: a table, whether its bar was kept, and the page that all of them are written to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One metric's part of the page; ``missed`` are the bars that were not kept, in words."""

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


def page(machine: str, command: str, sections: Sequence[Section]) -> str:
    """Return the whole page."""
    trust = (
        "Whatever is compared was measured in the same run, in turns, so that noise hits both sides: trust the ratios, "
        "not the milliseconds."
    )
    parts = [
        "# Performance",
        f"Written by `{command}`, which measured it. Times are milliseconds.",
        f"Machine: {machine}.",
        trust,
    ]
    for section in sections:
        bars = "\n".join(f"- **missed**: {bar}" for bar in section.missed) or "All bars kept."
        parts += [f"## {section.title}", section.text, bars]
    return "\n\n".join(parts) + "\n"


def ms(seconds: float) -> str:
    """Render seconds as milliseconds."""
    return f"{seconds * 1000:.1f}"


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return a percentile by nearest rank."""
    ordered = sorted(samples)
    return ordered[min(round(percent / 100 * len(ordered) + 0.5), len(ordered)) - 1]
