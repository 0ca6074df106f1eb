"""The benchmark of a decision's commit: everybody writes the same tree, and a bar can be missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import repositories
from benchmarks.commits import WRITERS, Cell, decision, measure, section
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


def test_a_missed_bar_is_told() -> None:
    def cell(seconds: float, *, grouped: bool) -> Cell:
        return Cell(Shape(100, grouped=grouped), {"product": [seconds] * 3, "pygit2": [0.001]})

    assert section([cell(0.004, grouped=True), cell(0.019, grouped=False)]).missed == ()
    assert section([cell(0.006, grouped=True)]).missed == ("100 grouped: 6.0 ms for a commit",)
    assert section([cell(0.021, grouped=False)]).missed == ("100 flat: 21.0 ms for a commit",)
