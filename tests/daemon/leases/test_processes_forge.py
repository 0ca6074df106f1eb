"""Two daemons and one forge: who stands by proposes and tells nothing there, and a takeover halfway doubles nothing."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.daemon.forge_site import BRANCH, TITLE, branches, merge, on_a_forge
from tests.daemon.leases.crew import Crew, Mate, crew
from tests.daemon.leases.processes import daemon, holder, scaled
from tests.daemon.site import Site, eventually
from tests.forge.double import Double

pytestmark = pytest.mark.no_cover

PROBLEM = "reconciler/production/carts: p1"


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


@pytest.fixture
def all_of(site: Site, forge: Double) -> Iterator[Crew]:
    """A crew whose forge is told of commits too."""
    site.config.write_text(site.config.read_text().replace("statuses: false", "statuses: true"))
    with crew(site) as made:
        yield made


def written(forge: Double) -> list[tuple[str, str]]:
    """Return what was asked of the forge that changes anything."""
    with forge.lock:
        return [each for each in forge.requests if each[0] != "GET"]


def test_who_stands_by_neither_proposes_nor_tells(all_of: Crew, forge: Double) -> None:
    holding, standing_by = all_of.join(), all_of.join()
    holding.loop.tick()
    holding.keeper.look()  # it has the leases, and has not looked at a stage yet
    assert holding.has(4)
    all_of.problem("production", "p1")
    for _ in range(3):
        standing_by.turn()
    assert (branches(all_of.site), forge.opened(), written(forge)) == ([], [], [])

    def told() -> bool:
        holding.turn()
        with forge.lock:
            return bool(forge.opened()) and any(each["context"] == PROBLEM for _, each in forge.statuses)

    eventually(told, "proposed and told by who holds the stage")
    assert branches(all_of.site) == [BRANCH]
    assert len(forge.pulls) == 1


def test_who_follows_tends_the_same_pull_request(all_of: Crew, forge: Double) -> None:
    def until(mate: Mate, met: Callable[[], object], what: str) -> None:
        def looked() -> object:
            all_of.clock.pass_by(0.2)
            mate.turn()
            return met()

        eventually(looked, what)

    first, second = all_of.join(), all_of.join()
    first.turn()
    second.turn()
    all_of.problem("production", "p1")
    until(first, forge.opened, "proposed")
    first.end()
    merge(all_of.site, forge, forge.pulls[0], "merge")
    until(second, lambda: all_of.events("production")[-1:] == ["applied"], "approved and applied")
    until(second, lambda: not branches(all_of.site), "the branch is taken away")
    assert all_of.events("production") == ["opened", "held", "released", "decided", "applied"]
    assert len(forge.pulls) == 1


class Halfway:
    """Stops a daemon when it is about to open a pull request: before the forge has opened it, or after."""

    def __init__(self, forge: Double, pid: int, *, opened: bool) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self._answer, self._pid, self._opened = forge.answer, pid, opened

    def __call__(self, method: str, target: str, headers: Any, body: Any) -> tuple[int, Any, dict[str, str]]:
        if method != "POST" or not target.endswith("/pulls") or self.reached.is_set():
            return self._answer(method, target, headers, body)
        done = self._answer(method, target, headers, body) if self._opened else None
        os.kill(self._pid, signal.SIGSTOP)
        self.reached.set()
        assert self.go.wait(120)
        return done or self._answer(method, target, headers, body)


@pytest.mark.parametrize("opened", [False, True], ids=["before", "after"])
def test_a_takeover_in_the_middle_of_a_proposal_leaves_one_pull_request(
    site: Site, forge: Double, monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    site.cluster.namespace("reconciler")
    with daemon(site, "first") as first:
        eventually(lambda: holder(site) == "first", "the first has the lease")
        halfway = Halfway(forge, first.process.pid, opened=opened)
        monkeypatch.setattr(forge, "answer", halfway)
        with daemon(site, "second"):
            site.problem("p1", TITLE)
            assert halfway.reached.wait(60)
            eventually(lambda: holder(site) == "second", "taken over")
            eventually(forge.opened, "proposed by the second, or found")
            halfway.go.set()
            first.process.send_signal(signal.SIGCONT)
            eventually(lambda: first.logged(event="a lease is not ours any more"), "the first knows")
            merge(site, forge, forge.pulls[0], "merge")
            eventually(lambda: site.events()[-1:] == ["applied"], "approved and applied")
            eventually(lambda: not branches(site), "the branch is taken away")
    assert len(forge.pulls) == 1
    assert site.events() == ["opened", "held", "released", "decided", "applied"]
    assert scaled(site) == [2]
