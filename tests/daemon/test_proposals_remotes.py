"""Proposals where the remote is behind a network, has branches of its own for steps, or does not want them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.forge_site import BRANCH, TITLE, branches, merge, on_a_forge
from tests.daemon.site import SCALING, Site, deployment, git, until
from tests.forge.double import Double


@pytest.fixture
def forge(site: Site) -> Iterator[Double]:
    with on_a_forge(site) as double:
        yield double


def conversations(loop: ProjectLoop, server: GitHttpServer) -> int:
    """Return how often a look asks the remote for anything."""
    server.journal.clear()
    loop.tick()
    return sum("info/refs" in each.target for each in list(server.journal))


def test_behind_a_network_they_come_and_go_and_cost_nothing_while_they_wait(site: Site, forge: Double) -> None:
    git(site.remote, "config", "http.receivepack", "true")
    with GitHttpServer(site.folder) as server:
        site.config.write_text(site.config.read_text().replace("remote.git", f'"{server.url}/remote.git"'))
        with site.loop() as loop:
            site.problem("p1", TITLE)
            until(loop, forge.opened, "a pull request")
            asked = [conversations(loop, server) for _ in range(4)]
            assert min(asked) == 1, "the stage's tip, as ever; once in a while others are looked for"
            merge(site, forge, forge.pulls[0], "merge")
            until(loop, lambda: site.replicas() == 2 and not branches(site), "done")
    assert site.events()[:4] == ["opened", "held", "released", "decided"]


def test_where_steps_have_a_branch_of_their_own_the_file_goes_there(site: Site, forge: Double) -> None:
    git(site.clone, "fetch", "-q", "origin")
    git(site.clone, "checkout", "-q", "main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\nopsBranch: ops/{stage}\n")
    git(site.clone, "commit", "-qam", "steps apart")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "checkout", "-q", "production")
    git(site.clone, "push", "-q", "origin", "production:ops/production")
    git(site.clone, "checkout", "-q", "-b", "steps")
    site.write("ops/production/carts/problems/p1.yaml", f"title: {TITLE}\nstate: open\n")
    git(site.clone, "add", "-A")
    git(site.clone, "commit", "-qm", "p1 open")
    git(site.clone, "push", "-q", "origin", "steps:ops/production")
    git(site.clone, "checkout", "-q", "production")
    with site.loop() as loop:
        until(loop, forge.opened, "a pull request")
        assert forge.pulls[0].base == "ops/production"
        merge(site, forge, forge.pulls[0], "squash")
        until(loop, lambda: site.replicas() == 2, "done")


def test_a_remote_that_does_not_want_them_is_told_of_and_tried_again(site: Site, forge: Double) -> None:
    hook = site.remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/proposals/*) echo no proposals here >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    with site.loop() as loop:
        site.problem("p1", TITLE)
        until(loop, lambda: "proposals of production" in loop.conditions, "said so")
        assert "no proposals here" in loop.conditions["proposals of production"]
        assert branches(site) == []
        hook.unlink()
        loop.unblock()
        until(loop, forge.opened, "goes on")
        loop.tick()
        assert "proposals of production" not in loop.conditions
    assert site.events() == ["opened", "held"], "and nothing else waited for it"


def test_two_services_with_a_remediation_of_one_name(site: Site, forge: Double) -> None:
    site.cluster.create(deployment("orders-primary"))
    site.push({
        "orders/remediation.yaml": SCALING,
        "ops/production/orders/problems/p1.yaml": f"title: {TITLE}\nstate: open\n",
        "ops/production/carts/problems/p1.yaml": f"title: {TITLE}\nstate: open\n",
    })  # fmt: skip
    with site.loop() as loop:
        until(loop, lambda: len(forge.opened()) == 2, "two pull requests")
        assert branches(site) == [BRANCH, f"{BRANCH}.orders"]
        of_orders = next(each for each in forge.pulls if each.head.endswith(".orders"))
        assert "orders" in of_orders.title
        merge(site, forge, of_orders, "merge")
        until(loop, lambda: site.replicas("orders-primary") == 2, "done")
        assert site.replicas() == 1
        until(loop, lambda: branches(site) == [BRANCH], "one is left")
        assert [each.state for each in forge.pulls if each is not of_orders] == ["open"]
