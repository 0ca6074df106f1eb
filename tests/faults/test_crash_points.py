"""Killed with SIGKILL right before and right after everything that the loop asks of Git, of servers and of receivers.

Two stories, over HTTP and with a repository of this machine: carts are scaled, a feature is switched off. A story has
phases; what a phase's pass comes by is found out once, without a crash, and then each story of the same kind is killed
at one of those points in every phase, and goes on with an empty disk. All must end as the one that was never killed.
The first is told once more by a daemon that finds its disk as the crash left it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Final, get_args

import pytest

from reconciler.daemon.failpoints import Failpoint
from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.site import THREE_ENTRIES, git
from tests.faults.crash_points import COMES_BY, done
from tests.faults.crashing import Passes
from tests.faults.stories import MONTH, REPORTED, Phase, Story, Undisturbed, World, check_killed

PARTS: Final = 12
"""Tests among which the stories of a kind are divided, however many there are."""
FEWEST: Final = 8
"""Each phase comes by more points than this."""
LONGEST: Final = 24
"""And the longest one of each story by more than this."""


def over_http(made: World, stack: ExitStack) -> Mapping[str, str | None]:
    site = made.site
    made.scene.plant("tok-4713", "Git")
    git(site.remote, "config", "http.receivepack", "true")
    (site.folder / "token").write_text("tok-4713")
    server = stack.enter_context(GitHttpServer(site.folder, {"robot": "tok-4713"}))
    made.scene.servers.know("Git", lambda: server.journal)
    where = f'{{url: "{server.url}/remote.git", username: robot, tokenFile: token}}'
    site.config.write_text(site.config.read_text().replace("{url: remote.git}", where))
    return {}


def by_a_flag(made: World, stack: ExitStack) -> Mapping[str, str | None]:
    return {"carts/remediation.yaml": THREE_ENTRIES.replace("EnableItemsCache:on", "EnablePromotion:off")}


SCALED: Final = (
    Phase(lambda made: None, lambda made: made.site.replicas() == 2, report=REPORTED),
    Phase(World.ready, lambda made: made.ends_with("applied")),
)
SWITCHED: Final = (Phase(lambda made: None, lambda made: made.ends_with("applied"), report=REPORTED),)
ENDED: Final = (
    Phase(World.resolved, lambda made: made.ends_with("remediated")),
    Phase(lambda made: made.site.later(MONTH), lambda made: made.ends_with("archived")),
)
KINDS: Final = {"scaling": Story(SCALED + ENDED, over_http), "flag": Story(SWITCHED + ENDED, by_a_flag)}


@pytest.mark.parametrize("kind", KINDS)
def test_c1_the_points_are_those_of_the_whole_loop(told: Callable[[str], Undisturbed], kind: str) -> None:
    found = told(kind)
    counts = [len(points) for points in found.points]
    assert min(counts) > FEWEST, counts
    assert max(counts) > LONGEST, counts
    assert done([point.partition(":")[0] for points in found.points for point in points]) == COMES_BY["whole loop"]


def test_c1_each_point_that_is_listed_is_come_by_in_some_story() -> None:
    assert frozenset().union(*COMES_BY.values()) == done(get_args(Failpoint))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", range(PARTS))
def test_c1_killed_at_every_point_and_started_again_it_ends_the_same(
    told: Callable[[str], Undisturbed], driver: Passes, tmp_path: Path, kind: str, part: int
) -> None:
    """One story is killed at the first point of each phase, one at the second, and so on."""
    expected = told(kind)
    for number, points in [*enumerate(zip_longest(*expected.points, fillvalue=""))][part::PARTS]:
        check_killed(tmp_path / f"killed-{number}", KINDS[kind], driver, expected, points)
