"""With `allowedSigners` commands take effect only by signed commits, and who asked by another is told why not."""

from __future__ import annotations

import pytest

from reconciler.bridge.people import Person
from reconciler.bridge.petition import Petition
from reconciler.model.command import Command
from reconciler.model.names import ServicePath, StageName
from tests.daemon.agreement import check_agreement
from tests.daemon.signing_site import Signed, sign_all
from tests.daemon.site import Site, git, until
from tests.repo.signing_keys import OURS, make_key

FOLDER = "ops/production/carts/commands"
APPROVE = "verb: approve\nremediation: p1\n"
SUSPEND = "verb: suspend\n"


@pytest.fixture
def signed(site: Site) -> Signed:
    made = sign_all(site)
    made.push({"stage.yaml": "approval: required\n"}, by=made.theirs)
    site.problem("p1", "Response time degradation")
    return made


def last_step(site: Site) -> str:
    return git(site.remote, "log", "-1", "--author=reconciler", "--format=%B", "production")


def test_an_unsigned_approval_releases_nothing_and_is_answered(site: Site, signed: Signed) -> None:
    with site.loop() as loop:
        loop.tick()
        bad = signed.push({f"{FOLDER}/20261122T100000.000Z-approve-p1-00.yaml": APPROVE})
        loop.tick()
        assert site.replicas() == 1
        assert site.events()[-1] == "refused"
        assert f"It came by {bad[:12]}, which does not count: it is not signed" in last_step(site)
        assert "Ask again in a new file, by a signed commit" in last_step(site)
        assert loop.tick() == ()
    assert check_agreement(site) == len(site.events())


def test_a_signed_one_does_also_after_an_unsigned_one(site: Site, signed: Signed) -> None:
    with site.loop() as loop:
        loop.tick()
        signed.push({f"{FOLDER}/20261122T100000.000Z-approve-p1-00.yaml": APPROVE})
        loop.tick()
        signed.push({f"{FOLDER}/20261122T100001.000Z-approve-p1-00.yaml": APPROVE}, by=signed.theirs)
        loop.tick()
    assert site.replicas() == 2
    assert check_agreement(site) == len(site.events())


def test_a_strangers_key_approves_nothing(site: Site, signed: Signed) -> None:
    with site.loop() as loop:
        loop.tick()
        signed.push(
            {f"{FOLDER}/20261122T100000.000Z-approve-p1-00.yaml": APPROVE}, by=make_key(site.folder, "stranger")
        )
        loop.tick()
    assert site.replicas() == 1
    assert "is nobody's who may sign" in last_step(site)


@pytest.mark.parametrize("where", [FOLDER, "ops/production/commands"])
def test_an_unsigned_suspend_suspends_nothing_and_the_one_before_stays(site: Site, signed: Signed, where: str) -> None:
    signed.push({"stage.yaml": None}, by=signed.theirs)
    signed.push({f"{where}/20261122T100000.000Z-suspend.yaml": SUSPEND})
    with site.loop() as loop:
        loop.tick()
        assert site.replicas() == 2
        assert site.events()[0] == "refused"
        signed.push({f"{where}/20261122T100001.000Z-suspend.yaml": SUSPEND}, by=signed.theirs)
        signed.push({f"{where}/20261122T100002.000Z-resume.yaml": "verb: resume\n"})
        site.problem("p1", "Response time degradation", "resolved")
        site.problem("p2", "Response time degradation")
        loop.tick()
    assert last_step(site).startswith("carts: held: suspended")
    assert "suspended by A Person" in last_step(site)
    assert check_agreement(site) == len(site.events())


@pytest.mark.parametrize("by_whom", ["nobody", "a person"])
def test_a_revert_undoes_only_if_it_is_signed(site: Site, signed: Signed, by_whom: str) -> None:
    signed.push({"stage.yaml": None}, by=signed.theirs)
    with site.loop() as loop:
        until(loop, lambda: site.replicas() == 2, "scaled")
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        found = git(site.clone, "log", "--grep=^Event: decided", "--format=%H", "-1")
        with signed.signing(signed.theirs if by_whom == "a person" else None):
            git(site.clone, "revert", "--no-edit", found)
        site.push_head()
        loop.tick()
    assert ("reverted" in site.events()) == (by_whom == "a person")
    assert ("restored" in site.events()) == (by_whom == "nobody")
    assert site.replicas() == (1 if by_whom == "a person" else 2)
    assert check_agreement(site) == len(site.events())


def test_what_the_bridge_takes_counts_by_the_daemons_signature(site: Site, signed: Signed) -> None:
    with site.loop() as loop:
        loop.tick()
        ask = Petition(
            StageName("production"), ServicePath("carts"), Command("approve", "p1"), Person("Ada", "ada@example.org")
        )
        loop.inbox.petitions.ask(ask)
        loop.tick()
        loop.tick()
    assert site.replicas() == 2
    assert any("approved by Ada" in each for each in site.subjects())


def test_without_a_key_of_its_own_the_daemon_says_nothing_for_people(site: Site) -> None:
    made = sign_all(site, steps=False)
    made.push({"stage.yaml": "approval: required\n"}, by=made.theirs)
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        ask = Petition(
            StageName("production"), ServicePath("carts"), Command("approve", "p1"), Person("Ada", "ada@example.org")
        )
        loop.inbox.petitions.ask(ask)
        loop.tick()
        loop.tick()
    assert site.replicas() == 1
    assert "which does not count: it is not signed" in last_step(site)
    assert check_agreement(site) == len(site.events())


def test_while_nobody_can_say_who_may_sign_a_command_waits(site: Site, signed: Signed) -> None:
    with site.loop() as loop:
        loop.tick()
        away = signed.allowed.rename(site.folder / "away")
        signed.push({f"{FOLDER}/20261122T100000.000Z-approve-p1-00.yaml": APPROVE}, by=signed.theirs)
        loop.tick()
        assert "nobody can say who may sign" in loop.conditions["production"]
        assert "refused" not in site.events()
        away.rename(signed.allowed)
        loop.unblock()
        loop.tick()
    assert site.replicas() == 2


def test_problems_need_nobodys_signature(site: Site, signed: Signed) -> None:
    signed.allow((OURS, signed.ours))
    with site.loop() as loop:
        site.push({"ops/production/carts/problems/p9.yaml": "title: Unknown\nstate: open\n"})
        loop.tick()
    assert "unmatched" in site.events() or "refused" in site.events() or "held" in site.events()
