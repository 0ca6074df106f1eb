"""Whoever may push, and has no key, tries what he can: nothing of it comes to count, on one branch or on two."""

from __future__ import annotations

import pytest

from tests.daemon.agreement import check_agreement
from tests.daemon.signing_site import PERSON, TWO, Signed, sign_all
from tests.daemon.site import SCALING, Site, git
from tests.repo.signing_keys import OURS, make_key

PLAYBOOK = "carts/remediation.yaml"
TITLE = "Response time degradation"
SUSPEND = "ops/production/commands/20261122T100000.000Z-suspend.yaml"


@pytest.fixture
def signed(site: Site) -> Signed:
    return sign_all(site)


def push_merge(site: Site, tree: str, *parents: str) -> str:
    """Push an unsigned merge with the files of a tree."""
    git(site.clone, "fetch", "-q", "origin")
    made = git(site.clone, "commit-tree", tree, *(word for each in parents for word in ("-p", each)), "-m", "m")
    git(site.clone, "push", "-q", "-f", "origin", f"{made}:refs/heads/production")
    git(site.clone, "checkout", "-q", "-B", "production", made)
    return made


def test_an_unsigned_octopus_brings_nothing_and_takes_nothing_away(site: Site, signed: Signed) -> None:
    old = git(site.clone, "rev-parse", "HEAD")
    signed.push({PLAYBOOK: TWO}, by=signed.theirs)
    git(site.clone, "checkout", "-q", "-b", "one", old)
    site.write("carts/slo.yaml", "comparison: {}\n")
    git(site.clone, "add", "-A")
    git(site.clone, "commit", "-qm", "one")
    git(site.clone, "checkout", "-q", "-b", "two", old)
    site.write("stage.yaml", "suspended: true\n")
    git(site.clone, "add", "-A")
    git(site.clone, "commit", "-qm", "two")
    git(site.clone, "checkout", "-q", "production")
    site.problem("p1", TITLE)
    with site.loop() as loop:
        loop.tick()
        assert site.replicas() == 3
        tip = git(site.remote, "rev-parse", "production")
        git(site.clone, "fetch", "-q", "origin")
        git(site.clone, "checkout", "-q", "-B", "production", tip)
        for path, text in ((PLAYBOOK, SCALING), ("carts/slo.yaml", "comparison: {}\n"), ("stage.yaml", "wait: 1s\n")):
            site.write(path, text)
        git(site.clone, "add", "-A")
        push_merge(site, git(site.clone, "write-tree"), "one", "two", tip)
        loop.tick()
        assert tip[:12] in loop.conditions["production/unsigned"]
        assert site.replicas() == 3
        assert "restored" not in site.events()


def test_a_branch_rewritten_to_before_where_people_begin_stands_still(site: Site) -> None:
    site.push({PLAYBOOK: TWO}, "before anybody signs")
    signed = sign_all(site)
    signed.push({"stage.yaml": "wait: 1m\n"}, by=signed.theirs)
    with site.loop() as loop:
        loop.tick()
        root = git(site.remote, "rev-list", "--max-parents=0", "production").split()[0]
        git(site.clone, "push", "-q", "-f", "origin", f"{root}:refs/heads/production")
        git(site.clone, "checkout", "-q", "-B", "production", root)
        site.problem("p1", TITLE)
        loop.tick()
        assert "nothing on the branch of production is in force" in loop.conditions["production"]
    assert site.replicas() == 1


def test_our_key_says_nothing_for_people_where_its_line_is_for_everybody(site: Site, signed: Signed) -> None:
    """A line of `*` lets a person's key sign as ours, as ssh has it; ours still is no person's."""
    signed.allow(("*", signed.ours), (PERSON, signed.theirs))
    signed.push({PLAYBOOK: TWO}, by=signed.theirs)
    site.problem("p1", TITLE)
    with site.loop() as loop:
        loop.tick()
    assert site.replicas() == 3
    assert check_agreement(site) == len(site.events())


@pytest.mark.parametrize("option", ['namespaces="file"', 'valid-after="20990101Z"', 'valid-before="20000101Z"'])
def test_options_of_a_line_hold_for_a_daemon(site: Site, signed: Signed, option: str) -> None:
    signed.allow((OURS, signed.ours), (PERSON, signed.theirs, option))
    signed.push({PLAYBOOK: TWO}, by=signed.theirs)
    site.problem("p1", TITLE)
    with site.loop() as loop:
        loop.tick()
        assert "production/unsigned" in loop.conditions
        assert site.replicas() == 2
        signed.allow((OURS, signed.ours), (PERSON, signed.theirs))
        loop.tick()
        assert "production/unsigned" not in loop.conditions


