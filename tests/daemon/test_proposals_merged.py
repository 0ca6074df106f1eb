"""What was merged and does not act yet, does not act any more, or was taken back: nobody is asked twice, or never."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.daemon.agenda import HELD
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.proposals_heads import approved
from reconciler.embedded.cluster.faults import Refuse, matching
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror
from tests.daemon.forge_site import BRANCH, TITLE, branches, merge, on_a_forge
from tests.daemon.site import Site, git, until
from tests.daemon.test_proposals_storms import asked
from tests.forge.double import Double


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


def proposed(site: Site, loop: ProjectLoop, forge: Double) -> None:
    site.problem("p1", TITLE)
    until(loop, forge.opened, "a pull request")


def test_approved_while_nothing_can_be_seen_it_is_asked_no_more(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        site.cluster.faults.add(Refuse(500), times=None, when=matching("GET"))
        merge(site, forge, forge.pull(1), "squash")
        git(site.remote, "update-ref", "-d", f"refs/heads/{BRANCH}")
        site.later(61)
        for _ in range(5):
            loop.tick()
        assert (branches(site), len(forge.pulls)) == ([], 1)
        assert site.events()[:2] == ["opened", "held"]
        site.cluster.faults.clear()
        site.later(HELD)
        until(loop, lambda: site.replicas() == 2, "done")


def test_merged_after_its_time_it_is_asked_anew(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        site.later(86_400)
        merge(site, forge, forge.pull(1), "merge")
        until(loop, lambda: [pull.number for pull in forge.opened()] == [2], "asked anew")
        assert site.replicas() == 1
        merge(site, forge, forge.pull(2), "merge")
        until(loop, lambda: site.replicas() == 2, "done")


def test_merged_and_taken_back_it_is_asked_anew(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        before = git(site.remote, "rev-parse", "production")
        merge(site, forge, forge.pull(1), "merge")
        git(site.clone, "fetch", "-q", "origin")
        git(site.clone, "checkout", "-q", "-B", "production", "origin/production")
        git(site.clone, "revert", "--no-edit", "-m", "1", "HEAD")
        git(site.clone, "push", "-q", "origin", "production")
        assert before != git(site.remote, "rev-parse", "production")
        until(loop, lambda: [pull.number for pull in forge.opened()] == [2], "asked anew")
        assert (site.events(), site.replicas()) == (["opened", "held"], 1)
        merge(site, forge, forge.pull(2), "squash")
        until(loop, lambda: site.replicas() == 2, "done")


def test_what_the_stage_has_as_it_was_proposed_is_approved(site: Site) -> None:
    one = asked(1)
    path, content = one.approval()
    with Mirror.open(site.folder / "mirror", str(site.remote)) as mirror:
        assert not approved(mirror, CommitId(git(site.remote, "rev-parse", "production")), one)
        assert approved(mirror, CommitId(site.push({path: content.decode()})), one)
        other = content.decode().replace("0" * 16, "1" * 16)
        assert not approved(mirror, CommitId(site.push({path: other})), one), "another effect"
        assert not approved(mirror, CommitId(site.push({path: "x" * (2 << 20)})), one), "larger than any command"
