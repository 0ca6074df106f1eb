"""What people change in files that only reconciler writes is told as that, its own steps and undos are let be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, git
from tests.decide.world import World
from tests.repo.replaying import made

CARTS = "ops/production/carts"
DESIRED = f"{CARTS}/state/desired.yaml"


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """A work tree of a stage in which one problem was acted on."""

    def story(world: World) -> None:
        world.open("p1")
        world.tick()

    made(tmp_path / "past.git", story)
    git(tmp_path, "clone", "-q", "--branch", "production", "past.git", "clone")
    return tmp_path / "clone"


def told(reconciler: Reconciler, clone: Path, span: str = "HEAD~1..HEAD") -> list[str]:
    """Return the findings about machine-written files, as `path:line:column severity`."""
    data: dict[str, Any] = json.loads(reconciler("validate", clone, "--diff", span, "-o", "json").out)
    every = (*data["findings"], *data["warnings"], *data["notices"])
    found = [each for each in every if each["check"] == "machine-written"]
    assert all("git revert" in each["hint"] and "put back" in each["message"] for each in found)
    return [f"{each['path']}:{each['line']}:{each['column']} {each['severity']}" for each in found]


def change(clone: Path, path: str, old: str, new: str) -> None:
    file = clone / path
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    git(clone, "commit", "-qam", "by hand")


def decided(clone: Path) -> str:
    return git(clone, "log", "-1", "--format=%H", "--diff-filter=A", "--", f"{CARTS}/remediations/*-decided.yaml")


def test_steps_are_reconcilers_own(reconciler: Reconciler, past: Path) -> None:
    first = git(past, "rev-list", "--max-parents=0", "HEAD")
    assert git(past, "diff", "--name-only", first, "HEAD").count(CARTS) > 2
    assert told(reconciler, past, f"{first}..HEAD") == []


def test_a_hand_edit_is_told_at_the_first_line_that_it_changes(reconciler: Reconciler, past: Path) -> None:
    lines = (past / DESIRED).read_text("utf-8").splitlines()
    number, line = next((at, text) for at, text in enumerate(lines, 1) if "set: 2" in text or ": 2" in text)
    change(past, DESIRED, line, line.replace(": 2", ": 7"))
    assert told(reconciler, past) == [f"{DESIRED}:{number}:{line.index(': 2') + 3} warning"]
    git(past, "revert", "--no-edit", "HEAD")
    assert told(reconciler, past, "HEAD~2..HEAD") == []
    assert told(reconciler, past) == [], "who takes his own change back is not told that it is put back"


def test_what_is_added_and_what_is_deleted(reconciler: Reconciler, past: Path) -> None:
    (past / CARTS / "remediations" / "mine").mkdir(parents=True)
    (past / CARTS / "remediations" / "mine" / "01-opened.yaml").write_text("event: opened\n", "utf-8")
    git(past, "add", "-A")
    git(past, "rm", "-q", DESIRED)
    git(past, "commit", "-qm", "by hand")
    assert told(reconciler, past) == [
        f"{CARTS}/remediations/mine/01-opened.yaml:1:1 warning",
        f"{DESIRED}:0:0 warning",
    ]


def test_the_revert_of_a_decision_is_an_undo(reconciler: Reconciler, past: Path) -> None:
    git(past, "revert", "--no-edit", decided(past))
    assert "-decided.yaml" in git(past, "diff", "--name-only", "HEAD~1", "HEAD")
    assert told(reconciler, past) == []


def test_steps_that_come_by_a_merge_are_let_be_and_what_is_beside_them_is_told(
    reconciler: Reconciler, past: Path
) -> None:
    tip, before = git(past, "rev-parse", "HEAD"), f"{decided(past)}~1"
    git(past, "switch", "-qc", "work", before)
    (past / "README.md").write_text("x\n", "utf-8")
    git(past, "add", "-A")
    git(past, "commit", "-qm", "mine")
    git(past, "merge", "-q", "--no-edit", tip)
    assert told(reconciler, past, f"{before}..HEAD") == []
    change(past, DESIRED, ": 2", ": 7")
    assert [each.partition(":")[0] for each in told(reconciler, past, f"{before}..HEAD")] == [DESIRED]


@pytest.mark.parametrize("path", ["state/desired.yaml", "remediations/p1/01-opened.yaml"])
def test_what_cannot_be_read_is_told_at_its_column_and_who_writes_it(
    reconciler: Reconciler, past: Path, path: str
) -> None:
    file = past / CARTS / path
    file.write_text(file.read_text("utf-8") + "  oops\n", "utf-8")
    result = reconciler("validate", past, "-o", "json")
    (error,) = json.loads(result.out)["findings"]
    assert error["line"] == file.read_text("utf-8").count("\n")
    assert (error["column"], result.code) == (3, 1)
    assert "reconciler writes this file, and puts it back" in error["hint"]
