"""The benchmark of starts starts real processes, and its bars can be missed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.machine import Quiet
from benchmarks.repositories import Shape
from benchmarks.starting import HELP, PYTHON, READY, VALIDATE, measure, section


def test_every_start_is_one_of_a_process(tmp_path: Path) -> None:
    taken = measure(tmp_path / "starts", Shape(9), 3, 1, Quiet(0))
    assert list(taken) == [PYTHON, HELP, VALIDATE, READY]
    for seconds in taken.values():
        assert len(seconds) == 1
        assert seconds[0] > 0.001  # no process is quicker


def test_a_missed_bar_is_told() -> None:
    good = {PYTHON: [0.01], HELP: [0.149], VALIDATE: [0.4], READY: [1.4]}
    assert section(good, Shape(9), 3).missed == ()
    slow = {PYTHON: [0.01], HELP: [0.151], VALIDATE: [0.6], READY: [1.6]}
    assert section(slow, Shape(9), 3).missed == (f"{HELP}: 151.0 ms", f"{VALIDATE}: 600.0 ms", f"{READY}: 1600.0 ms")
