"""A branch that stands for more paths than any memory holds is refused by name, by whatever looks at proposals."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.repo import differing
from tests.cli.conftest import Reconciler, git
from tests.repo.bombs import bomb


@pytest.fixture
def clone(tmp_path: Path, reconciler: Reconciler) -> Path:
    """A clone with `production` checked out, whose branch `pr` adds a thousand million files."""
    assert reconciler("init", "--bare", tmp_path / "shop.git").code == 0
    git(tmp_path, "clone", "-q", "-b", "production", "shop.git", "clone")
    clone = tmp_path / "clone"
    git(clone, "branch", "pr", bomb(clone, "HEAD"))
    # Diverged, so that a merge has to be made, in which git would look for renames.
    git(clone, "rm", "-q", "README.md")
    git(clone, "commit", "-qm", "less")
    git(clone, "push", "-q", "origin", "production")
    return clone


@pytest.mark.parametrize(
    "command",
    [
        ("validate", "--diff", "production..pr"),
        ("validate", "--diff", "production...pr"),
        ("plan", "--ref", "pr", "--into", "production"),
        ("what-if", "--stage", "production", "--base", "production", "--head", "pr"),
    ],
)
def test_it_is_refused(
    command: tuple[str, ...], clone: Path, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    monkeypatch.setattr(differing, "FOLDERS", 5_000)
    done = reconciler(*command)
    assert done.code == (1 if command[0] == "validate" else 2)
    assert (
        "more than 300,000 files or 5,000 folders differ between the two commits, many of them below `bomb/" in done.err
    )
    assert "hint: take out what is no configuration" in done.err
