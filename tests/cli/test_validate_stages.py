"""`validate` where `project.yaml` changes or goes: its stages against the branches that there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, git

Told = list[tuple[str, str, str]]


@pytest.fixture
def project(clone: Path) -> Path:
    """A clone with the project's own branch checked out."""
    git(clone, "switch", "-q", "main")
    return clone


def told(reconciler: Reconciler, *words: object) -> tuple[int, Told]:
    """Return the exit code, and severity, check and message of what is told."""
    done = reconciler("validate", *words, "-o", "json")
    data: dict[str, Any] = json.loads(done.out)
    names = (("error", "findings"), ("warning", "warnings"), ("notice", "notices"))
    return done.code, [(name, each["check"], each["message"]) for name, key in names for each in data[key]]


def save(project: Path, *pairs: tuple[str, str]) -> None:
    file = project / "project.yaml"
    text = file.read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, "utf-8")
    git(project, "commit", "-qam", "Change the project")


def both(reconciler: Reconciler) -> list[tuple[int, Told]]:
    return [told(reconciler, "--diff", "origin/main..HEAD"), told(reconciler, "--ref", "main")]


def test_a_misspelt_stage_is_an_error_with_the_branch_that_is_meant(reconciler: Reconciler, project: Path) -> None:
    save(project, ("production", "prodction"))
    for code, found in both(reconciler):
        assert code == 1
        assert ("error", "missing-branch", "the stage `prodction` has no branch") in found
        assert [(severity, check) for severity, check, _ in found][1:] == [("notice", "unnamed-stage")]
    assert "did you mean `production`?" in reconciler("validate", "--ref", "main").out


def test_a_deleted_project_is_an_error(reconciler: Reconciler, project: Path) -> None:
    git(project, "rm", "-q", "project.yaml")
    git(project, "commit", "-qm", "Tidy up")
    for code, found in both(reconciler):
        assert (code, [each[:2] for each in found]) == (1, [("error", "missing-project")])
        assert found[0][2] == "nothing names the stages any more: any branch with a stage.yaml counts as one"


def test_a_misspelt_project_file_is_an_error(reconciler: Reconciler, project: Path) -> None:
    git(project, "mv", "project.yaml", "projct.yaml")
    git(project, "commit", "-qm", "Rename")
    for code, found in both(reconciler):
        assert (code, found[0][:2]) == (1, ("error", "missing-project"))


def test_a_stage_that_is_taken_out_is_told_and_let_through(reconciler: Reconciler, project: Path) -> None:
    save(project, ("staging, ", ""))
    for code, found in both(reconciler):
        assert (code, [each[:2] for each in found]) == (0, [("notice", "unnamed-stage")])
        assert "`staging` is no stage any more" in found[0][2]
    assert told(reconciler, "--diff", "origin/main..HEAD", "--strict")[0] == 0


def test_a_new_stage_may_come_with_its_branch(reconciler: Reconciler, project: Path) -> None:
    save(project, ("staging, ", "staging, quality, "))
    assert [code for code, _ in both(reconciler)] == [1, 1]
    git(project, "branch", "quality", "origin/production")
    assert both(reconciler) == [(0, [])] * 2


def test_what_changes_nothing_of_the_stages_is_silent(reconciler: Reconciler, project: Path) -> None:
    save(project, ("name:", "# of the shop\nname:"))
    assert both(reconciler) == [(0, [])] * 2


def test_a_clone_of_one_branch_tells_nothing_of_the_others(
    reconciler: Reconciler, project: Path, tmp_path: Path
) -> None:
    remote = git(project, "remote", "get-url", "origin").strip()
    git(tmp_path, "clone", "-q", "--single-branch", "-b", "main", remote, "single")
    code, found = told(reconciler, tmp_path / "single", "--ref", "main")
    assert (code, [each[:2] for each in found]) == (0, [("notice", "not-looked-at")])


def test_a_project_file_on_a_stages_branch_says_nothing(reconciler: Reconciler, clone: Path) -> None:
    git(clone, "switch", "-q", "production")
    (clone / "project.yaml").write_text("name: shop\nstages: [elsewhere]\n", "utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "A file that nobody reads")
    assert told(reconciler, "--diff", "HEAD~1..production")[0] == 0
    assert told(reconciler, "--ref", "production")[0] == 0


def test_the_projects_own_branch_as_a_stage(reconciler: Reconciler, project: Path) -> None:
    (project / "project.yaml").write_text("name: shop\nstages: [main, production]\n", "utf-8")
    assert ("warning", "shadowed-name") in [each[:2] for each in told(reconciler)[1]]
    (project / "project.yaml").write_text("name: shop\nstages: [main]\n", "utf-8")
    assert ("notice", "shadowed-name") in [each[:2] for each in told(reconciler)[1]]


def test_stages_of_a_shipyard_are_held_against_the_branches_too(reconciler: Reconciler, project: Path) -> None:
    shipyard = (
        "apiVersion: spec.keptn.sh/0.2.2\nkind: Shipyard\nmetadata: {name: shop}\n"
        "spec:\n  stages:\n  - name: production\n  - name: prodction\n"
    )
    (project / "shipyard.yaml").write_text(shipyard, "utf-8")
    git(project, "rm", "-q", "project.yaml")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "Come from Keptn")
    for words in ([], ["--ref", "main"]):
        code, found = told(reconciler, *words)
        assert code == 0
        assert ("warning", "missing-branch", "the stage `prodction` has no branch") in found
    assert "shipyard.yaml:7:11: warning: " in reconciler("validate").out


@pytest.mark.parametrize(
    ("text", "place"),
    [("name: shop\nstages: []\n", ":2:1"), ("# mine\nname: shop\n", ":2:1"), ("name: shop\nstages: [dev]\n", ":2:1")],
)
def test_stages_that_are_left_out_are_told_where_stages_stand(
    text: str, place: str, clone: Path, reconciler: Reconciler
) -> None:
    git(clone, "switch", "-q", "main")
    (clone / "project.yaml").write_text(text, "utf-8")
    told = [line for line in reconciler("validate").out.splitlines() if line.startswith("project.yaml")]
    assert told
    assert all(line.startswith(f"project.yaml{place}: ") for line in told)
