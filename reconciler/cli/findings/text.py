"""Findings for people: `place: error: message`, the form that editors jump to, what was expected, and the hint."""

from __future__ import annotations

from reconciler.cli.findings.finding import SEVERITIES
from reconciler.cli.findings.report import Report
from reconciler.cli.messages import render, visible


def text(report: Report) -> str:
    """Return errors first, then warnings, then notices; nothing where there are none."""
    found = [
        visible(each.label) + render(each.error, each.severity)
        for severity in SEVERITIES
        for each in report.findings
        if each.severity == severity
    ]
    return "".join(f"{each}\n" for each in found)
