"""What needs approval is proposed by a pull request: merged it is done, closed it is declined, stale it is rebuilt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.daemon.project_loop import ProjectLoop
from tests.daemon.forge_site import BRANCH, TITLE, TWO_ACTIONS, branches, merge, on_a_forge
from tests.daemon.site import Site, git, until
from tests.forge.double import KINDS, Double, Fault

APPROVE = "ops/production/carts/commands/"


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


def proposed(site: Site, loop: ProjectLoop, forge: Double, name: str = "p1") -> None:
    site.problem(name, TITLE)
    until(loop, forge.opened, "a pull request")


def test_a_branch_adds_the_file_that_approves_and_nothing_else(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        (pull,) = forge.opened()
        assert (pull.head, pull.base) == (BRANCH, "production")
        assert pull.title == "Approve carts: scale 1 → 2 (Response time degradation)"
        assert git(site.remote, "rev-list", "--count", f"production..{BRANCH}") == "1"
        (path,) = git(site.remote, "diff", "--name-only", f"production...{BRANCH}").splitlines()
        assert path.startswith(APPROVE)
        assert path.endswith("-approve-p1-02.yaml")
        text = git(site.remote, "show", f"{BRANCH}:{path}")
        for said in ("# carts: scale 1 → 2", "replicas: 1 to 2", "problem p1: Response", "approved until", "effect:"):
            assert said in text
        for said in ("`scale 1 → 2`", "`1` → `2`", "What was seen", "Merging", "Closing", "`p1`", "brought by "):
            assert said in pull.body
        brought = git(
            site.remote, "log", "-1", "--format=%H", "production", "--", "ops/production/carts/problems/p1.yaml"
        )
        assert brought in pull.body, "links to the commit of the problem"
        assert site.replicas() == 1
        loop.tick()
        assert len(forge.pulls) == 1


@pytest.mark.parametrize("how", ["merge", "squash", "rebase", "fast-forward"])
def test_merged_it_is_approved_by_whoever_merged(site: Site, forge: Double, how: str) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        if how != "fast-forward":
            site.push({"carts/service.yaml": "labels: {team: shop}\n"}, "meanwhile the stage moved")
        merge(site, forge, forge.pulls[0], how)
        until(loop, lambda: site.events()[-1:] == ["applied"], "applied")
        assert site.events() == ["opened", "held", "released", "decided", "applied"]
        assert site.replicas() == 2
        who = "somebody" if how == "fast-forward" else "Bea"
        assert site.subjects()[-3].startswith(f"carts: approved by {who}")
        until(loop, lambda: not branches(site), "the branch taken away")
        assert forge.pulls[0].comments == []


@pytest.mark.parametrize("kind", KINDS)
def test_closed_it_is_declined_by_whoever_closed_and_the_next_action_follows(site: Site, kind: str) -> None:
    site.push({"carts/remediation.yaml": TWO_ACTIONS})
    with on_a_forge(site, kind) as forge, site.loop() as loop:
        proposed(site, loop, forge)
        forge.close(1, "ada")
        until(loop, lambda: len(forge.opened()) == 1, "the next action is proposed")
        assert site.events() == ["opened", "held", "failed", "held"]
        author = git(site.remote, "log", "-1", "--format=%an|%cn|%s", "production", "--", f"{APPROVE}*decline*")
        who, rest = author.split("|", 1)
        assert (who.lower(), rest) == ("ada", "reconciler|carts: decline scale 1 → 2")
        assert "scale 1 → 3" in forge.opened()[0].title
        until(loop, lambda: branches(site) == ["proposals/production/p1-04"], "one branch")
        assert forge.pull(1).comments == [], "a person has closed it, and we say nothing"


def test_where_the_effect_differs_it_is_proposed_again(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        site.cluster.patch(
            "Deployment", "sockshop-production", "carts-primary", {"spec": {"replicas": 3}}, manager="ops"
        )
        merge(site, forge, forge.pulls[0], "merge")
        until(loop, forge.opened, "proposed again")
        assert site.events() == ["opened", "held", "released", "held"]
        assert "scale 3 → 4" in forge.opened()[0].title
        assert site.replicas() == 3
        merge(site, forge, forge.opened()[0], "squash")
        until(loop, lambda: site.replicas() == 4, "done")


@pytest.mark.parametrize("how", ["resolved by its source", "approved by a file", "no approval needed"])
def test_nobody_has_to_approve_it_any_more(site: Site, forge: Double, how: str) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        match how:
            case "resolved by its source":
                site.problem("p1", TITLE, "resolved")
            case "approved by a file":
                name = "20261121T100000Z-approve-p1-02.yaml"
                site.push({APPROVE + name: "verb: approve\nremediation: p1\nstep: 2\n"})
            case _:
                site.push({"stage.yaml": ""})
        until(loop, lambda: not branches(site), "the branch taken away")
        (pull,) = forge.pulls
        assert (pull.state, pull.closed_by) == ("closed", "reconciler-bot")
        assert pull.comments == [
            "Withdrawn: nobody has to approve this any more, or something else is proposed instead."
        ]
        assert "failed" not in site.events(), "that we closed it is nobody's no"


def test_after_its_time_it_is_proposed_anew(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        site.later(86_400)
        until(loop, lambda: branches(site) == ["proposals/production/p1-03"], "the next one")
        until(loop, lambda: [each.head for each in forge.opened()] == ["proposals/production/p1-03"], "one is open")
        assert forge.pull(1).closed_by == "reconciler-bot"
        assert site.events() == ["opened", "held", "held"]


def test_a_stage_that_was_rewritten_has_its_proposals_built_anew(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        old = git(site.remote, "rev-parse", BRANCH)
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        git(site.clone, "commit", "-q", "--amend", "-m", "written anew")
        git(site.clone, "push", "-q", "-f", "origin", "production")
        until(loop, lambda: [pull.number for pull in forge.opened()] == [2], "built anew")
        now = git(site.remote, "rev-parse", forge.opened()[0].head)
        assert now != old
        merge(site, forge, forge.opened()[0], "merge")
        until(loop, lambda: site.replicas() == 2, "done")


def test_a_conflict_with_a_stage_that_moved_is_built_anew(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        site.push({"carts/service.yaml": "labels: {team: shop}\n"}, "the stage moves")
        old = git(site.remote, "rev-parse", BRANCH)
        forge.pulls[0].conflicts = True
        until(loop, lambda: len(forge.pulls) == 2, "built anew")
        assert (forge.pull(1).state, forge.pull(2).head) == ("closed", BRANCH)
        assert git(site.remote, "rev-parse", BRANCH) != old
        assert git(site.remote, "merge-base", BRANCH, "production") == git(site.remote, "rev-parse", "production")
        assert site.events() == ["opened", "held"]


def test_what_somebody_else_put_into_the_branch_is_not_proposed(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        git(site.clone, "fetch", "-q", "origin")
        git(site.clone, "checkout", "-q", "-B", "evil", f"origin/{BRANCH}")
        site.write("carts/remediation.yaml", "remediations: []\n")
        git(site.clone, "commit", "-qam", "along with it")
        git(site.clone, "push", "-q", "origin", f"evil:{BRANCH}")
        git(site.clone, "checkout", "-q", "production")
        site.later(61)
        until(loop, lambda: [pull.number for pull in forge.opened()] == [2], "a clean one")
        assert git(site.remote, "diff", "--name-only", f"production...{BRANCH}").endswith("-approve-p1-02.yaml")


def test_a_branch_brought_up_to_date_by_its_button_stays(site: Site, forge: Double) -> None:
    with site.loop() as loop:
        proposed(site, loop, forge)
        site.push({"carts/service.yaml": "labels: {team: shop}\n"}, "the stage moves")
        git(site.clone, "fetch", "-q", "origin")
        git(site.clone, "checkout", "-q", "-B", "update", f"origin/{BRANCH}")
        git(site.clone, "merge", "-q", "--no-ff", "-m", "Merge production", "origin/production")
        git(site.clone, "push", "-q", "origin", f"update:{BRANCH}")
        git(site.clone, "checkout", "-q", "production")
        site.later(61)
        for _ in range(3):
            loop.tick()
        assert [pull.state for pull in forge.pulls] == ["open"]
        merge(site, forge, forge.pulls[0], "merge")
        until(loop, lambda: site.replicas() == 2, "done")


def test_a_forge_that_is_down_holds_up_nothing(site: Site, forge: Double) -> None:
    forge.token = "another"
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, lambda: "401" in loop.conditions.get("forge", ""), "said so")
        assert branches(site) == [BRANCH]
        site.push({f"{APPROVE}20261121T100000Z-approve-p1-02.yaml": "verb: approve\nremediation: p1\nstep: 2\n"})
        until(loop, lambda: site.replicas() == 2, "approved by a file")
        forge.token = (site.folder / "forge.token").read_text()
        loop.unblock()
        until(loop, lambda: "forge" not in loop.conditions and not branches(site), "goes on")


def test_an_answer_that_was_lost_makes_no_second_pull_request(site: Site, forge: Double) -> None:
    forge.faults = [Fault(502, {"message": "bad gateway"}, after=True, only="POST")]
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, forge.opened, "opened, and nobody heard of it")
        loop.unblock()
        asked = forge.count("GET", "/pulls")
        until(loop, lambda: forge.count("GET", "/pulls") > asked + 2, "looked at again")
        until(loop, lambda: "forge" not in loop.conditions, "goes on")
        assert len(forge.pulls) == 1
