"""What the benchmark of an idle daemon says, and what a process costs."""

from __future__ import annotations

import os

from benchmarks.command import Costs
from benchmarks.idle import Idle, section
from benchmarks.repositories import Shape

GOOD = Idle(120.0, 0.009, 40, 0, 0, 31.0, 60.0, 0.002)


def test_within_the_bars_nothing_is_missed() -> None:
    found = section(GOOD, Shape(100), 10, 60.0)
    assert found.missed == ()
    assert "| product" in found.text


def test_each_bar_can_be_missed() -> None:
    bad = Idle(151.0, 0.01, 40, 2, 1, 61.0, 60.0, 0.002)
    assert section(bad, Shape(100), 10, 60.0).missed == (
        "151 MiB of memory", "1.00 % of a processor", "2 writes while converged", "1 commits while nothing happened",
        "noticed after 61 s",
    )  # fmt: skip


def test_a_process_costs_memory_and_time() -> None:
    costs = Costs(os.getpid())
    assert 5 < costs.memory() < 5_000
    before = costs.spent()
    total = 0
    while costs.spent() - before < 0.05:
        total += sum(range(10_000))
    assert total
