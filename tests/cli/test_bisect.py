"""`bisect`: the commit since which a problem is not healed any more, and honest words where that cannot be told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, git
from tests.repo.told_history import PLAYBOOK, Told, told

SLO = """\
objectives:
- sli: response_time
  pass: [{criteria: ["<=500"]}]
total_score: {pass: "90%"}
"""


@pytest.fixture
def past(tmp_path: Path) -> Told:
    made = told(tmp_path)
    made.people({"carts/slo.yaml": SLO}, "An objective")
    return made


@pytest.fixture
def clone(past: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "clone", "-q", "shop.git", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


def bisected(reconciler: Reconciler, code: int = 0, problem: str = "slow") -> dict[str, Any]:
    arguments = ("--stage", "production", "--service", "carts", "--problem", problem)
    result = reconciler("bisect", *arguments, "-o", "json")
    assert result.code == code, result.err
    text = reconciler("bisect", *arguments).out
    assert max(map(len, text.splitlines())) <= 100
    return dict(json.loads(result.out))


def test_the_commit_is_named_with_its_author_and_the_line(reconciler: Reconciler, past: Told, clone: Path) -> None:
    past.remediation("p1")
    past.people({"carts/remediation.yaml": f"# ours\n{PLAYBOOK}"}, "Say whose it is")
    guilty = past.people({"carts/remediation.yaml": f"# ours\n{PLAYBOOK.replace('+1', '-1')}"}, "Save money", "Grace")
    past.people({"carts/slo.yaml": f"{SLO}# as agreed\n", "users/slo.yaml": SLO, "README.md": "x"}, "Notes")
    past.remediation("p2", end="escalated", result="fail", reason="no action left")
    past.remediation("p3", end="resolved", result="fail")
    found = bisected(reconciler)
    assert (found["answer"], found["notHealedSince"]) == ("one", 2)
    assert (found["lastHealed"]["remediation"], found["firstNot"]["remediation"]) == ("p1", "p2")
    (commit,) = found["commits"]
    assert (commit["commit"], commit["author"], commit["subject"]) == (
        guilty,
        "Grace <grace@example.com>",
        "Save money",
    )
    assert commit["changes"] == [
        {"what": "action 1", "before": "scaling +1", "after": "scaling -1", "place": "carts/remediation.yaml:6"}
    ]
    assert [each["subject"] for each in found["without"]] == ["Say whose it is", "Notes"]
    text = reconciler("bisect", "--stage", "production", "--service", "carts", "--problem", "slow").out
    assert "This commit made the difference:" in text
    assert "carts/remediation.yaml:6 action 1: scaling +1 → scaling -1" in text


def test_objectives_bounds_and_names_count_too(reconciler: Reconciler, past: Told, clone: Path) -> None:
    past.remediation("p1")
    past.people({"carts/slo.yaml": SLO.replace("500", "50")}, "Ambitious")
    past.people({"stage.yaml": "wait: 5m\nbounds:\n  replicas: {max: 1}\n"}, "Frugal", "Grace")
    past.remediation("p2", end="escalated", result="fail")
    found = bisected(reconciler)
    assert found["answer"] == "several"
    changes = [
        (each["subject"], change["what"], change["place"]) for each in found["commits"] for change in each["changes"]
    ]
    assert changes == [
        ("Ambitious", "objective response_time", "carts/slo.yaml:3"), ("Frugal", "stage bounds", "stage.yaml:3"),
    ]  # fmt: skip


def test_an_entry_that_was_renamed_matches_no_more(reconciler: Reconciler, past: Told, clone: Path) -> None:
    past.remediation("p1")
    past.people({"carts/remediation.yaml": PLAYBOOK.replace("name: slow", "name: very slow")}, "Only when very slow")
    past.remediation("p2", end="unmatched")
    (commit,) = bisected(reconciler)["commits"]
    (entry,) = (change for change in commit["changes"] if change["what"] == "entry")
    assert (entry["before"], entry["after"]) == ("slow", "(no entry matches)")


def test_what_was_taken_back_is_not_accused(reconciler: Reconciler, past: Told, clone: Path) -> None:
    past.remediation("p1")
    past.people({"carts/remediation.yaml": PLAYBOOK.replace("+1", "-1")}, "Save money")
    past.people({"carts/remediation.yaml": PLAYBOOK}, "Back again")
    past.remediation("p2", end="escalated", result="fail")
    found = bisected(reconciler, 1)
    assert (found["answer"], found["commits"]) == ("none", [])
    assert [each["subject"] for each in found["without"]] == ["Save money", "Back again"]


def test_the_projects_own_file_counts(reconciler: Reconciler, past: Told, clone: Path) -> None:
    past.remediation("p1")
    project = "name: shop\nstages: [production]\ndefaults:\n  mode: shadow\n"
    past.project = past.people({"project.yaml": project}, "Only watch", branch="main")
    past.remediation("p2", end="escalated", result="fail")
    (commit,) = bisected(reconciler)["commits"]
    assert (commit["commit"], commit["changes"][0]["place"]) == (past.project, "project.yaml:4")


def test_it_says_where_it_cannot_tell(reconciler: Reconciler, past: Told, clone: Path) -> None:
    past.remediation("p1", end="aborted")
    assert bisected(reconciler, 1)["answer"] == "undecided"
    past.remediation("p2", end="escalated", result="fail")
    assert bisected(reconciler, 1)["answer"] == "never"
    past.remediation("p3")
    assert bisected(reconciler, 1)["answer"] == "healed"
    unknown = reconciler("bisect", "--stage", "production", "--service", "carts", "--problem", "fast")
    assert (unknown.code, "never had a problem `fast`" in unknown.err) == (1, True)


def test_a_branch_that_was_rewritten_since_is_said_to_be(reconciler: Reconciler, past: Told, clone: Path) -> None:
    past.project, known = past.project, past.project
    past.project = type(known)("e" * 40)
    past.remediation("p1")
    past.remediation("p2", end="escalated", result="fail")
    result = reconciler("bisect", "--stage", "production", "--service", "carts", "--problem", "slow")
    assert (result.code, "which is not here" in result.err) == (2, True)
