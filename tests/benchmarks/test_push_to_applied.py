"""The benchmark measures what it says: the same commits on both sides, and a bar that can be missed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.machine import Quiet
from benchmarks.push_to_applied import Cell, measure, section
from benchmarks.repositories import Shape


@pytest.fixture(scope="module", params=[False, True], ids=["local", "http"])
def cell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cell:
    return measure(tmp_path_factory.mktemp("bench") / "cell", Shape(16), 1, Quiet(0), http=request.param)


def test_both_sides_make_the_same_commits(cell: Cell) -> None:
    (answer,), (trip,) = cell.answers, cell.trips
    assert [len(batch) for batch in answer.before] == [2]
    assert answer.read_backs == (1 if cell.http else 2), "a branch that is near is read again before the push"
    assert ["Event: applied" in commit.message for batch in answer.after for commit in batch] == [True]
    assert 0 < answer.own < answer.total
    assert (trip.fetch > 0.001) is cell.http  # a process is never quicker
    assert cell.floor_over_parts is None


def test_a_missed_bar_is_told(cell: Cell) -> None:
    (trip,) = cell.trips
    even = replace(cell, trips=[replace(trip, push=cell.median)])
    assert section([even], 1, 0).missed == ()
    fast = replace(cell, trips=[replace(trip, fetch=0.0, push=0.0, read_back=0.0)])
    assert "times the floor" in "".join(section([fast], 1, 0).missed)
    slow = Cell(Shape(100), cell.http, cell.answers, [replace(trip, push=9.0)], [0.001], [0.001])
    assert "is none" in "".join(section([slow], 1, 0).missed)
