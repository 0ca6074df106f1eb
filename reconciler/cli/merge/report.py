"""A merge's plan in words: tables for a terminal, Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.cli import markdown
from reconciler.cli.merge.differences import spoken
from reconciler.cli.merge.planned import MergePlan
from reconciler.cli.output import table

_FIELDS: Final = ("STAGE", "SERVICE", "TARGET", "FIELD", "NOW", "AFTER", "WHY")
_REMEDIATIONS: Final = ("STAGE", "SERVICE", "REMEDIATION", "NOW", "AFTER", "WHAT", "WHY")
_PINNED: Final = ("STAGE", "SERVICE", "REMEDIATION", "NOW", "GOES ON AS PINNED")
_UNKNOWN: Final = ("STAGE", "SERVICE", "UNKNOWN FROM HERE", "WHY")
_Row = Mapping[str, Any]
_SHOWN: Final = 200
"""Rows of a table in Markdown; forges refuse summaries that are longer than a megabyte."""


def headline(plan: MergePlan) -> str:
    """Return what is different, in one line."""
    merging = f"merging {plan.ref} into {plan.into}"
    if plan.how == "contained":
        return f"{plan.into} has all of {plan.ref} already"
    data = plan.data()
    counts = [
        _counted(len(data["fields"]), "desired value"),
        _counted(len(data["remediations"]), "remediation"),
        _counted(len(data["unknown"]), "thing unknown from here", "things unknown from here"),
    ]
    told = ", ".join(each for each in counts if each)
    if told:
        return f"{merging} changes now: {told}"
    busy = sum(each.looked_at for each in plan.stages)
    looked = f"{_counted(busy, 'service')} looked at" if busy else "nothing is going on in it"
    return f"{merging} changes nothing now ({looked})"


def as_table(plan: MergePlan, columns: int = 0) -> str:
    """Return the tables, one below the other; empty where there is nothing to tell. ``columns`` as for `table`."""
    data = plan.data()
    parts = (
        table(_FIELDS, [_field(row) for row in data["fields"]], columns),
        table(_REMEDIATIONS, [_remediation(row) for row in data["remediations"]], columns),
        table(_PINNED, [_pinned(row) for row in data["pinned"]], columns),
        table(_UNKNOWN, [_unknown(row) for row in data["unknown"]], columns),
    )
    return "\n\n".join(part for part in parts if part)


def as_markdown(plan: MergePlan) -> str:
    """Return the same as Markdown, with what it is founded on."""
    return "\n\n".join(_sections(plan)) + "\n"


def remarks(plan: MergePlan) -> list[str]:
    """Return what a person should know beside the tables."""
    told = list(plan.notes)
    told += [f"{each['what']} is taken as it was seen at {each['seen']}" for each in plan.data()["recorded"]]
    return told


def _sections(plan: MergePlan) -> Iterator[str]:
    data = plan.data()
    yield f"### What merging changes now in {markdown.code(plan.into)}"
    yield f"{markdown.plain(headline(plan)[:1].upper() + headline(plan)[1:])}."
    sections: tuple[tuple[str, Sequence[str], list[_Row], Any], ...] = (
        ("Desired values", _FIELDS, data["fields"], _field),
        ("Remediations", _REMEDIATIONS, data["remediations"], _remediation),
        ("Not affected: what was pinned when the problem came", _PINNED, data["pinned"], _pinned),
        ("Unknown from here", _UNKNOWN, data["unknown"], _unknown),
    )
    for title, headings, rows, cells in sections:
        if rows:
            yield f"**{title}**"
            names = [heading.capitalize() for heading in headings]
            yield markdown.table(names, [_cells(row, cells(row)) for row in rows[:_SHOWN]])
        if len(rows) > _SHOWN:
            yield f"… and {len(rows) - _SHOWN} more; `reconciler plan --ref` shows all."
    told = [*remarks(plan), *(f"{what}: {why}" for what, why in plan.conditions.items())]
    if told:
        yield "\n".join(f"* {markdown.plain(each)}" for each in told)
    if plan.how != "contained":
        yield f"<sub>{_founded_on(plan)}</sub>"


def _cells(row: _Row, cells: Sequence[str]) -> list[str]:
    """Return cells as Markdown; lines of files, which are the last one, as code."""
    told = [markdown.plain(cell) for cell in cells]
    return [*told[:-1], "; ".join(map(markdown.code, row["why"]))] if "why" in row else told


def _founded_on(plan: MergePlan) -> str:
    facts = "servers were asked" if plan.online else "from Git alone: no server was asked"
    how = "merged in memory with" if plan.how == "merged" else "it descends from"
    return f"{facts}; {how} {markdown.code(plan.into)} at {markdown.code(plan.old[:12])}"


def _field(row: _Row) -> list[str]:
    now, after = spoken(row)
    return [row["stage"], row["service"], _named(row), row["field"], now, after, _because(row)]


def _named(row: _Row) -> str:
    """Return kind and name of a target, as `Deployment/carts-primary`."""
    return "/".join(row["key"].split("/")[-2:])


def _remediation(row: _Row) -> list[str]:
    now = (
        row["now"]
        if row["now"] == row["without"] or not row["without"]
        else f"{row['now'] or 'new'} → {row['without']}"
    )
    about = f"{row['about']} ({row['remediation']})" if row["remediation"] else row["about"]
    return [row["stage"], row["service"], about, now, row["after"], row["effect"], _because(row)]


def _pinned(row: _Row) -> list[str]:
    about = f"{row['about']} ({row['remediation']})"
    return [row["stage"], row["service"], about, row["now"], ", ".join(row["files"])]


def _unknown(row: _Row) -> list[str]:
    return [row["stage"], row["service"], row["needs"], _because(row)]


def _because(row: _Row) -> str:
    return "; ".join(row["why"])


def _counted(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or f'{one}s'}" if number else ""
