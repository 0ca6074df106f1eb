"""The benchmark of a look measures real ones, takes the remote's own answer off, and its bars can be missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.machine import Quiet
from benchmarks.repositories import Shape
from benchmarks.ticks import CHANGE, COLD, NOTHING, RESCAN, Cell, measure, section


@pytest.mark.parametrize("http", [False, True])
def test_each_kind_of_look_is_measured(tmp_path: Path, http: bool) -> None:
    cell = measure(tmp_path / "cell", Shape(16), 2, Quiet(0), http=http)
    assert {what: len(seconds) for what, seconds in cell.own.items()} == {NOTHING: 2, CHANGE: 2, COLD: 5, RESCAN: 2}
    for what in (NOTHING, CHANGE, COLD):
        for own, whole in zip(cell.own[what], cell.whole[what], strict=True):
            assert 0 < own < whole
            assert (whole - own > 0.001) or not http  # over HTTP the remote's answer takes a process


def test_a_missed_bar_is_told() -> None:
    good = {NOTHING: [0.004], CHANGE: [0.019], COLD: [4.0], RESCAN: [9.0]}
    assert section([Cell(Shape(9), False, good, good)]).missed == ()
    slow = {NOTHING: [0.006], CHANGE: [0.021], COLD: [5.1], RESCAN: [9.0]}
    assert section([Cell(Shape(9), True, slow, slow)]).missed == (
        f"9 grouped, smart HTTP, {NOTHING}: 6.0 ms",
        f"9 grouped, smart HTTP, {CHANGE}: 21.0 ms",
        f"9 grouped, smart HTTP, {COLD}: 5100.0 ms",
    )
