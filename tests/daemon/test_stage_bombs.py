"""A stage whose branch is a bomb stands still and says why; the others go on, and so does it when it is mended."""

from __future__ import annotations

import pytest

from reconciler.daemon.inbox import Receipt
from reconciler.repo import children
from reconciler.repo import reader as reader_module
from tests.daemon.reporting import report
from tests.daemon.site import Site, deployment, git, until
from tests.repo.bombs import bomb


@pytest.fixture
def two(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A second stage `staging`, whose branch holds what can be followed; the bounds are lower than the real ones."""
    monkeypatch.setattr(children, "DIFF_MEMORY", 10 << 20)
    monkeypatch.setattr(reader_module, "_LISTED", 20_000)
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [staging, production]\n")
    git(site.clone, "commit", "-qam", "two stages")
    git(site.clone, "push", "-q", "origin", "main", "production:staging")
    git(site.clone, "checkout", "-q", "production")
    site.cluster.create(
        {**deployment("carts-primary"), "metadata": {"name": "carts-primary", "namespace": "sockshop-staging"}}
    )
    site.config.write_text(site.config.read_text() + "      staging:\n        kubernetes: {kubeconfig: kubeconfig}\n")
    return site


def drop(site: Site) -> tuple[str, str]:
    """Make staging a bomb. Returns the commit and the one before it."""
    good = git(site.remote, "rev-parse", "staging")
    bad = bomb(site.remote, good)
    git(site.remote, "update-ref", "refs/heads/staging", bad)
    return bad, good


def mend(site: Site, good: str) -> None:
    tree = git(site.remote, "rev-parse", f"{good}^{{tree}}")
    mended = git(site.remote, "commit-tree", "-p", "staging", "-m", "take it away", tree)
    git(site.remote, "update-ref", "refs/heads/staging", mended)


@pytest.mark.parametrize("warm", [True, False], ids=["it ran before", "it starts on it"])
def test_it_is_held_with_the_reason_while_others_go_on(two: Site, warm: bool) -> None:
    with two.loop() as loop:
        if warm:
            assert loop.tick() == ()
        bad, good = drop(two)
        two.problem("p1", "Response time degradation")
        until(loop, lambda: two.events()[-1:] == ["applied"], "production goes on")
        told = loop.conditions["staging"]
        assert "the branch of staging is too large to be looked at" in told
        assert f"`a bomb` of Mallory brought it (commit {bad[:12]})" in told
        assert "take the folders out that are no configuration" in told
        assert "production" not in loop.conditions
        assert not two.cluster.get("Deployment", "sockshop-staging", "carts-primary")["spec"]["replicas"] > 1
        # What is reported meanwhile is not lost: who reports keeps it.
        receipts = loop.inbox.submit([report(stage="staging")])
        loop.unblock()
        loop.tick()
        [receipt] = receipts.result(timeout=60)
        assert isinstance(receipt, Receipt)
        assert not receipt.durable
        mend(two, good)
        again = loop.inbox.submit([report(stage="staging")])
        loop.unblock()
        until(loop, lambda: "staging" not in loop.conditions, "staging goes on")
        assert again.result(timeout=60)[0].durable
        until(loop, lambda: scaled(two, "staging"), "staging acts")
    assert scaled(two, "production")


def scaled(site: Site, stage: str) -> bool:
    return bool(site.cluster.get("Deployment", f"sockshop-{stage}", "carts-primary")["spec"]["replicas"] == 2)
