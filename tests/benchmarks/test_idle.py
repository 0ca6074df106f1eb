"""The benchmark of an idle daemon watches real ones side by side, waits for what is noticed, and can miss its bars."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from benchmarks import idle, kopf_operator, repositories
from benchmarks.aside import PROBLEMS
from benchmarks.command import Costs
from benchmarks.idle import Idle, Plan, Window, measure, notices, section
from benchmarks.people import Pusher, tip_of
from benchmarks.repositories import Shape
from benchmarks.site import deployment, workload
from reconciler.embedded.cluster import EmbeddedCluster

PLAN = Plan(10)
GOOD = Idle((Window(120.0, 0.009, 8, 0), Window(121.0, 0.05, 8, 0), Window(122.0, 0.008, 8, 0)), (9.0, 59.0, 3.0))
KOPF = Idle((Window(60.0, 0.002, 0, 0),), (0.1,))


def test_both_are_watched_in_each_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "_QUIET", 0.5)
    ours, theirs = measure(tmp_path / "it", Shape(16), Plan(3, 2, 0.4, changes=0))
    for found in (ours, theirs):
        assert len(found.windows) == 2
        assert all(5 < each.memory < 1_000 for each in found.windows)
        assert found.writes == found.pushes == 0
    assert section(ours, theirs, Shape(16), PLAN).text.count("\n| ") == 4


def test_a_change_is_noticed_when_a_step_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = repositories.make(tmp_path, Shape(4))
    daemon = Pusher(tmp_path / "daemon", remote)

    def change(name: str, told: str = "drift") -> None:
        for event, service in (("decided", name), (told, "other"), (told, name)):
            daemon.push({f"{event}-{service}.yaml": b""}, f"{name}\n\nService: {service}\nEvent: {event}\n")

    try:
        found = notices(remote, tip_of(remote), ["one", "two"], change, 0.3)
        assert len(found) == 2
        assert 0 < max(found) < 60
        monkeypatch.setattr(idle, "_PATIENCE", 0.5)
        with pytest.raises(RuntimeError, match="not noticed: one"):
            notices(remote, tip_of(remote), ["one"], partial(change, told="applied"), 0.3)
    finally:
        daemon.close()


def test_an_operator_that_watches_workloads_notices_what_others_change() -> None:
    with EmbeddedCluster() as cluster:
        cluster.declare(PROBLEMS)
        for name in ("one", "two"):
            cluster.create(deployment("operator", name))
        with kopf_operator.running(cluster.url, "operator", workloads=True) as operator:
            operator.heal(["one", "two"])
            change = partial(cluster.patch, "Deployment", "operator", workload("two"), {"spec": {"replicas": 5}})
            assert 0 < operator.noticed("two", change) < 60
        assert cluster.get("Deployment", "operator", workload("two"))["spec"]["replicas"] == 5


def test_within_the_bars_nothing_is_missed() -> None:
    found = section(GOOD, KOPF, Shape(100), PLAN)
    assert found.missed == (), "the median counts, not one window in which something else ran"
    row = next(line for line in found.text.splitlines() if line.startswith("| product"))
    assert [part.strip() for part in row.strip("|").split("|")][1:] == [
        "121", "0.90", "5.00", "24", "0", "0", "9.00", "59.00",
    ]  # fmt: skip


def test_each_bar_can_be_missed() -> None:
    bad = Idle((Window(151.0, 0.01, 40, 2, 1), Window(151.0, 0.01, 40, 0, 0)), (3.0, 61.0))
    assert section(bad, KOPF, Shape(100), PLAN).missed == (
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
