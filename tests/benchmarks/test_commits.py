"""The benchmark of a decision's commit: everybody writes the same tree, and a bar can be missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import repositories
from benchmarks.commits import WRITERS, Cell, age, decision, measure, section
from benchmarks.machine import Quiet
from benchmarks.plain_git import git
from benchmarks.repositories import STAGE_REF, Shape


@pytest.mark.parametrize("grouped", [True, False])
def test_every_writer_makes_the_same_tree(tmp_path: Path, grouped: bool) -> None:
    shape = Shape(9, grouped=grouped)
    remote = repositories.make(tmp_path, shape)
    tip = git(remote, "rev-parse", STAGE_REF).decode().strip()
    trees = set()
    for name, make in WRITERS.items():
        folder = tmp_path / name.partition(" ")[0]
        folder.mkdir()
        writer = make(folder, remote, tip)
        try:
            for number in (0, 5):
                written = writer.write(decision(shape, number))
        finally:
            writer.close()
        (clone,) = (each for each in folder.iterdir() if each.is_dir())
        inside = clone / ".git" if (clone / ".git").exists() else clone
        trees.add(git(inside, "rev-parse", f"{written}^{{tree}}"))
        assert git(inside, "rev-parse", f"{written}~2").decode().strip() == tip
    assert len(trees) == 1


def test_slow_ones_are_asked_less_often(tmp_path: Path) -> None:
    found = measure(tmp_path / "cell", Shape(25), 7, Quiet(0))
    assert {name: len(taken) for name, taken in found.taken.items()} == {
        "product": 7, "GitPython's index": 5, "git, a process each": 7, "pygit2": 7,
    }  # fmt: skip


def test_a_long_history_is_of_decisions(tmp_path: Path) -> None:
    shape = Shape(9)
    remote = repositories.make(tmp_path, shape)
    age(remote, shape, 1_200)
    assert git(remote, "rev-list", "--count", STAGE_REF).strip() == b"1201"
    changed = git(remote, "diff", "--name-only", f"{STAGE_REF}~1000", STAGE_REF).decode().split()
    assert len(changed) == 9, "each service's, over and over"
    found = measure(tmp_path / "cell", shape, 1, Quiet(0), 20)
    assert str(found) == "9 grouped, 20 commits"


def test_a_missed_bar_is_told() -> None:
    def cell(seconds: float, *, grouped: bool, history: int = 0) -> Cell:
        return Cell(Shape(100, grouped=grouped), {"product": [seconds] * 3, "pygit2": [0.001]}, history)

    assert section([cell(0.004, grouped=True), cell(0.019, grouped=False)]).missed == ()
    assert section([cell(0.006, grouped=True)]).missed == ("100 grouped: 6.0 ms for a commit",)
    assert section([cell(0.021, grouped=False)]).missed == ("100 flat: 21.0 ms for a commit",)
    young, old = cell(0.0020, grouped=True), cell(0.0029, grouped=True, history=500)
    assert section([young, old]).missed == ()
    assert section([young, cell(0.0031, grouped=True, history=500)]).missed == (
        "100 grouped, 500 commits: 3.1 ms for a commit beside 2.0",
    )


def test_flat_ones_are_compared_once_each_service_has_its_decisions() -> None:
    def flat(seconds: float, history: int) -> Cell:
        return Cell(Shape(100, grouped=False), {"product": [seconds] * 3}, history)

    assert section([flat(0.008, 0), flat(0.016, 100), flat(0.017, 200)]).missed == (), "a wider tree is no history"
    assert section([flat(0.008, 0), flat(0.012, 100), flat(0.016, 200)]).missed == (
        "100 flat, 200 commits: 16.0 ms for a commit beside 12.0",
    )
