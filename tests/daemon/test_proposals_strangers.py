"""Branches of proposals into which somebody put what we did not: it is counted, not opened, and taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.daemon import proposals
from reconciler.daemon.project_loop import ProjectLoop
from tests.daemon.forge_site import BRANCH, TITLE, branches, merge, on_a_forge
from tests.daemon.site import Site, git, until
from tests.forge.double import MALLORY, Double, Pull
from tests.repo.bombs import bomb

APPROVAL = "-approve-p1-02.yaml"


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


def proposed(site: Site, loop: ProjectLoop, forge: Double) -> str:
    site.problem("p1", TITLE)
    until(loop, forge.opened, "a pull request")
    return git(site.remote, "rev-parse", BRANCH)


def built_anew(site: Site, loop: ProjectLoop, forge: Double, bad: str) -> None:
    """It is withdrawn, and what stands there then is ours and does what it says."""
    until(loop, lambda: [each.number for each in forge.opened()] == [2], "a clean one")
    assert forge.pull(1).closed_by == "reconciler-bot"
    assert git(site.remote, "rev-parse", BRANCH) != bad
    merge(site, forge, forge.pull(2), "merge")
    until(loop, lambda: site.replicas() == 2, "done")


def test_a_tree_without_end_is_not_walked(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        bad = bomb(site.remote, BRANCH)
        git(site.remote, "update-ref", f"refs/heads/{BRANCH}", bad)
        built_anew(site, loop, forge, bad)


def test_a_link_that_says_the_same_is_no_file(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        head = proposed(site, loop, forge)
        git(site.clone, "fetch", "-q", "origin")
        git(site.clone, "checkout", "-q", "--detach", head)
        (path,) = [each for each in git(site.clone, "ls-files").splitlines() if each.endswith(APPROVAL)]
        blob = git(site.clone, "rev-parse", f"HEAD:{path}")
        git(site.clone, "update-index", "--cacheinfo", f"120000,{blob},{path}")
        git(site.clone, "commit", "-q", "--amend", "-m", "a link")
        git(site.clone, "push", "-q", "-f", "origin", f"HEAD:{BRANCH}")
        bad = git(site.clone, "rev-parse", "HEAD")
        git(site.clone, "checkout", "-q", "-f", "production")
        built_anew(site, loop, forge, bad)


def test_a_head_that_moved_is_looked_at_as_soon_as_the_forge_shows_it(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        head = proposed(site, loop, forge)
        while loop.tick():
            continue
        git(site.remote, "update-ref", f"refs/heads/{BRANCH}", git(site.remote, "rev-parse", "production"), head)
        until(loop, lambda: forge.pull(1).state == "closed", "withdrawn, although nobody looks at the branches yet")


def test_branches_of_nobody_go_some_at_a_time(site: Site, forge: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MOST", 3)
    tip = git(site.remote, "rev-parse", "production")
    for number in range(8):
        git(site.remote, "update-ref", f"refs/heads/proposals/production/a{number}", tip)
    with site.loop() as loop:
        proposed(site, loop, forge)
        until(loop, lambda: branches(site) == [BRANCH], "one is left")
        assert [each.head for each in forge.opened()] == [BRANCH]


def test_who_may_only_read_neither_declines_nor_stands_in_the_way(site: Site) -> None:
    with on_a_forge(site, "gitea") as forge:
        site.problem("p1", TITLE)
        with forge.lock:
            forge.pulls.append(Pull(1, BRANCH, "production", "hi", "", by=MALLORY))
        with site.loop() as loop:
            until(loop, lambda: [each.number for each in forge.opened()] == [2], "ours is opened")
            with forge.lock:
                text = forge.pull(2).body
                theirs = Pull(3, BRANCH, "production", "hi", text, forge.pull(2).sha, by=MALLORY)
                forge.pulls.append(theirs)
                forge.close(3, "mallory")
            asked = forge.count("GET", "/pulls")
            until(loop, lambda: forge.count("GET", "/pulls") > asked + 4, "looked at")
            assert site.events() == ["opened", "held"]
            forge.close(2, "ada")
            until(loop, lambda: "failed" in site.events(), "declined by who may")
            author = git(site.remote, "log", "-1", "--format=%an", "production", "--", "*decline*")
            assert author == "Ada"
