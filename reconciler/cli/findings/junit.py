"""Findings as JUnit's XML, which every CI system shows: a test case for each file that has any, one for the others.

Errors are failures, with `--strict` warnings too; what else there is stands in the case's output.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reconciler.cli.findings.finding import Finding
from reconciler.cli.findings.report import Report
from reconciler.cli.messages import render, visible


def junit(report: Report) -> str:
    """Return one test suite."""
    wrong = ("error", "warning") if report.strict else ("error",)
    files = [
        (name, list(found))
        for name, found in groupby(
            sorted(report.findings, key=lambda each: (each.label, each.place)),
            lambda each: each.label + each.place.path,
        )
    ]
    failed = sum(any(each.severity in wrong for each in found) for _, found in files)
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", name="reconciler validate", errors="0", skipped="0")
    for name, found in files:
        _case(suite, name, found, wrong)
    SubElement(suite, "testcase", classname="reconciler.validate", name=f"{report.files} files checked")
    suite.set("tests", str(len(files) + 1))
    suite.set("failures", str(failed))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, name: str, found: Sequence[Finding], wrong: Sequence[str]) -> None:
    case = SubElement(suite, "testcase", classname="reconciler.validate", name=visible(name), file=visible(name))
    failures = [each for each in found if each.severity in wrong]
    if failures:
        # One element: several in a case are no JUnit, though some read them.
        failure = SubElement(case, "failure", type=failures[0].check, message=visible(failures[0].error.message))
        failure.text = _told(failures)
    rest = [each for each in found if each.severity not in wrong]
    if rest:
        SubElement(case, "system-out").text = _told(rest)


def _told(found: Sequence[Finding]) -> str:
    return "\n".join(visible(each.label) + render(each.error, each.severity) for each in found)
