"""`reconciler init`: what it lays out, as a remote and as a work tree, and what it refuses."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git


def branches(folder: Path) -> set[str]:
    return set(git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())


def test_a_bare_remote_has_a_branch_a_stage(reconciler: Reconciler, tmp_path: Path) -> None:
    result = reconciler("init", "--bare", tmp_path / "shop.git")
    assert (result.code, result.out) == (0, "")
    assert branches(tmp_path / "shop.git") == {"main", "dev", "staging", "production"}
    assert git(tmp_path / "shop.git", "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(tmp_path / "shop.git", "fsck", "--strict", "--full") == ""
    assert "name: shop\nstages: [dev, staging, production]\n" in git(tmp_path / "shop.git", "show", "main:project.yaml")


def test_the_next_command_can_be_copied(reconciler: Reconciler, tmp_path: Path) -> None:
    result = reconciler("init", "--bare", tmp_path / "bad name!.git")
    assert f"next: git clone '{tmp_path}/bad name!.git' my-bad-name" in result.err
    result = reconciler("init", tmp_path / "it's")
    assert "next: cd " in result.err
    assert shlex.split(result.err.partition("next: ")[2])[1] == str(tmp_path / "it's")


def test_a_work_tree_has_the_project_checked_out(reconciler: Reconciler, tmp_path: Path) -> None:
    assert reconciler("init", tmp_path / "w").code == 0
    assert branches(tmp_path / "w") == {"main", "dev", "staging", "production"}
    assert git(tmp_path / "w", "status", "--porcelain") == ""
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == [
        ".forgejo", ".git", ".gitattributes", ".github", ".gitignore", ".gitlab-ci.yml", ".schemas", "CODEOWNERS",
        "README.md", "ci", "hooks", "project.yaml",
    ]  # fmt: skip


def test_names_are_those_asked_for(reconciler: Reconciler, tmp_path: Path) -> None:
    result = reconciler("init", tmp_path, "--project", "books", "--stages", "test, live", "--branch", "master")
    assert result.code == 0
    assert branches(tmp_path) == {"master", "test", "live"}
    assert "name: books\nstages: [test, live]\n" in git(tmp_path, "show", "master:project.yaml")
    assert "books" in git(tmp_path, "show", "live:README.md")
    assert "mode: shadow" in git(tmp_path, "show", "test:stage.yaml")
    assert "mode: automated" in git(tmp_path, "show", "live:stage.yaml")
    assert "sockshop" not in git(tmp_path, "grep", "-h", "", "master", "test", "live")


def test_one_stage_is_automated(reconciler: Reconciler, tmp_path: Path) -> None:
    assert reconciler("init", tmp_path, "--project", "p", "--stages", "production").code == 0
    assert "mode: automated" in git(tmp_path, "show", "production:stage.yaml")
    assert "project.yaml" not in git(tmp_path, "ls-tree", "--name-only", "production")


def test_a_stage_merges_into_the_next_without_conflict(reconciler: Reconciler, tmp_path: Path) -> None:
    reconciler("init", tmp_path / "w")
    git(tmp_path / "w", "switch", "-q", "staging")
    (tmp_path / "w" / "carts" / "slo.yaml").write_text("objectives: []\n", "utf-8")
    git(tmp_path / "w", "commit", "-qam", "Change a promise")
    git(tmp_path / "w", "switch", "-q", "production")
    git(tmp_path / "w", "merge", "-q", "--no-edit", "staging")
    assert git(tmp_path / "w", "show", "HEAD:carts/slo.yaml") == "objectives: []"
    assert "mode: automated" in git(tmp_path / "w", "show", "HEAD:stage.yaml")


def test_what_is_there_stays(reconciler: Reconciler, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x", "utf-8")
    result = reconciler("init", tmp_path)
    assert result.code == 2
    assert "is not empty" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stages", "a,a"], "one name"),
        (["--stages", "a,A"], "one name"),
        (["--stages", "main"], "one name"),
        (["--stages", "a,,b"], "stage name"),
        (["--stages", "../x"], "stage name"),
        (["--stages", "-x"], "stage name"),
        (["--branch", "a b"], "branch"),
        (["--project", "Shop_1"], "project name"),
    ],
)
def test_names_that_cannot_be_are_refused(
    reconciler: Reconciler, tmp_path: Path, arguments: list[str], said: str
) -> None:
    result = reconciler("init", tmp_path / "new", *arguments)
    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("branch", ["main", "dev", "production"])
def test_editors_find_a_schema_for_every_file(reconciler: Reconciler, tmp_path: Path, branch: str) -> None:
    reconciler("init", tmp_path / "w")
    git(tmp_path / "w", "switch", "-q", branch)
    files = [path for path in (tmp_path / "w").rglob("*.yaml") if ".git" not in path.parts]
    assert files
    for file in files:
        modeline = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text("utf-8"))
        assert modeline, file
        if "workflows" in file.parts:  # forges' own files have no schema of ours
            assert modeline[1].startswith("https://json.schemastore.org/")
            continue
        schema = (file.parent / modeline[1]).resolve()
        name = schema.name.removesuffix(".schema.json")
        assert json.loads(schema.read_text("utf-8"))["$id"].endswith(f"-{name}.json")


def test_the_first_commit_is_the_persons(reconciler: Reconciler, tmp_path: Path) -> None:
    assert reconciler("init", tmp_path / "w").code == 0
    assert git(tmp_path / "w", "log", "-1", "--format=%an <%ae>") == "Ada <ada@example.com>"


def test_without_an_identity_nothing_is_made_and_the_way_out_is_told(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\n\tuseConfigOnly = true\n", "utf-8")
    result = reconciler("init", tmp_path / "w")
    assert (result.code, result.out) == (2, "")
    assert "git does not know who you are" in result.err
    assert "hint: run: git config --global user.name" in result.err
    assert not (tmp_path / "w").exists()
