"""Findings as the tests compare them."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.cli.doctor.finding import Finding, Verdict
from reconciler.cli.doctor.meanings import MEANINGS


def seen(findings: Iterable[Finding]) -> dict[tuple[str, Verdict], Finding]:
    """Return findings by check and verdict, the first of each; all of them have what findings must have."""
    found: dict[tuple[str, Verdict], Finding] = {}
    for each in findings:
        assert each.check in MEANINGS
        assert each.about
        assert each.found
        assert bool(each.do) == (each.verdict != "ok"), each
        found.setdefault((each.check, each.verdict), each)
    return found


def wrong(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return what is not well, by its check."""
    return {check: each for (check, verdict), each in seen(findings).items() if verdict != "ok"}
