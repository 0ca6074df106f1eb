"""What is nobody's answer: pulls of forks, branches that are gone, pull requests moved onto another branch."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from reconciler.daemon.proposals_anew import Anew
from tests.daemon.forge_site import BRANCH, TITLE, branches, merge, on_a_forge
from tests.daemon.site import Site, git, until
from tests.forge.double import KINDS, Double, Pull

CONDITION = "proposals of production"


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", ["closed", "open"])
def test_a_fork_neither_declines_nor_hides(site: Site, kind: str, state: str) -> None:
    with on_a_forge(site, kind) as forge, site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, forge.opened, "a pull request")
        text = forge.pulls[0].body
        at = "2026-11-21T10:00:00Z"
        forge.pulls.append(Pull(2, BRANCH, "production", "hi", text, "f" * 40, state, "mallory", at, home="mallory/x"))
        asked = forge.count("GET", "")
        until(loop, lambda: forge.count("GET", "") > asked + 5, "looked at")
        assert site.events() == ["opened", "held"]
        forge.close(1, "ada")
        until(loop, lambda: "failed" in site.events(), "declined by who may")
        assert forge.pull(2).state == state


def take_away(site: Site, forge: Double, who: str) -> None:
    """Delete the branch, whereupon the forge closes what is open, in somebody's name."""
    with forge.lock:
        git(site.remote, "update-ref", "-d", f"refs/heads/{BRANCH}")
        for pull in forge.opened():
            forge.close(pull.number, who)


@pytest.mark.parametrize("who", ["", "bea"])
def test_a_branch_that_is_gone_is_no_decline(site: Site, forge: Double, who: str) -> None:
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, forge.opened, "a pull request")
        take_away(site, forge, who)
        until(loop, lambda: len(forge.opened()) == 1 and len(forge.pulls) == 2, "proposed anew")
        until(loop, lambda: f"{BRANCH} was taken away 1 times" in loop.conditions.get(CONDITION, ""), "said")
        assert site.events() == ["opened", "held"]
        take_away(site, forge, who)
        for _ in range(3):
            loop.tick()
            time.sleep(0.06)  # longer than the forge is polled
        assert (branches(site), forge.opened()) == ([], []), "a bot that tidies up is not raced"
        assert loop.tick() == ()
        site.later(150)
        until(loop, lambda: len(forge.opened()) == 1, "in its time it is proposed anew")
        assert [pull.state for pull in forge.pulls] == ["closed", "closed", "open"]
        merge(site, forge, forge.opened()[0], "merge")
        until(loop, lambda: site.replicas() == 2, "done")
        until(loop, lambda: CONDITION not in loop.conditions, "nothing to be said any more")


def test_after_a_restart_too(site: Site, forge: Double) -> None:
    site.problem("p1", TITLE)
    assert site.pass_once() == 0
    take_away(site, forge, "bea")
    with site.loop() as loop:
        until(loop, lambda: len(forge.opened()) == 1, "proposed anew")
        assert site.events() == ["opened", "held"]


def test_closed_by_nobody_it_is_opened_anew_and_seldomer(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, forge.opened, "a pull request")
        forge.close(1, "")
        until(loop, lambda: len(forge.opened()) == 1, "opened anew")
        forge.close(2, "")
        until(loop, lambda: "2 of proposals/production/p1-02 was closed by nobody" in str(loop.conditions), "said")
        assert forge.opened() == []
        site.later(150)
        until(loop, lambda: len(forge.opened()) == 1, "opened anew")
        assert site.events() == ["opened", "held"]


def test_moved_onto_another_branch_it_is_said_and_opened_anew(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, forge.opened, "a pull request")
        forge.pulls[0].base = "main"
        moved = "pull request 1 of proposals/production/p1-02 was moved onto `main`"
        until(loop, lambda: moved in loop.conditions.get(CONDITION, ""), "said")
        until(loop, lambda: [pull.base for pull in forge.opened()] == ["main", "production"], "opened anew")
        forge.pulls[0].state, forge.pulls[0].closed_at = "merged", "2026-11-21T10:00:00Z"
        until(loop, lambda: "was merged into `main`, which approves nothing" in str(loop.conditions), "said")
        merge(site, forge, forge.pull(2), "merge")
        until(loop, lambda: site.replicas() == 2, "done")
        until(loop, lambda: CONDITION not in loop.conditions, "nothing to be said any more")


def test_the_first_time_at_once_and_then_later_each_time() -> None:
    anew = Anew()
    assert anew.may("one", 0.0)
    assert not anew.may("one", 40.0)
    assert anew.may("one", 80.0)
    assert not anew.may("one", 160.0)
    assert anew.may("other", 160.0)
    assert (anew.times("one"), anew.times("never")) == (2, 0)
    anew.keep(["other"])
    assert anew.may("one", 160.0)
