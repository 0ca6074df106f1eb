"""The forms of `validate -o`: each read back by a parser, with texts that try to be something else than text."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.findings.finding import SEVERITIES, Finding
from reconciler.cli.findings.report import FORMS, Report, rendered
from reconciler.model.errors import Place, UserError
from tests.cli.conftest import Reconciler, git

HOSTILE = [
    "a\n::error::b", "a\r\n::set-output name=x::y", "%0A::warning::x", "100% :: , ;", "\x1b[31mred\x1b[0m",
    "]]>&<x a='\">", "\ud800", "\x00\x07\u202e\ufffe", "##[error]x", "ä 日本 😀",
]  # fmt: skip
TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))


def report(path: str = "a/slo.yaml", text: str = "wrong", *, line: int = 3, strict: bool = False) -> Report:
    """Return one finding of each severity, all with this path and text."""
    error = UserError(text, place=Place(path, line, 7 if line else 0), expected=text, hint=text)
    found = [Finding(f"check-{severity}", error, severity, "production:", "production") for severity in SEVERITIES]
    return Report(found, 12, strict)


def unescaped(text: str) -> str:
    """Read a workflow command's text as GitHub's runner does."""
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


@given(path=TEXT, text=TEXT, line=st.integers(0, 9))
def test_github_gets_one_command_a_finding_whatever_stands_in_it(path: str, text: str, line: int) -> None:
    written = rendered(report(path, text, line=line), "github")
    lines = written.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(SEVERITIES)
    assert len(written.splitlines()) == len(SEVERITIES)
    for each, severity in zip(lines, SEVERITIES, strict=True):
        found = re.fullmatch(rf"::{severity} ([^:]*)::(.*)", each)
        assert found is not None
        properties = dict(pair.split("=", 1) for pair in found[1].split(","))
        assert set(properties) <= {"file", "line", "col", "title"}
        assert unescaped(properties["title"]) == f"check-{severity} (production)"
        assert "\x1b" not in each


def test_github_can_read_it_back() -> None:
    first = rendered(report("a,b:c/slo.yaml", "50% :: of\nit"), "github").splitlines()[0]
    head, _, text = first.removeprefix("::error ").partition("::")
    assert head == "file=a%2Cb%3Ac/slo.yaml,line=3,col=7,title=check-error (production)"
    assert unescaped(text) == "50% :: of\nit\nexpected: 50% :: of\nit\nhint: 50% :: of\nit"


@given(path=TEXT, text=TEXT, line=st.integers(0, 9))
def test_gitlab_and_sarif_are_json_without_what_a_terminal_acts_on(path: str, text: str, line: int) -> None:
    for form in ("gitlab", "sarif", "json"):
        written = rendered(report(path, text, line=line), form)
        assert "\x1b" not in written
        json.loads(written.encode())


def test_gitlab_has_what_its_documentation_asks_for() -> None:
    issues = json.loads(rendered(report(line=0), "gitlab"))
    assert [issue["severity"] for issue in issues] == ["major", "minor", "info"]
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["location"] == {"path": "a/slo.yaml", "lines": {"begin": 1}}
    assert json.loads(rendered(Report([], 3), "gitlab")) == []


def test_a_fingerprint_outlives_moved_lines_and_tells_twins_apart() -> None:
    def prints(*found: Finding) -> list[str]:
        return [issue["fingerprint"] for issue in json.loads(rendered(Report(found, 1), "gitlab"))]

    one, moved, other = (
        Finding("x", UserError(text, place=Place("a", line))) for text, line in (("t", 1), ("t", 9), ("u", 1))
    )
    assert prints(one) == prints(moved)
    assert len(set(prints(one, moved, other))) == 3
    assert prints(one, moved, other)[0] == prints(one)[0]


def test_sarif_has_what_its_schema_requires() -> None:
    log = json.loads(rendered(report("a b/ä.yaml"), "sarif"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "reconciler"
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    for result, level in zip(run["results"], ("error", "warning", "note"), strict=True):
        assert result["level"] == level
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"].startswith("wrong")
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert unquote(physical["artifactLocation"]["uri"]) == "a b/ä.yaml"
        assert " " not in physical["artifactLocation"]["uri"]
        assert physical["region"] == {"startLine": 3, "startColumn": 7}
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
    assert "region" not in json.dumps(json.loads(rendered(report(line=0), "sarif")))


@given(path=TEXT, text=TEXT, strict=st.booleans())
def test_junit_is_xml_with_as_many_failures_as_it_says(path: str, text: str, strict: bool) -> None:
    suite = ET.fromstring(rendered(report(path, text, strict=strict), "junit").encode()).find("testsuite")
    assert suite is not None
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase")) == 2
    (failure,) = suite.iter("failure")
    assert int(suite.attrib["failures"]) == 1
    assert ("warning: " in str(failure.text)) is strict
    assert "notice: " in str(next(suite.iter("system-out")).text)


def test_junit_of_nothing_found_has_a_case_that_passes() -> None:
    suite = ET.fromstring(rendered(Report([], 12), "junit")).find("testsuite")
    assert suite is not None
    assert [case.attrib["name"] for case in suite] == ["12 files checked"]
    assert suite.attrib["failures"] == "0"


@given(path=TEXT, text=TEXT)
def test_a_terminal_is_told_nothing_that_it_would_act_on(path: str, text: str) -> None:
    written = rendered(report(path, text), "text")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", written)
    # Nor anything by which a CI system's runner would take a line for a command.
    heads = [line for line in written.split("\n") if line and not line.startswith(" ")]
    assert [line.count(": ") > 0 and line.startswith("production:") for line in heads] == [True] * len(SEVERITIES)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_comes_from_the_command_with_the_place(reconciler: Reconciler, clone: Path, form: str) -> None:
    (clone / "carts" / "remediation.yaml").write_text("remediations:\n- name: x\n  actions: [action: scalling]\n")
    result = reconciler("validate", "-o", form)
    assert result.code == 1
    assert "carts/remediation.yaml" in result.out
    assert "unknown action 'scalling'" in result.out
    assert " files checked, 1 invalid" in result.err


def test_the_paths_of_annotations_are_those_of_the_repository(reconciler: Reconciler, clone: Path) -> None:
    (clone / "stage.yaml").write_text("mod: shadow\n", "utf-8")
    git(clone, "commit", "-qam", "Break it")
    told = reconciler("validate", "--ref", "production", "-o", "github").out
    assert told.startswith("::error file=stage.yaml,line=1,col=1,title=invalid-stage (production)::")


def test_warnings_fail_where_that_is_asked_for(reconciler: Reconciler, clone: Path) -> None:
    (clone / "stage.yaml").write_text("budgets: {actionsPerHour: 0}\n", "utf-8")
    assert reconciler("validate").code == 0
    result = reconciler("validate", "--strict", "-o", "json")
    assert (result.code, json.loads(result.out)["valid"]) == (1, False)
    (clone / "stage.yaml").write_text("budgets: {servicesAtOnce: 5, servicesPerHour: 2}\n", "utf-8")
    result = reconciler("validate", "--strict")
    assert (result.code, "1 notice" in result.err) == (0, True)
