"""A stage's branch that is a bomb: every command says so at once, and in the same words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.repo import children, offline
from reconciler.repo import reader as reader_module
from tests.cli.conftest import Reconciler, git
from tests.repo.bombs import bomb


@pytest.fixture
def bombed(tmp_path: Path, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a project whose `production` somebody has made a thousand million files; bounds are lower."""
    monkeypatch.setattr(children, "DIFF_MEMORY", 10 << 20)
    monkeypatch.setattr(offline, "READING", 48 << 20)
    monkeypatch.setattr(reader_module, "_LISTED", 20_000)
    assert reconciler("init", "--bare", tmp_path / "shop.git").code == 0
    git(tmp_path, "clone", "-q", "-b", "staging", "shop.git", "clone")
    clone = tmp_path / "clone"
    git(clone, "push", "-q", "origin", f"{bomb(clone, 'origin/production')}:refs/heads/production")
    monkeypatch.chdir(clone)
    return clone


@pytest.mark.parametrize(
    "command",
    [
        ("status", "--stage", "production"),
        ("problem", "list", "--stage", "production"),
        ("history", "--stage", "production"),
        ("report", "--stage", "production"),
        ("validate", "--ref", "origin/production"),
        ("what-if", "--stage", "production", "--base", "origin/production", "--head", "origin/production"),
    ],
    ids=lambda command: command[0],
)
def test_it_is_refused(command: tuple[str, ...], bombed: Path, reconciler: Reconciler) -> None:
    done = reconciler(*command)
    assert done.code in (1, 2)
    assert "more than 20,000 files and folders" in done.err
    assert "`bomb`" in done.err
    assert "hint: take the folders out that are no configuration" in done.err


def test_a_replay_names_who_brought_it(bombed: Path, reconciler: Reconciler) -> None:
    """No step has been made there: what came before the bomb is as it had to come."""
    done = reconciler("replay", "--stage", "production", "-o", "json")
    assert done.code == 0, done.err
    (stage,) = json.loads(done.out)["stages"]
    assert stage["findings"][0]["what"].startswith("more than can be looked at was changed by Mallory")


def test_other_stages_are_shown(bombed: Path, reconciler: Reconciler) -> None:
    done = reconciler("status", "--stage", "staging")
    assert done.code == 0, done.err
