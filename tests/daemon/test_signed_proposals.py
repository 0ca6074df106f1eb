"""With `allowedSigners` a proposal is approved by a person's signature, never by ours under the proposal itself."""

from __future__ import annotations

import pytest

from reconciler.bridge.people import Person
from reconciler.bridge.petition import Petition
from reconciler.cli.main import run
from reconciler.model.command import Command
from reconciler.model.errors import UserError
from reconciler.model.names import ServicePath, StageName
from tests.daemon.forge_site import BRANCH, TITLE, on_a_forge
from tests.daemon.signing_site import sign_all
from tests.daemon.site import Site, git, until


def bring(site: Site, how: str) -> None:
    """Move production to a proposal, unsigned, in one of the ways open to whoever may push."""
    git(site.clone, "fetch", "-q", "origin")
    if how == "fast-forward":
        made = f"origin/{BRANCH}"
    else:
        tree = git(site.clone, "rev-parse", f"origin/{BRANCH}^{{tree}}")
        parents = [f"origin/{BRANCH}", "origin/production"]
        parents = parents if how == "foxtrot" else parents[::-1]
        made = git(site.clone, "commit-tree", tree, "-p", parents[0], "-p", parents[1], "-m", "a merge")
    git(site.clone, "push", "-q", "origin", f"{made}:refs/heads/production")


@pytest.mark.parametrize("how", ["fast-forward", "foxtrot", "merge"])
def test_whoever_may_push_cannot_approve_by_moving_the_branch_to_the_proposal(site: Site, how: str) -> None:
    with on_a_forge(site) as forge:
        signed = sign_all(site)
        with site.loop() as loop:
            site.problem("p1", TITLE)
            until(loop, forge.opened, "a pull request")
            base = git(site.remote, "rev-parse", "production")
            bring(site, how)
            for _ in range(4):
                loop.tick()
        assert site.replicas() == 1
        assert "released" not in site.events()
        words = ["verify", f"{base}..production", "--repo", str(site.remote), "--stage", "production"]
        assert run([*words, "--allowed-signers", str(signed.allowed), "--people"]) == 1


def test_nobody_asks_in_reconcilers_own_name(site: Site) -> None:
    sign_all(site)
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        person = Person("reconciler", "Reconciler@localhost")
        asked = loop.inbox.petitions.ask(
            Petition(StageName("production"), ServicePath("carts"), Command("undo", "p1"), person)
        )
        loop.tick()
        with pytest.raises(UserError, match="own address"):
            asked.result(timeout=60)
