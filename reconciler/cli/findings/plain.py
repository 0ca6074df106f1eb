"""Findings as JSON, for programs that we don't know."""

from __future__ import annotations

import json
from typing import Any

from reconciler.cli.findings.finding import Finding
from reconciler.cli.findings.report import Report


def json_document(report: Report) -> str:
    """Return one object with `valid`, `checked` (files), and a list for each severity."""
    lists = {"findings": "error", "warnings": "warning", "notices": "notice"}
    data: dict[str, Any] = {"valid": report.valid, "checked": report.files}
    for key, severity in lists.items():
        data[key] = [_plain(each) for each in report.findings if each.severity == severity]
    return json.dumps(data, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode() + "\n"


def _plain(each: Finding) -> dict[str, Any]:
    error, place = each.error, each.place
    return {
        "path": each.label + place.path,
        "line": place.line,
        "column": place.column,
        "severity": each.severity,
        "check": each.check,
        "message": error.message,
        "expected": error.expected,
        "hint": error.hint,
    }
