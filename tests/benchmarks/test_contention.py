"""The benchmark of contention measures what it says: real pushes of people, none of which is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import contention, repositories
from benchmarks.machine import Quiet
from benchmarks.people import Pushed, Pusher, lost, tip_of
from benchmarks.plain_git import git
from benchmarks.repositories import STAGE_REF, Shape


def test_a_small_storm_among_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contention, "SHAPE", Shape(60))
    monkeypatch.setattr(contention, "EVERY", 0.5)
    found = contention.measure(tmp_path / "it", 2, Quiet(0), storm=40, people=2)
    assert len(found.landing) == len(found.naive_landing) == 2
    assert min(found.landing) > 0
    assert found.lost == 0
    assert found.storm > 0
    assert found.decided == 40
    section = contention.section(found, 40, 2)
    assert "Of the people's pushes 0 were lost" in section.text


def test_what_is_not_on_the_branch_any_more_is_lost(tmp_path: Path) -> None:
    remote = repositories.make(tmp_path, Shape(4))
    pusher = Pusher(tmp_path / "person", remote)
    try:
        one, other = (pusher.push({f"{name}.md": b"note\n"}, f"{name}\n") for name in ("one", "other"))
    finally:
        pusher.close()
    assert tip_of(remote) == other.commit
    assert lost(remote, [one, other]) == 0
    git(remote, "update-ref", STAGE_REF, one.commit)
    assert lost(remote, [one, other]) == 1


def test_a_bar_that_is_missed_is_said() -> None:
    slow = contention.Contention((0.9,), (0.1,), (Pushed("a", 2.5, 9),), (Pushed("b", 0.1, 1),), 1, 10.0, 20.0, 19)
    assert len(contention.section(slow, 20, 2).missed) == 4
