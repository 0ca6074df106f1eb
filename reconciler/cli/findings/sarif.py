"""Findings as SARIF 2.1.0 (OASIS), which code scanning and many editors read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler import __version__
from reconciler.cli.findings.finding import Finding, Severity
from reconciler.cli.findings.gitlab import fingerprint
from reconciler.cli.findings.report import Report
from reconciler.cli.messages import visible

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL: Final[Mapping[Severity, str]] = {"error": "error", "warning": "warning", "notice": "note"}


def sarif(report: Report) -> str:
    """Return a log of one run."""
    rules = sorted({each.check for each in report.findings})
    driver = {
        "name": "reconciler",
        "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": rule.replace("-", " ")}} for rule in rules],
    }
    seen: Counter[str] = Counter()
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, rules.index(each.check), seen) for each in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(each: Finding, rule: int, seen: Counter[str]) -> dict[str, Any]:
    branch = f" ({each.branch})" if each.branch else ""
    result: dict[str, Any] = {
        "ruleId": each.check,
        "ruleIndex": rule,
        "level": _LEVEL[each.severity],
        "message": {"text": visible(each.text) + branch},
        "partialFingerprints": {"reconciler/v1": fingerprint(each, seen)},
    }
    if each.place.path:
        result["locations"] = [{"physicalLocation": _location(each)}]
    return result


def _location(each: Finding) -> dict[str, Any]:
    place = each.place
    uri = quote(place.path.encode("utf-8", "backslashreplace"))
    location: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}}
    if place.line:
        location["region"] = {"startLine": place.line, **({"startColumn": place.column} if place.column else {})}
    return location
