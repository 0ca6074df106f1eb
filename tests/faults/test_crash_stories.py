"""Killed with SIGKILL in the stories that people, flag servers and endpoints are part of; and with a disk that stays.

As in `test_crash_points.py`, whose first story is told again here by a daemon that finds its disk as the crash left it,
and is killed before each change of a file too.
Of the points that a phase comes by those around pushes and effects come first, and as many others as are left by a
seed, `RECONCILER_CRASH_SEED`. With `RECONCILER_EVERY_POINT` set a story is killed at all of them, as `make nightly`
does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.faults.crash_points import EVERY
from tests.faults.crashing import Passes
from tests.faults.stories import Undisturbed, check_killed
from tests.faults.telling import STORIES
from tests.faults.test_crash_points import KINDS as SIMPLE

SEED: Final = os.environ.get("RECONCILER_CRASH_SEED", "0")
SAMPLED: Final = 12
"""Points of each phase at which stories are killed, and the tests among which all of them are divided."""
KEPT: Final = "scaled, with its disk"
KINDS: Final = {**STORIES, KEPT: replace(SIMPLE["scaling"], keeps_disk=True)}
_FIRST: Final = re.compile(r"after-push|before-apply|after-apply|before-applied-push")
_REACHED: Final[dict[str, frozenset[str]]] = {
    "undone": frozenset({"opened", "decided", "applied", "reverted"}),
    "in vain": frozenset({"opened", "decided", "applied", "evaluated", "escalated"}),
    "reverted": frozenset({"reverted", "reopened", "drift", "remediated"}),
    "orphaned": frozenset({"aborted", "reopened", "evaluated", "orphaned"}),
    "approved": frozenset({"held", "released", "decided", "applied", "remediated"}),
    KEPT: frozenset({"decided", "applied", "remediated", "archived"}),
}
"""The steps that make each story what it is."""


def chosen(found: Undisturbed, kind: str) -> list[list[str]]:
    """Return each phase's points in the order in which the stories are killed at them."""
    phases = []
    for number, points in enumerate(found.points):
        others = [point for point in points if not _FIRST.match(point)]
        Random(f"{SEED} {kind} {number}").shuffle(others)
        phases.append([point for point in points if _FIRST.match(point)] + others)
    return phases


@pytest.mark.parametrize("kind", KINDS)
def test_c1_each_story_is_what_it_says(told: Callable[[str], Undisturbed], kind: str) -> None:
    found = told(kind)
    events = found.states[-1]["events"]
    assert isinstance(events, list)
    assert _REACHED[kind] <= set(events), events
    counts = [len(points) for points in found.points]
    assert min(counts) >= SAMPLED, "there is a point in each phase for each story that is told"
    for points in chosen(found, kind):
        assert sum(bool(_FIRST.match(point)) for point in points) <= SAMPLED, "all around an effect are among them"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", range(SAMPLED))
def test_c1_killed_in_each_story_it_ends_the_same(
    told: Callable[[str], Undisturbed], driver: Passes, tmp_path: Path, kind: str, part: int
) -> None:
    expected = told(kind)
    stories = [*enumerate(zip_longest(*chosen(expected, kind), fillvalue=""))]
    for number, points in stories[part :: SAMPLED if EVERY else len(stories)]:
        check_killed(tmp_path / f"killed-{number}", KINDS[kind], driver, expected, points)
