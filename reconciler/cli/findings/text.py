"""Findings for people: `place: error: message`, the form that editors jump to, what was expected, and the hint."""

from __future__ import annotations

from reconciler.cli.findings.finding import SEVERITIES, Finding
from reconciler.cli.findings.report import Report
from reconciler.cli.messages import render, visible
from reconciler.model.errors import Place, UserError


def text(report: Report) -> str:
    """Return errors first, then warnings, then notices; nothing where there are none."""
    found = [
        _one_line(each.label) + render(_headed(each), each.severity)
        for severity in SEVERITIES
        for each in report.findings
        if each.severity == severity
    ]
    return "".join(f"{each}\n" for each in found)


def _headed(each: Finding) -> UserError:
    """Return the error with its place and message on one line, so that neither can begin a line of its own."""
    error, place = each.error, each.place
    where = Place(_one_line(place.path), place.line, place.column) if error.place else None
    return UserError(_one_line(error.message), place=where, expected=error.expected, hint=error.hint)


def _one_line(text: str) -> str:
    return visible(text).replace("\n", "\\n")
