"""Killed at any moment, or one of several: there is one branch and one pull request, and one answer to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.daemon.forge_site import BRANCH, TITLE, branches, merge, on_a_forge
from tests.daemon.site import Site, git, until
from tests.forge.double import Double


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


PROPOSING = ("after-proposal-push", "after-proposal-opened")


@pytest.mark.parametrize("point", PROPOSING)
def test_killed_while_proposing_there_is_one_proposal_in_the_end(site: Site, forge: Double, point: str) -> None:
    site.problem("p1", TITLE)
    assert site.pass_once(point) == -9
    assert branches(site) == [BRANCH]
    assert len(forge.pulls) == (1 if point == "after-proposal-opened" else 0)
    shutil.rmtree(site.folder / "state")
    with site.loop() as loop:
        until(loop, forge.opened, "opened")
        assert branches(site) == [BRANCH]
        assert len(forge.pulls) == 1
        merge(site, forge, forge.pulls[0], "squash")
        until(loop, lambda: site.events()[-1:] == ["applied"], "done")


@pytest.mark.parametrize("point", ["before-decline-push", "after-decline-push"])
def test_killed_while_declining_it_is_declined_once(site: Site, forge: Double, point: str) -> None:
    site.problem("p1", TITLE)
    assert site.pass_once() == 0
    forge.close(1)
    assert site.pass_once(point) == -9
    shutil.rmtree(site.folder / "state")
    with site.loop() as loop:
        until(loop, lambda: site.events() == ["opened", "held", "failed", "escalated"], "declined")
        until(loop, lambda: not branches(site), "the branch taken away")
    listed = git(site.remote, "ls-tree", "-r", "--name-only", "production", "ops/production/carts/commands/")
    assert len(listed.splitlines()) == 1
    assert len(forge.pulls) == 1


def test_a_single_pass_takes_in_what_people_did_on_the_forge(site: Site, forge: Double) -> None:
    site.problem("p1", TITLE)
    assert site.pass_once() == 0
    assert len(forge.opened()) == 1
    forge.close(1, "ada")
    assert site.pass_once() == 0
    assert site.events()[:3] == ["opened", "held", "failed"]


def test_two_daemons_open_one_and_answer_once(site: Site, forge: Double) -> None:
    shutil.copytree(site.folder, other := site.folder / "other", ignore=shutil.ignore_patterns("other", "*.git"))
    text = site.config.read_text().replace("url: remote.git", f"url: {site.remote}")
    (other / "reconciler.yaml").write_text(
        text.replace("kubeconfig: kubeconfig", f"kubeconfig: {site.folder}/kubeconfig")
    )
    site.problem("p1", TITLE)
    with site.loop() as one:
        mine, site.config = site.config, other / "reconciler.yaml"
        with site.loop() as two:
            site.config = mine

            def both(met: bool) -> bool:
                two.tick()
                return met

            until(one, lambda: both(len(forge.opened()) == 1), "opened")
            for _ in range(4):
                both(one.tick() == ())
            assert len(forge.pulls) == 1
            for each in (one, two):  # a forge cannot keep one from opening a second where the first was closed already
                each.unblock()
                assert each._around.forge is not None
                each._around.forge.settle(60.0)
            assert len(forge.pulls) == 1
            forge.close(1)
            until(one, lambda: both(site.events()[-1:] == ["escalated"]), "declined")
            until(one, lambda: both(not branches(site)), "the branch taken away")
    assert site.events() == ["opened", "held", "failed", "escalated"]
    assert len(forge.pulls) == 1
