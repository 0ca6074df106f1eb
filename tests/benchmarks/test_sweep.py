"""The benchmark of the sweep counts what a real API server is asked while each held value is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import repositories
from benchmarks.machine import Quiet
from benchmarks.product import SkippingClock
from benchmarks.repositories import Shape
from benchmarks.sweep import Sweep, bar, busiest, measure, section


def test_each_start_looks_at_all_that_is_held(tmp_path: Path) -> None:
    shape = Shape(16)
    found = measure(tmp_path / "it", shape, repositories.make(tmp_path, shape), 5, Quiet(0), starts=2)
    assert len(found) == 2
    for sweep in found:
        assert sweep.requests >= 5, "few of one namespace are read one by one"
        assert 0 < sweep.second <= sweep.most <= sweep.requests
        assert sweep.seconds > 0


def test_pauses_that_were_skipped_while_values_were_decided_hold_no_start_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps from far ahead of the next one's clock would make it wait, and the benchmark end."""
    skip = SkippingClock.skip
    monkeypatch.setattr(SkippingClock, "skip", lambda self, seconds: skip(self, 10 * seconds))
    shape = Shape(16)
    assert len(measure(tmp_path / "it", shape, repositories.make(tmp_path, shape), 2, Quiet(0), starts=1)) == 1


def test_a_missed_bar_is_told() -> None:
    def found(most: int) -> list[Sweep]:
        return [Sweep(1.0, 100, 90, each, 3) for each in (9, most, 90)]

    assert section({200: found(2_816), 10_000: found(3_674)}, Shape(16)).missed == ()
    assert section({200: found(2_817), 10_000: found(3_675)}, Shape(16)).missed == (
        "200 values held: 2,817 requests in 10 s", "10,000 values held: 3,675 requests in 10 s",
    )  # fmt: skip


def test_the_busiest_second_begins_anywhere() -> None:
    assert busiest([], 1.0) == 0
    assert busiest([3.0, 3.0, 0.5, 1.25, 1.75, 9.0], 1.0) == 2
    assert busiest([0.25, 0.75, 1.0, 1.125, 1.25, 2.5], 1.0) == 4, "a second is over when the next one begins"
    assert busiest([0.25, 0.75, 1.0, 1.125, 1.25, 2.5], 10) == 6


def test_the_bar_is_what_the_product_promises() -> None:
    assert [bar(held) for held in (1, 7_680, 7_681, 10_000)] == [11 * rate for rate in (256, 256, 257, 334)]
