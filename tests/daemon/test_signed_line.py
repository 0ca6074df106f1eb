"""With `allowedSigners` what was signed for is not undone by order of parents, by deletion, or by when one looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from tests.daemon.agreement import check_agreement
from tests.daemon.signing_site import TWO, Signed, sign_all
from tests.daemon.site import Site, git
from tests.daemon.test_signed_forged import another

PLAYBOOK = "carts/remediation.yaml"
COMMANDS = "ops/production/commands"
SUSPEND = f"{COMMANDS}/20261122T100000.000Z-suspend.yaml"
RESUME = f"{COMMANDS}/20261122T100001.000Z-resume.yaml"
TITLE = "Response time degradation"


@pytest.fixture
def signed(site: Site) -> Signed:
    return sign_all(site)


def conditions(site: Site, name: str) -> dict[str, str]:
    """Return what a daemon says that starts with nothing."""
    with another(site, name=name) as fresh:
        fresh.tick()
        return dict(fresh.conditions)


def push_merge(site: Site, tree: str, *parents: str) -> None:
    """Push an unsigned merge with the files of a tree."""
    made = git(site.clone, "commit-tree", tree, *(word for each in parents for word in ("-p", each)), "-m", "a merge")
    git(site.clone, "push", "-q", "origin", f"{made}:refs/heads/production")
    git(site.clone, "fetch", "-q", "origin")
    git(site.clone, "checkout", "-q", "-B", "production", "origin/production")


@pytest.mark.parametrize("how", ["deleted", "changed"])
@pytest.mark.parametrize("running", [True, False])
def test_a_signed_suspend_is_not_lifted_without_a_signature(
    site: Site, signed: Signed, how: str, running: bool
) -> None:  # fmt: skip
    signed.push({SUSPEND: "verb: suspend\n"}, by=signed.theirs)
    site.problem("p1", TITLE)
    with site.loop() as loop:
        if running:
            loop.tick()
        signed.push({SUSPEND: None if how == "deleted" else "verb: resume\n"})
        loop.tick()
        assert site.replicas() == 1
        assert git(site.remote, "show", f"production:{SUSPEND}") == "verb: suspend"
        author = git(site.remote, "log", "-1", "--format=%an, %cn", "production", "--", SUSPEND)
        assert author == "A Person, reconciler"
        signed.push({SUSPEND: None}, by=signed.theirs)
        loop.tick()
        assert site.replicas() == 2
    assert check_agreement(site) == len(site.events())


def test_a_signed_resume_is_not_taken_away_without_a_signature(site: Site, signed: Signed) -> None:
    signed.push({SUSPEND: "verb: suspend\n"}, by=signed.theirs)
    signed.push({RESUME: "verb: resume\n"}, by=signed.theirs)
    with site.loop() as loop:
        loop.tick()
        signed.push({RESUME: None})
        site.problem("p1", TITLE)
        loop.tick()
    assert site.replicas() == 2


def test_an_unsigned_command_is_not_put_back(site: Site, signed: Signed) -> None:
    with site.loop() as loop:
        loop.tick()
        signed.push({SUSPEND: "verb: suspend\n"})
        signed.push({SUSPEND: None})
        site.problem("p1", TITLE)
        loop.tick()
    assert site.replicas() == 2


def test_without_a_key_of_our_own_the_stage_is_held_instead(site: Site) -> None:
    signed = sign_all(site, steps=False)
    signed.push({SUSPEND: "verb: suspend\n"}, by=signed.theirs)
    signed.push({SUSPEND: None})
    site.problem("p1", TITLE)
    with site.loop() as loop:
        loop.tick()
        assert "taken away or changed by a commit that does not count" in loop.conditions["production"]
    assert site.replicas() == 1


def test_a_verdict_is_of_the_commit_that_brought_a_command(site: Site, signed: Signed) -> None:
    """The same content came by a signed commit before, and was taken away by another."""
    signed.push({SUSPEND: "verb: suspend\n"}, by=signed.theirs)
    with site.loop() as loop:
        loop.tick()
        signed.push({SUSPEND: None}, by=signed.theirs)
        loop.tick()
        signed.push({SUSPEND: "verb: suspend\n"})
        site.problem("p1", TITLE)
        loop.tick()
    assert site.events()[0] == "refused"
    assert site.replicas() == 2


@pytest.mark.parametrize("first", ["old", "tip"])
@pytest.mark.parametrize("running", [True, False])
def test_a_withdrawn_command_does_not_come_back_by_a_merge(
    site: Site, signed: Signed, first: str, running: bool
) -> None:  # fmt: skip
    signed.push({"stage.yaml": "approval: required\n"}, by=signed.theirs)
    approve = "ops/production/carts/commands/20261122T100000.000Z-approve-p1-00.yaml"
    signed.push({approve: "verb: approve\nremediation: p1\n"}, by=signed.theirs)
    old = git(site.clone, "rev-parse", "HEAD")
    signed.push({approve: None}, by=signed.theirs)
    site.problem("p1", TITLE)
    with site.loop() as loop:
        if running:
            loop.tick()
        git(site.clone, "fetch", "-q", "origin")
        tip = git(site.clone, "rev-parse", "origin/production")
        git(site.clone, "checkout", "-q", "--detach", tip)
        git(site.clone, "checkout", old, "--", approve)
        tree = git(site.clone, "write-tree")
        push_merge(site, tree, *((old, tip) if first == "old" else (tip, old)))
        loop.tick()
        loop.tick()
    assert site.replicas() == 1
    assert "released" not in site.events()


@pytest.mark.parametrize("by", ["a person", "nobody"])
@pytest.mark.parametrize("what", ["signed", "unsigned"])
def test_a_running_daemon_and_one_that_starts_agree_on_a_merge_by_pulling(
    site: Site, signed: Signed, by: str, what: str
) -> None:
    """Somebody with a commit of his own, from before what came meanwhile, pulls and pushes the merge."""
    old = git(site.remote, "rev-parse", "production")
    with site.loop() as loop:
        loop.tick()
        good = signed.push({PLAYBOOK: TWO}, by=signed.theirs if what == "signed" else None)
        loop.tick()
        git(site.clone, "checkout", "-q", "--detach", old)
        with signed.signing(signed.theirs if by == "a person" else None):
            site.write("ops/production/carts/problems/p1.yaml", f"title: {TITLE}\nstate: open\n")
            git(site.clone, "add", "-A")
            git(site.clone, "commit", "-qm", "a problem")
            git(site.clone, "merge", "-q", "--no-edit", "-m", "pull", good)
        git(site.clone, "push", "-q", "origin", "HEAD:refs/heads/production")
        git(site.clone, "fetch", "-q", "origin")
        git(site.clone, "checkout", "-q", "-B", "production", "origin/production")
        before = conditions(site, "second")
        loop.tick()
        assert dict(loop.conditions) == before
    if what == "signed":
        assert before == {}
        assert site.replicas() == 3, "what was signed for is not rolled back"
    elif by == "nobody":
        assert set(before) == {"production/unsigned"}
        assert site.replicas() == 2


@pytest.fixture
def fresh_site(tmp_path: Path) -> Iterator[Site]:
    with EmbeddedCluster() as cluster:
        yield Site(tmp_path, cluster)


@pytest.mark.parametrize("first", ["production", "main"])
@pytest.mark.parametrize("steps", [True, False])
def test_a_chosen_commit_of_another_branch_begins_nothing(fresh_site: Site, first: str, steps: bool) -> None:
    """Whoever may push merges the default branch, whose chosen commit counts there, and takes what he likes."""
    site = fresh_site
    signed = sign_all(site, steps=steps)
    site.problem("p1", TITLE)
    signed.push({PLAYBOOK: TWO})
    git(site.clone, "fetch", "-q", "origin")
    tree = git(site.clone, "rev-parse", "origin/production^{tree}")
    parents = ("origin/production", "origin/main")
    push_merge(site, tree, *(parents if first == "production" else parents[::-1]))
    with site.loop() as loop:
        loop.tick()
        assert dict(loop.conditions) != {}
    assert site.replicas() == (2 if first == "production" else 1)
