"""Findings as GitLab's code quality report, which shows them in the merge request (GitLab, "Code Quality")."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from reconciler.cli.findings.finding import Finding, Severity
from reconciler.cli.findings.report import Report
from reconciler.cli.messages import visible

_SEVERITY: Final[Mapping[Severity, str]] = {"error": "major", "warning": "minor", "notice": "info"}


def code_quality(report: Report) -> str:
    """Return the report, an empty list where nothing was found."""
    seen: Counter[str] = Counter()
    return json.dumps([_issue(each, seen) for each in report.findings], indent=2) + "\n"


def _issue(each: Finding, seen: Counter[str]) -> dict[str, Any]:
    branch = f" ({each.branch})" if each.branch else ""
    return {
        "description": visible(each.text) + branch,
        "check_name": each.check,
        "fingerprint": fingerprint(each, seen),
        "severity": _SEVERITY[each.severity],
        "location": {"path": visible(each.place.path), "lines": {"begin": each.place.line or 1}},
    }


def fingerprint(each: Finding, seen: Counter[str]) -> str:
    """Return what identifies a finding, also when lines above it come or go; ``seen`` counts those that are alike."""
    known = f"{each.branch}\0{each.place.path}\0{each.check}\0{each.error.message}"
    digest = hashlib.sha256(known.encode("utf-8", "backslashreplace"))
    number = seen[digest.hexdigest()]
    seen[digest.hexdigest()] += 1
    if number:
        digest.update(f"\0{number}".encode())
    return digest.hexdigest()
