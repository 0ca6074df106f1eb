"""A comparison as plain data, bounded: what JSON, YAML, the table and the page for a pull request are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reconciler.cli.comparison import Compared, Wish
from reconciler.decide.whatif.difference import KINDS
from reconciler.decide.whatif.result import NAMED, Group, Row
from reconciler.decide.whatif.rules import Rule
from reconciler.decide.wording import short
from reconciler.model.errors import UserError
from reconciler.model.instant import format_instant

TYPES: Final = 200
DIFFERENCES: Final = 200
FINDINGS: Final = 50
"""How many of each are told; of the others only how many there are."""
_TEXT: Final = 400


def report(wish: Wish, compared: Compared, rules: Sequence[Rule]) -> dict[str, Any]:
    """Return all that is told, in an order that depends on nothing but the repository."""
    result, totals = compared.result, compared.result.totals
    findings, cut, unreadable = len(compared.findings), compared.cut, len(compared.unreadable)
    return {
        "stage": wish.stage,
        "base": compared.base,
        "head": compared.head,
        "newest": format_instant(compared.newest) if compared.newest is not None else None,
        "earliest": format_instant(compared.earliest) if compared.earliest is not None else None,
        "summary": result.summary,
        "totals": {
            "problems": totals.problems,
            "differ": totals.differ,
            **{kind: totals.kinds[kind] for kind in KINDS},
            "unknown": totals.unknown,
            "strayed": totals.strayed,
            "unhealed": totals.unhealed,
            "healed": totals.healed,
            "replicas": {"most": totals.replicas_most, "least": totals.replicas_least, "unknown": totals.vague},
            "actions": {
                name: {"base": base, "head": head} for name, (base, head) in sorted(totals.actions.items())
            },
        },
        "types": [_row(each) for each in result.rows[:TYPES]],
        "differences": [_group(each) for each in result.groups[:DIFFERENCES]],
        "findings": [_finding(each) for each in compared.findings[:FINDINGS]],
        "rules": [{"rule": each.text, "met": each.met(totals, findings, cut, unreadable)} for each in rules],
        "cut": {
            "problems": cut,
            "types": max(len(result.rows) - TYPES, 0),
            "differences": max(len(result.groups) - DIFFERENCES, 0),
            "findings": max(findings - FINDINGS, 0),
        },
        "unreadable": unreadable,
        "unreadableSteps": list(compared.unreadable[:NAMED]),
    }  # fmt: skip


def _row(row: Row) -> dict[str, Any]:
    return {
        "type": short(row.type, _TEXT), "problems": row.problems, "differ": row.differ,
        **{kind: row.kinds[kind] for kind in KINDS}, "unknown": row.unknown,
    }  # fmt: skip


def _group(group: Group) -> dict[str, Any]:
    example = group.example
    told = {"why": example.why, "recorded": example.recorded, "base": example.base, "head": example.head}
    return {
        "type": short(group.type, _TEXT), "kind": group.kind, "problems": group.problems,
        **{name: short(text, _TEXT) for name, text in told.items()},
        "ids": list(group.ids), "more": group.problems - len(group.ids),
    }  # fmt: skip


def _finding(error: UserError) -> dict[str, Any]:
    place = error.place
    return {
        "path": place.path if place else "", "line": place.line if place else 0,
        "column": place.column if place else 0, "message": short(error.message, _TEXT),
        "expected": short(error.expected, _TEXT), "hint": short(error.hint, _TEXT),
    }  # fmt: skip


def caveats(data: dict[str, Any]) -> list[str]:
    """Return what was left out, a line each."""
    cut = data["cut"]
    told = (
        (cut["problems"], "problem", "problems", " older than those of --limit"),
        (cut["types"], "kind of problem", "kinds of problems", ""),
        (cut["differences"], "way to differ", "ways to differ", ""),
        (cut["findings"], "finding in a file", "findings in files", ""),
    )
    left = [f"left out: {number} {one if number == 1 else many}{what}" for number, one, many, what in told if number]
    return [*left, *_unreadable(data["unreadable"], data["unreadableSteps"])]


def _unreadable(number: int, steps: Sequence[str]) -> list[str]:
    """Return that remediations could not be followed, with the steps; why their files are so is not known here."""
    if not number:
        return []
    more = f" and {number - len(steps)} more" if number > len(steps) else ""
    told = "1 remediation, a step of which" if number == 1 else f"{number} remediations, a step of each of which"
    return [f"not followed to the end: {told} cannot be used: {', '.join(steps)}{more}"]


SAYS: Final = {
    "refused": "could not be read", "entry": "would match another entry", "action": "would take another action",
    "bound": "would reach another bound", "held": "would wait otherwise", "evaluation": "would be evaluated otherwise",
    "next": "would go on otherwise",
}  # fmt: skip
"""What is said of problems that differ in one way."""
