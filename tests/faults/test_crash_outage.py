"""Killed with SIGKILL before and after all that is done to what is kept while the remote is away, and is brought home.

The mirror is all that there is then, so it stays. Each story is told once without a crash, from a moment that can be
had again; then it is killed at each point that leaves something else behind, and must end the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from reconciler.daemon.connections import mirror_path
from reconciler.daemon.service import read_config
from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.model.names import ProjectName
from reconciler.repo.away import LEFT
from tests.daemon.site import Site, eventually, git
from tests.faults.crash_points import COMES_BY, anew, done, kills, one_clock, restoring, said, state, traced
from tests.faults.crashing import AWAY, KILLED, How, Passes
from tests.faults.invariants import Scene
from tests.faults.test_outage_damage import damaged
from tests.faults.test_outage_moved import copied

GOES: Final = How(turns=7, seconds=5, lent=True, away_after=1, reported_at=4)
LOOKS: Final = How(turns=3, seconds=5, lent=True)
TIDIES: Final = How(turns=2, seconds=5, lent=True, tidied=True)


@dataclass
class WhileAway(GitFault):
    """503 for everybody while there is a file."""

    file: Path = Path()

    def takes(self, target: str) -> bool:
        return self.file.exists()


@pytest.fixture
def scene(proceeding: Scene, server: GitHttpServer) -> Scene:
    """A stage that goes on while there is the file `away`."""
    server.faults = [WhileAway("status", file=proceeding.site.folder / AWAY)]
    one_clock(proceeding.site)
    return proceeding


def back(site: Site) -> None:
    (site.folder / AWAY).unlink(missing_ok=True)
    site.later(120)


def mirror(site: Site) -> Path:
    """Return the mirror that is in use: the one of the address that is configured."""
    config = read_config(site.config)
    return mirror_path(config.projects[ProjectName("sockshop")].repository, config.state_dir)


def is_home(site: Site) -> bool:
    """Whether nothing is kept for the remote any more."""
    where = mirror(site)
    return not (where / "reconciler-away").exists() and not git(where, "for-each-ref", "refs/reconciler/unpushed")


def test_c1_killed_while_it_goes_on_without_the_remote(scene: Scene, driver: Passes) -> None:
    site = scene.site
    assert driver.make(site, how=LOOKS) == 0
    with restoring(site) as before:
        names = traced(driver, site, report="r0", how=GOES)
        assert site.replicas() == 2, said(site)
        expected = ended(scene, driver, "r0")
        points = kills(names)
        assert "away" in done(names)
        assert {"rename reconciler-away.new:1", "start update-ref:1", "before-apply:1"} <= set(points)
        for number, point in enumerate(points, 1):
            before.again()
            name = f"r{number}"
            anew(scene, name)
            assert driver.make(site, point, report=name, how=GOES) == KILLED, point
            site.later(GOES.turns * GOES.seconds)  # no clock goes back because a process was killed
            assert driver.make(site, report=name, how=GOES) != KILLED
            assert ended(scene, driver, name) == expected, point


def ended(scene: Scene, driver: Passes, name: str) -> dict[str, object]:
    """Let the remote be back until all is done; returns how it is."""
    site = scene.site
    scene.accepted.add(name)
    back(site)

    def over() -> bool:
        driver.make(site, report=name, how=LOOKS)
        return is_home(site) and site.events()[-1:] == ["applied"]

    eventually(over, "it is home, and applied")
    scene.check(said(site))
    return state(site, name)


def nobody(scene: Scene) -> None:
    """Nothing else happens."""


def pushed(scene: Scene) -> None:
    scene.person({"NOTES": "seen nothing of it\n"})


def rewritten(scene: Scene) -> None:
    site = scene.site
    root = git(site.remote, "rev-parse", "production~1")
    scene.rewrite(git(site.remote, "commit-tree", "-p", root, "-m", "rebased", site.tree()))
    scene.accepted.clear()


def broken(scene: Scene) -> None:
    damaged(scene.site)


def at_another_address(scene: Scene) -> None:
    copied(scene.site, "new.git")
    scene.site.config.write_text(scene.site.config.read_text().replace("/remote.git", "/new.git"))


@dataclass(frozen=True)
class Span:
    """From which point of a story to which it is told apart from others, and what it comes by between them."""

    among: frozenset[str]
    first: str = ""
    last: str = ""

    def of(self, points: Sequence[str]) -> Sequence[str]:
        assert self.among <= set(points), points
        first = points.index(self.first) if self.first else 0
        return points[first : points.index(self.last) + 1 if self.last else len(points)]


_SALVAGED: Final = "write reconciler-salvaged:1"
MEANWHILE: Final[Mapping[Callable[[Scene], None], Span]] = {
    nobody: Span(frozenset({"start push:1", "remove reconciler-away:1"})),
    pushed: Span(frozenset({"start fetch:1", "start push:1"})),
    rewritten: Span(frozenset({"start update-ref:1", "start update-ref:2"})),
    broken: Span(frozenset({"rename _.git:1", "start init:1", _SALVAGED}), last="start push:1"),
    at_another_address: Span(frozenset({"start fetch:2", _SALVAGED}), first="start fetch:1", last="start push:1"),
}
"""What happens while the remote is away."""


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_c1_killed_while_it_brings_home(scene: Scene, driver: Passes, meanwhile: Callable[[Scene], None]) -> None:
    site = scene.site
    scene.accepted.add("r1")
    assert driver.make(site, report="r1", how=GOES) != KILLED
    assert site.replicas() == 2, said(site)
    meanwhile(scene)
    back(site)
    with restoring(site) as before:
        names = traced(driver, site, how=LOOKS)
        assert COMES_BY["away"] - {"away"} <= done(names)
        assert ("salvage" in done(names)) == (meanwhile is at_another_address)
        driver.make(site, how=LOOKS)
        assert is_home(site), said(site)
        expected = brought(site)
        scene.check(said(site))
        for point in MEANWHILE[meanwhile].of(kills(names)):
            before.again()
            assert driver.make(site, point, how=LOOKS) == KILLED, point
            eventually(partial(over, driver, site, expected), f"it ends the same, killed at {point}")
            scene.check(said(site))


def over(driver: Passes, site: Site, expected: dict[str, object]) -> bool:
    """Look, and tell whether nothing is kept any more, and all is as it should be."""
    return driver.make(site, how=LOOKS) != KILLED and is_home(site) and brought(site) == expected


def brought(site: Site) -> dict[str, object]:
    """Return how it is, with what was laid aside."""
    aside = git(mirror(site), "for-each-ref", "--format=%(refname)", LEFT).splitlines()
    return {**state(site, "r1"), "aside": len(aside)}


def test_c1_killed_while_it_tidies_up_what_it_keeps(scene: Scene, driver: Passes) -> None:
    site = scene.site
    assert driver.make(site, report="r1", how=GOES) != KILLED
    with restoring(site) as before:
        names = traced(driver, site, how=TIDIES)
        expected = ended(scene, driver, "r1")
        points = kills(names)
        assert COMES_BY["tidying"] <= done(names)
        assert {"start repack:1", "start commit-graph:1", "start pack-refs:1"} <= set(points), points
        for point in points:
            before.again()
            assert driver.make(site, point, how=TIDIES) == KILLED, point
            assert ended(scene, driver, "r1") == expected, point
            assert git(mirror(site), "fsck", "--strict", "--no-dangling") == ""
