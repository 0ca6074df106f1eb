"""The benchmark of a storm deals with every problem on every side, and its bars can be missed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import storm
from benchmarks.machine import Quiet
from benchmarks.repositories import Shape
from benchmarks.spent import OWN, PARTS, PUSHING, THREADS
from benchmarks.storm import STORMS, Cell, measure, middle, run, section


@pytest.mark.parametrize("grouped", [True, False])
def test_everybody_deals_with_all_problems(tmp_path: Path, grouped: bool) -> None:
    cell = measure(tmp_path / "cell", Shape(16, grouped=grouped), 12, Quiet(0))
    assert 0 < cell.applied < cell.committed
    assert cell.pushes == 1
    assert min(cell.floor, cell.operator, cell.script) > 0.001
    assert set(cell.spent) == set(PARTS)
    assert cell.spent[OWN] > 0 < cell.spent[PUSHING]
    assert 0 < cell.git < cell.applied


def test_a_missed_bar_is_told() -> None:
    def cell(applied: float, *, grouped: bool) -> Cell:
        return Cell(
            Shape(10_000, grouped=grouped),
            1_000,
            applied,
            applied + 1,
            1,
            10.0,
            5.0,
            1.0,
            dict.fromkeys(PARTS, 0.5),
            0.7,
        )

    assert section([cell(1.9, grouped=True), cell(14.0, grouped=False)]).missed == ()
    assert section([cell(2.5, grouped=True)]).missed[0].startswith("1,000 of 10,000 grouped: 400 decisions a second; ")
    assert section([cell(20.0, grouped=False)]).missed == ("1,000 of 10,000 flat: 50 % of bare fast-import",)


def test_of_several_runs_the_medians_count() -> None:
    def cell(applied: float, floor: float, spent: float) -> Cell:
        return Cell(Shape(10_000), 1_000, applied, applied + 1, 1, floor, 5.0, 1.0, dict.fromkeys(PARTS, spent), 0.7)

    found = middle([cell(3.0, 1.0, 0.3), cell(1.0, 3.0, 0.1), cell(2.0, 9.0, 0.2)])
    assert (found.applied, found.committed, found.floor) == (2.0, 3.0, 3.0)
    assert found.spent[OWN] == 0.2
    row = next(line for line in section([found]).text.splitlines() if line.startswith("| 1,000 of 10,000"))
    assert row.split("|")[2].strip() == "3", "runs"
    alone = cell(1.0, 1.0, 0.1)
    assert f"; {alone}, which takes many minutes, is a single run and no median." in section([found, alone]).text
    assert "single run" not in section([found]).text


def test_each_storm_has_its_own_number_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [str(cell) for cell in (Cell(shape, count, 1, 1, 1, 1, 1, 1, {}, 1) for shape, count, _ in STORMS)]
    assert few[-1] == "10,000 of 10,000 flat"
    assert all(runs >= 5 for _, _, runs in STORMS[:-1])
    asked: list[tuple[Shape, int]] = []

    def noted(folder: Path, shape: Shape, count: int, _: Quiet) -> Cell:
        asked.append((shape, count))
        return Cell(shape, count, 1.0, 2.0, 1, 1.0, 1.0, 1.0, dict.fromkeys(PARTS, 0.1), 0.1)

    monkeypatch.setattr(storm, "measure", noted)
    run(tmp_path, Quiet(0), [(Shape(4), 2, 3), (Shape(9), 2, 1)])
    assert asked == [(Shape(4), 2)] * 3 + [(Shape(9), 2)]


def test_what_the_cores_allow_at_best_is_told() -> None:
    spent = dict.fromkeys(PARTS, 0.0) | {OWN: 3.0, THREADS: 1.0, PUSHING: 2.0}
    told = section([Cell(Shape(10_000), 2_000, 5.0, 6.0, 4, 10.0, 5.0, 1.0, spent, 0.6)]).text
    row = next(line for line in told.splitlines() if "1.50" in line)
    assert [part.strip() for part in row.strip("|").split("|")][-2:] == ["3.00", "500"]
    assert "| 1.50 | 0.30 | 0.70 | 2.50 |" in re.sub(" +", " ", told), "deciding, git, the rest, all"
