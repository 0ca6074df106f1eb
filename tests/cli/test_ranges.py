"""`BASE...HEAD`: the commit from which two parted, found as git finds it, whatever the clocks said."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from reconciler.cli.ranges import merge_base
from reconciler.model.names import CommitId
from reconciler.repo.local import LocalRepository
from tests.cli.conftest import git


def history(folder: Path, seed: int) -> list[CommitId]:
    """Make 25 commits, some of them merges, some with a clock that goes wrong; return them in their order."""
    chance = random.Random(seed)
    git(folder, "init", "-q")
    tree = git(folder, "hash-object", "-t", "tree", "-w", "/dev/null")
    made: list[str] = []
    for number in range(25):
        parents = chance.sample(made[-6:], min(len(made[-6:]), chance.choice((1, 1, 2))))
        when = f"{1_790_000_000 + chance.choice((0, number, -number))} +0000"
        commit = subprocess.run(
            ["git", "-C", folder, "commit-tree", tree, "-m", str(number), *(w for p in parents for w in ("-p", p))],
            check=True, capture_output=True, text=True,
            env={"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b",
                 "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b"},
        ).stdout.strip()  # fmt: skip
        made.append(commit)
    return [CommitId(commit) for commit in made]


@pytest.mark.parametrize("seed", range(4))
def test_it_is_one_that_git_finds_too(tmp_path: Path, seed: int) -> None:
    made = history(tmp_path, seed)
    chance = random.Random(seed)
    with LocalRepository.open(tmp_path) as repository:
        for _ in range(8):
            one, other = chance.choice(made), chance.choice(made)
            bases = git(tmp_path, "merge-base", "--all", one, other).split()
            assert merge_base(repository, one, other) in bases


def test_histories_apart_have_none(tmp_path: Path) -> None:
    made = history(tmp_path, 1)
    git(tmp_path, "checkout", "-q", "--orphan", "apart")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "Apart")
    with LocalRepository.open(tmp_path) as repository:
        assert merge_base(repository, made[-1], repository.resolve("HEAD")) is None
