"""The benchmark of the sweep counts what a real API server is asked while each held value is looked at."""

from __future__ import annotations

from pathlib import Path

from benchmarks import repositories
from benchmarks.machine import Quiet
from benchmarks.repositories import Shape
from benchmarks.sweep import Sweep, measure, section


def test_each_start_looks_at_all_that_is_held(tmp_path: Path) -> None:
    shape = Shape(16)
    found = measure(tmp_path / "it", shape, repositories.make(tmp_path, shape), 5, Quiet(0), starts=2)
    assert len(found) == 2
    for sweep in found:
        assert sweep.requests >= 5, "few of one namespace are read one by one"
        assert 0 < sweep.most <= sweep.requests
        assert sweep.seconds > 0


def test_only_a_rate_that_is_asked_for_can_be_missed() -> None:
    sweeps = {10: [Sweep(1.0, 100, 90.0, 3), Sweep(2.0, 100, 110.0, 3), Sweep(1.0, 100, 95.0, 3)]}
    assert section(sweeps, Shape(16), None).missed == ()
    assert section(sweeps, Shape(16), 95.0).missed == ()
    assert section(sweeps, Shape(16), 94.0).missed == ("10 values held: 95 requests in a second",)
    assert "| 10 " in section(sweeps, Shape(16), None).text
