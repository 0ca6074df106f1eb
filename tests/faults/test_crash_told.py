"""Killed with SIGKILL before and after all that is told: receivers, traces, the forge, and how far each has been told.

The state folder stays, so that what it says of who has been told is what a crash left in it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest

from tests.daemon.collector import Collector, collecting
from tests.daemon.forge_site import branches, on_a_forge
from tests.daemon.site import eventually
from tests.faults.crash_points import COMES_BY, kills, numbered, restoring, said, spread, traced
from tests.faults.crashing import KILLED, Passes
from tests.faults.invariants import TITLE, Scene
from tests.forge.double import Double
from tests.targets.endpoints.receiver import Receiver, receiving

WITHDRAWING: Final = COMES_BY["withdrawing"]
TELLING: Final = COMES_BY["telling"] - {"check"}
CHECKS: Final = ("before-check:1", "after-check:1")


@dataclass
class World:
    """A scene with all who are told."""

    scene: Scene
    forge: Double
    collector: Collector
    receiver: Receiver

    def state(self) -> dict[str, object]:
        """Return what there is, and who knows what of it: things told again are told once."""
        spans = {span.span_id: span.name for span in self.collector.all()}
        with self.forge.lock:
            statuses = {(at, each["context"]): each["state"] for at, each in self.forge.statuses}
            pulls = [(each.head, each.state) for each in self.forge.pulls]
        return {
            "events": self.scene.site.events(), "branches": branches(self.scene.site), "pulls": pulls,
            "statuses": statuses, "spans": sorted(spans.values()),
            "told": sorted({each.key: each.json()["subject"] for each in list(self.receiver.told)}.values()),
        }  # fmt: skip

    @contextmanager
    def again(self) -> Iterator[None]:
        """In here everybody knows what they know now; afterwards they do again."""
        with self.forge.lock, self.collector.lock:
            known = copy.deepcopy((self.forge.pulls, self.forge.statuses, self.forge.remarks))
            spans, told = list(self.collector.spans), list(self.receiver.told)
        yield
        with self.forge.lock, self.collector.lock:
            self.forge.pulls, self.forge.statuses, self.forge.remarks = known
            self.collector.spans[:], self.receiver.told[:] = spans, told


@pytest.fixture
def world(scene: Scene) -> Iterator[World]:
    site = scene.site
    with on_a_forge(site) as forge, collecting() as collector, receiving() as receiver:
        to = f"{{name: on-call, kind: webhook, url: 'http://127.0.0.1:{receiver.port}/'}}"
        text = site.config.read_text().replace("statuses: false", "statuses: true")
        text = text.replace("    stages:\n", f"    notifications: [{to}]\n    stages:\n")
        site.config.write_text(f"tracing: {{endpoint: '{collector.url}'}}\n{text}")
        yield World(scene, forge, collector, receiver)


def chosen(names: Sequence[str], wanted: frozenset[str]) -> list[str]:
    """Return both sides of what is wanted, and of telling each file's change: the first, the middle and the last.

    All of them if `EVERY` is set.
    """
    sides = {f"{side}-{name}" for name in wanted for side in ("before", "after")}
    assert sides <= set(names), sides - set(names)
    points, some = numbered(names), spread(names)
    sides = {point for point in some if point.partition(":")[0] in sides}
    kept = {point for point in kills(names) if ".new:" in point} & some if wanted == TELLING else set()
    return [point for point in points if point in sides or (point in kept and not point.startswith("remove "))]


def over(world: World, driver: Passes, expected: dict[str, object]) -> bool:
    return driver.make(world.scene.site) != KILLED and world.state() == expected


def play(world: World, driver: Passes, wanted: frozenset[str]) -> None:
    """Let it happen once without a crash, and again with one at each point; it ends as it did then."""
    site = world.scene.site
    with restoring(site) as before:
        with world.again():
            names = traced(driver, site)
            driver.make(site)
            expected = world.state()
        for point in chosen(names, wanted):
            before.again()
            with world.again():
                eventually(partial(killed, driver, world, point), f"killed at {point}")
                eventually(partial(over, world, driver, expected), f"it ends the same, killed at {point}")
                world.scene.check(said(site))
        before.again()


def killed(driver: Passes, world: World, point: str) -> bool:
    return driver.make(world.scene.site, point) == KILLED


def test_c1_killed_while_telling_everybody_is_told_once(world: World, driver: Passes) -> None:
    site = world.scene.site
    for point in CHECKS:
        assert driver.make(site, point) == KILLED, point
    assert driver.make(site) == 0, said(site)
    world.scene.problem("p1", TITLE)
    play(world, driver, TELLING)
    assert driver.make(site) == 0
    assert len(world.forge.opened()) == 1
    world.scene.person({"ops/production/carts/problems/p1.yaml": f"title: {TITLE}\nstate: resolved\n"})
    play(world, driver, WITHDRAWING)
    driver.make(site)
    assert not world.forge.opened()
