"""Findings as data, and as people read them: what is not well first, each with what it means and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from reconciler.cli.doctor.finding import WORDS, Finding
from reconciler.cli.doctor.meanings import MEANINGS
from reconciler.cli.messages import visible
from reconciler.cli.output import table


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Return them the worst first, else in their order."""
    order = list(WORDS)
    return sorted(findings, key=lambda each: order.index(each.verdict))


def as_data(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return all of them for programs. Verdicts are one word each; `unknown` is what could not be found out."""
    return {
        "summary": counted(findings),
        "findings": [
            {
                "verdict": each.verdict,
                "about": each.about,
                "check": each.check,
                "found": each.found,
                "means": "" if each.verdict == "ok" else MEANINGS[each.check],
                "do": each.do,
            }
            for each in ordered(findings)
        ],
    }


def counted(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how many there are of each verdict."""
    count = Counter(each.verdict for each in findings)
    return {verdict: count[verdict] for verdict in WORDS}


def as_text(findings: Sequence[Finding], columns: int) -> str:
    """Return a block for each that is not well, and a table of those that are. ``columns`` 0: any width."""
    wrong = [each for each in ordered(findings) if each.verdict != "ok"]
    blocks = [
        f"{WORDS[each.verdict]}: {_line(each.about)}: {_line(each.found)}\n"
        f"    means: {MEANINGS[each.check]}\n    do: {_line(each.do)}"
        for each in wrong
    ]
    fine = [(each.about, each.check, each.found) for each in findings if each.verdict == "ok"]
    return "\n".join([*blocks, *([""] if blocks and fine else []), table(("OK", "CHECK", "FOUND"), fine, columns)])


def _line(text: str) -> str:
    return visible(" ".join(text.split()))
