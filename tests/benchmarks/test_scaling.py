"""The simulation of many daemons: when stages are shared, what processes cost, what is told of it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest

from benchmarks.fleet import cost, shared
from benchmarks.scaling_told import Found, told


@pytest.mark.parametrize(
    ("holders", "expected"),
    [
        ({"a": "1", "b": "2", "c": "1"}, True),
        ({"a": "1", "b": "1", "c": "1"}, False),
        ({"a": "1", "b": "2"}, False),
        ({}, False),
    ],
)
def test_stages_are_shared_when_nobody_has_much_more(holders: dict[str, str], expected: bool) -> None:
    assert shared(holders, 3, 2) is expected


def test_a_process_costs_what_its_children_cost_too() -> None:
    before = cost(os.getpid())
    code = "held = bytearray(64 << 20); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        assert cost(os.getpid()).memory > before.memory + 60
        child.stdin.write("\n")
        child.stdin.close()
    assert cost(child.pid).memory == 0


def test_what_is_only_computed_says_so() -> None:
    found = Found(
        "folder", 1000, idle_seconds=10.0, memory=[50.0], idle=[0.01], paced=[0.2, 0.4], burst=20, burst_seconds=4.0,
        busy=[1.0, 1.0], pushes=20.0, calls={"PATCH deployments/scale": 20, "GET leases": 99},
    )  # fmt: skip
    text = told([found], argparse.Namespace(daemons=2, stages=2))
    assert "| 20 at once, until all are applied, s" in text
    assert "Computed from that (folder): 2 machines of two processors would have time for 40 decisions a second" in text
    assert "10 of those a second" in text