def test_a_file_with_an_authority_lets_nothing_new_count_and_says_so(site: Site, signed: Signed) -> None:
    with site.loop() as loop:
        loop.tick()
        signed.allow((OURS, signed.ours), (PERSON, signed.theirs, "cert-authority"))
        signed.push({PLAYBOOK: TWO}, by=signed.theirs)
        loop.tick()
        assert "certificates are not taken" in loop.conditions["production/signers"]
        signed.allow((OURS, signed.ours), (PERSON, signed.theirs))
        site.problem("p1", TITLE)
        loop.tick()
        assert "production/signers" not in loop.conditions
    assert site.replicas() == 3


def apart(site: Site, signed: Signed) -> None:
    """Give the steps a branch of their own, by a signed commit."""
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\nopsBranch: ops/{stage}\n")
    with signed.signing(signed.theirs):
        git(site.clone, "commit", "-qam", "opsBranch")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "--orphan", "ops/production")
    git(site.clone, "rm", "-rfq", ".")


def on_ops(site: Site, signed: Signed, files: dict[str, str | None], *, by: bool = False) -> None:
    """Push to the branch of the steps."""
    if git(site.remote, "for-each-ref", "refs/heads/ops/production"):
        git(site.clone, "fetch", "-q", "origin")
        git(site.clone, "checkout", "-q", "-B", "ops/production", "origin/ops/production")
    for path, text in files.items():
        if text is None:
            git(site.clone, "rm", "-q", path)
        else:
            site.write(path, text)
    git(site.clone, "add", "-A")
    with signed.signing(signed.theirs if by else None):
        git(site.clone, "commit", "-qm", "a change")
    git(site.clone, "push", "-q", "origin", "ops/production")


@pytest.mark.parametrize("by", [True, False])
def test_commands_on_a_branch_of_their_own_are_judged_there(site: Site, signed: Signed, by: bool) -> None:
    apart(site, signed)
    on_ops(site, signed, {SUSPEND: "verb: suspend\n"}, by=by)
    on_ops(site, signed, {"ops/production/carts/problems/p1.yaml": f"title: {TITLE}\nstate: open\n"})
    with site.loop() as loop:
        loop.tick()
        assert site.replicas() == (1 if by else 2)
        if by:
            on_ops(site, signed, {SUSPEND: None})
            loop.tick()
            assert site.replicas() == 1
            on_ops(site, signed, {SUSPEND: None}, by=True)
            loop.tick()
    assert site.replicas() == 2


def test_an_unsigned_revert_of_a_decision_is_put_back_on_a_branch_of_its_own(site: Site, signed: Signed) -> None:
    apart(site, signed)
    on_ops(site, signed, {"ops/production/carts/problems/p1.yaml": f"title: {TITLE}\nstate: open\n"})
    with site.loop() as loop:
        loop.tick()
        assert site.replicas() == 2
        git(site.clone, "fetch", "-q", "origin")
        step = git(site.remote, "log", "-1", "--format=%H", "--grep=^Event: decided", "ops/production")
        git(site.clone, "checkout", "-q", "-B", "ops/production", "origin/ops/production")
        gone = git(site.remote, "diff-tree", "-r", "--no-commit-id", "--name-only", step).split()
        on_ops(site, signed, dict.fromkeys(path for path in gone if "remediations/" in path))
        loop.tick()
        events = git(site.remote, "log", "--format=%(trailers:key=Event,valueonly,separator=)", "ops/production")
        assert "restored" in events.split()
        assert "reverted" not in events.split()
    assert site.replicas() == 2


def test_a_key_that_is_revoked_while_a_daemon_runs_counts_no_more(site: Site) -> None:
    signed = sign_all(site, more=", revokedKeys: revoked")
    revoked, late = site.folder / "revoked", make_key(site.folder, "late")
    revoked.write_text("")
    signed.allow(*signed.lines, (PERSON, late))
    with site.loop() as loop:
        loop.tick()
        revoked.write_text(f"{late.public}\n")
        signed.push({PLAYBOOK: TWO}, by=late)
        site.problem("p1", TITLE)
        loop.tick()
        assert "is revoked" in loop.conditions["production/unsigned"]
    assert site.replicas() == 2
