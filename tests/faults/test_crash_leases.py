"""Killed with SIGKILL before and after each look at leases and each write of one, and with all that is done in between.

Who comes next is another daemon to them: it waits until what the dead one holds is free, and does the rest once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import pytest

from reconciler.daemon.leases.record import LeaseName, place_number
from tests.daemon.leases.crew import LEASES, SPACE
from tests.daemon.site import Site, eventually
from tests.faults.crash_points import (
    COMES_BY,
    EVERY,
    anew,
    done,
    kills,
    numbered,
    one_clock,
    restoring,
    said,
    spread,
    state,
    traced,
)
from tests.faults.crashing import KILLED, How, Passes
from tests.faults.invariants import Scene

HOLDS: Final = How(turns=10, seconds=3, leased=True)
"""Long enough to renew what is held some times."""
FOLLOWS: Final = How(turns=14, seconds=3, leased=True)
"""Long enough for what somebody held to be free, twice over."""


@pytest.fixture
def shared(scene: Scene) -> Scene:
    """A stage that belongs to whoever has its lease."""
    site = scene.site
    site.cluster.namespace(SPACE)
    site.config.write_text(LEASES + site.config.read_text())
    one_clock(site)
    return scene


def holders(site: Site) -> list[str]:
    """Return who holds a stage; nobody, after an orderly end. The place of one that died is left until it is wanted."""
    found = {item["metadata"]["name"]: item["spec"] for item in site.cluster.items("Lease", SPACE)}
    return [spec.get("holderIdentity", "") for name, spec in found.items() if place_number(LeaseName(name)) is None]


def chosen(names: Sequence[str]) -> list[str]:
    """Return the points: of looks the first, the middle and the last, and all writes but renewals that are alike.

    All of them if `EVERY` is set.
    """
    points, some = numbered(names), spread(names)
    writes = [point for point in points if point.startswith("before-lease-write:")]
    middle = (len(writes) - 1) // 2
    alike = set() if EVERY else set(writes[4:-4]) - set(writes[middle : middle + 2])
    leases = {point for point in some if "-lease-" in point}
    wanted = {*leases, *kills(names)} - alike
    return [point for point in points if point in wanted]


def over(scene: Scene, driver: Passes, expected: dict[str, object]) -> bool:
    """Look, and tell whether all is as it should be, and nobody holds the stage."""
    site = scene.site
    return driver.make(site, how=FOLLOWS) != KILLED and state(site, "p1") == expected and not any(holders(site))


def test_c1_killed_with_leases_the_next_one_does_the_rest_once(shared: Scene, driver: Passes) -> None:
    site = shared.site
    assert driver.make(site, how=HOLDS) == 0
    shared.problem()
    with restoring(site) as before:
        names = traced(driver, site, how=HOLDS)
        assert site.events() == ["opened", "decided", "applied"], said(site)
        assert not any(holders(site))
        expected = state(site, "p1")
        assert COMES_BY["leases"] <= done(names)
        points = chosen(names)
        assert {"before-lease-look:1", "before-lease-write:3", "before-apply:1"} <= set(points), points
        assert points[-1].startswith("after-lease-write:"), points
        for point in points:
            before.again()
            anew(shared, "p1")
            for item in site.cluster.items("Lease", SPACE):
                site.cluster.delete("Lease", SPACE, item["metadata"]["name"])
            assert driver.make(site, point, how=HOLDS) == KILLED, point
            eventually(partial(over, shared, driver, expected), f"it ends the same, killed at {point}")
            shared.check(said(site))
