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
    often = replace(even, answers=[*[*even.answers] * 9, replace(even.answers[0], total=9.0)], trips=[*even.trips] * 10)
    assert "at the 95th percentile" in "".join(section([often], 1, 0).missed)
    often_slow = [replace(trip, push=9.0)] * 2 + [replace(trip, push=0.0)]
    slow = Cell(Shape(100), cell.http, cell.answers, often_slow, [0.001, 0.001, 9.0], [0.001])
    found = section([slow], 1, 0)
    assert [each.rpartition("so it ")[2] for each in found.missed] == ["is none; measure again"]
    ratios = next(line for line in found.text.splitlines() if line.startswith(f"| {slow}")).split("|")[6:8]
    assert [each.strip() for each in ratios] == ["refused"] * 2, "what is compared with no floor is no number"


def test_the_operators_slowest_are_told_too(cell: Cell) -> None:
    found = section([replace(cell, operator=[0.002] * 18 + [0.009] * 2)], 1, 0).text
    row = next(line for line in found.splitlines() if line.startswith(f"| {cell}"))
    assert [each.strip() for each in row.strip("|").split("|")][-2:] == ["2.0", "9.0"]


def test_a_share_of_ours_that_grows_with_the_services_is_told(cell: Cell) -> None:
    def own(services: int, seconds: float, *, grouped: bool = True) -> Cell:
        answers = [replace(answer, own=seconds) for answer in cell.answers]
        even = replace(cell.trips[0], push=cell.median)
        return Cell(Shape(services, grouped=grouped), cell.http, answers, [even], [9.0], [0.001])

    few, flat = own(100, 0.006), own(10_000, 0.9, grouped=False)
    assert section([few, own(1_000, 0.9), own(10_000, 0.0079), flat], 1, 0).missed == ()
    assert "own share 8.1 ms beside 6.0" in "".join(section([few, own(10_000, 0.0081)], 1, 0).missed)
