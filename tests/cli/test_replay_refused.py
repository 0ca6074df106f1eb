"""Where there is nothing to replay, or not all of it, `replay` and `verify` say so: exit code 2, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler
from tests.decide.world import World
from tests.repo.conftest import git
from tests.repo.replaying import made


def opened(world: World) -> None:
    world.open("p1")
    world.tick()
    world.over("p1")


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stage with steps, one without, and a branch that is none."""
    path = tmp_path_factory.mktemp("past") / "past.git"
    made(path, opened)
    files = b"name: sockshop\nstages: [production, staging]\n"
    blob = git(path, "hash-object", "-w", "--stdin", data=files)
    tree = git(path, "mktree", data=f"100644 blob {blob}\tproject.yaml\n".encode())
    git(path, "update-ref", "refs/heads/main", git(path, "commit-tree", "-p", "main", "-m", "stages", tree))
    git(path, "update-ref", "refs/heads/staging", "main")
    git(path, "update-ref", "refs/heads/feature", "production~2")
    return path


@pytest.mark.parametrize(
    ("words", "told", "todo"),
    [
        (["--stage", "nowhere"], "the stage `nowhere` has no branch here", "there are: production, staging"),
        (["--stage", "main"], "`main` is no stage of this project", "there are: production, staging"),
        (["--stage", "production", "nothing..production"], "there is no commit `nothing`", "git branch --all"),
        (["--stage", "production", "production"], "`production` is no range of commits", "BASE..HEAD"),
        (["--stage", "production", "production..production~3"], "does not come after production", "three dots"),
        (["--stage", "production", "main..staging"], "staging holds nothing of production's steps", "of the branch"),
        (["production~2..production"], "which stage?", "--stage: production, staging"),
        (["--stage", "production", "production..production"], "holds no commit", "production~9..production"),
        (["--stage", "staging", "production~3..production~1"], "holds nothing of staging's steps", "of the branch"),
    ],
    ids=[
        "no branch",
        "no stage",
        "no commit",
        "no range",
        "backwards",
        "another branch",
        "which stage",
        "nothing",
        "of another stage",
    ],
)
@pytest.mark.parametrize("verb", ["replay", "verify"])
def test_what_is_asked_for_is_not_there(
    verb: str, words: list[str], told: str, todo: str, remote: Path, reconciler: Reconciler
) -> None:
    result = reconciler(verb, "--repo", remote, *words)
    assert (result.code, result.out) == (2, "")
    assert told in result.err
    assert todo in result.err


def test_a_stage_without_steps_has_none(remote: Path, reconciler: Reconciler) -> None:
    result = reconciler("replay", "--repo", remote)
    assert result.code == 0, result.err
    assert "staging: no steps; nothing found" in result.err
    assert "production: 5 steps (1 to 5), all exact" in result.err


@pytest.mark.parametrize("span", ["production~3..production", "production...feature", "feature..production"])
def test_a_range_on_the_stages_branch_will_do(span: str, remote: Path, reconciler: Reconciler) -> None:
    result = reconciler("replay", "--repo", remote, "--stage", "production", span)
    assert result.code == 0, result.err


def test_a_repository_without_a_commit(tmp_path: Path, reconciler: Reconciler) -> None:
    for folder, options in ((tmp_path / "bare.git", ["--bare"]), (tmp_path / "clone", [])):
        git(tmp_path, "init", "--quiet", *options, str(folder))
        result = reconciler("replay", "--repo", folder)
        assert result.code == 2
        assert "there is no default branch here" in result.err


def test_a_branch_without_a_commit_is_checked_out(remote: Path, tmp_path: Path, reconciler: Reconciler) -> None:
    git(tmp_path, "clone", "--quiet", str(remote), "clone")
    git(tmp_path / "clone", "checkout", "--quiet", "--orphan", "unborn")
    assert reconciler("replay", "--repo", tmp_path / "clone").code == 0
    result = reconciler("replay", "--repo", tmp_path / "clone", "--stage", "production", "HEAD~1..HEAD")
    assert result.code == 2
    assert "there is no commit `HEAD~1`" in result.err


def test_a_folder_that_is_no_repository(tmp_path: Path, reconciler: Reconciler) -> None:
    result = reconciler("replay", "--repo", tmp_path)
    assert result.code == 2
    assert "is in no Git repository" in result.err


def test_a_clone_of_a_part_of_it(remote: Path, tmp_path: Path, reconciler: Reconciler) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{remote}", "shallow")
    git(remote, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", f"file://{remote}", "partial")
    for name, todo in (("shallow", "git fetch --unshallow"), ("partial", "without `--filter`")):
        result = reconciler("replay", "--repo", tmp_path / name)
        assert result.code == 2
        assert todo in result.err


def test_steps_have_a_branch_of_their_own_that_was_not_fetched(
    remote: Path, tmp_path: Path, reconciler: Reconciler
) -> None:
    git(tmp_path, "clone", "--quiet", "--mirror", str(remote), "other.git")
    path = tmp_path / "other.git"
    files = b"name: sockshop\nopsBranch: ops/{stage}\nstages: [production]\n"
    blob = git(path, "hash-object", "-w", "--stdin", data=files)
    tree = git(path, "mktree", data=f"100644 blob {blob}\tproject.yaml\n".encode())
    git(path, "update-ref", "refs/heads/main", git(path, "commit-tree", "-p", "main", "-m", "apart", tree))
    result = reconciler("replay", "--repo", path)
    assert result.code == 2
    assert "the branch `ops/production` of production's steps is not here" in result.err
    assert "git fetch origin ops/production" in result.err
