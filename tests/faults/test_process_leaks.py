"""Leaks over time: row C5. A day of a site goes by in one process, with its clock ahead of everybody's."""

from __future__ import annotations

import gc
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.repo.cache import ParseCache
from tests.daemon.site import THREE_ENTRIES, until
from tests.faults.invariants import Scene

DAYS = {"a problem each eight minutes": (9, 20), "a problem each minute": (24, 60)}
"""Rounds of a day, and problems of a round."""
SPARE = 300
"""Objects that may be more at the end: less than three for each problem since, for what is full is emptied at once."""
ROOM = 4 << 20
"""Bytes that may be more in memory: four times what it goes up and down by, 8 kB for each problem since."""


@dataclass(frozen=True)
class Used:
    """What the process has."""

    files: int
    children: int
    threads: int
    objects: int
    memory: int
    """Bytes that are in memory, and what is shared with other processes by its share (proc_pid_smaps(5))."""


def used(loop: ProjectLoop) -> Used:
    gc.collect()
    tasks = [task for task in Path("/proc/self/task").iterdir() if (task / "children").exists()]
    children = sum(len((task / "children").read_text().split()) for task in tasks)
    assert len(loop._mirror.pids()) <= children
    (pss,) = (line for line in Path("/proc/self/smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
    files, objects = len(list(Path("/proc/self/fd").iterdir())), len(gc.get_objects())
    return Used(files, children, threading.active_count(), objects, int(pss.split()[1]) * 1024)


def until_it_came(scene: Scene, loop: ProjectLoop, event: str, times: int) -> None:
    until(loop, lambda: scene.site.events().count(event) >= times, f"{event} {times} times")


def remember_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that is remembered for speed be full early: what grows then would grow for ever."""
    for name, module in list(sys.modules.items()):
        if name.startswith("reconciler.") and isinstance(getattr(module, "_REMEMBERED", None), int):
            monkeypatch.setattr(module, "_REMEMBERED", 16)
    monkeypatch.setattr(ParseCache.__init__, "__defaults__", (1 << 14,))


@pytest.mark.parametrize(
    "day", ["a problem each eight minutes", pytest.param("a problem each minute", marks=pytest.mark.thorough)]
)
def test_c5_a_day_of_problems_leaves_nothing_behind(scene: Scene, monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    remember_little(monkeypatch)
    rounds, many = DAYS[day]
    site = scene.site
    scene.ends = False  # most of what was is archived, and what became of it is counted here
    scene.person({"stage.yaml": "wait: 1m\nretention: 1m\n", "carts/remediation.yaml": THREE_ENTRIES})
    seen: list[Used] = []
    with site.loop() as loop:
        for number in range(rounds):
            problems = {f"ops/production/carts/problems/r{number}-{each}.yaml": "unheard of" for each in range(many)}
            problems[f"ops/production/carts/problems/r{number}-0.yaml"] = "Failure rate increase"
            for state in ("open", "resolved"):
                scene.person({path: f"title: {title}\nstate: {state}\n" for path, title in problems.items()}, state)
                loop.tick()
                until_it_came(scene, loop, "applied", number + 1)
            site.later(24 * 3600 / rounds)
            until_it_came(scene, loop, "remediated", number + 1)
            until_it_came(scene, loop, "archived", number)
            seen.append(used(loop))
    assert site.events().count("archived") >= rounds - 1, "the day was as long for the daemon"
    middle, end = seen[rounds // 3 : 2 * rounds // 3], seen[2 * rounds // 3 :]
    for what in ("files", "children", "threads"):
        assert max(getattr(each, what) for each in end) <= max(getattr(each, what) for each in middle), (what, seen)
    grown = max(each.objects for each in end) - max(each.objects for each in middle)
    assert grown <= SPARE, seen
    larger = max(each.memory for each in end) - max(each.memory for each in middle)
    assert larger <= ROOM, seen
