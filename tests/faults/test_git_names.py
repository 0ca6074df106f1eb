"""Names in a tree that no client makes, or that mean Git's own directory to one: row G13, through the whole loop."""

from __future__ import annotations

import subprocess

import pytest

from reconciler.daemon.metrics import Metrics
from tests.daemon.exposed import value
from tests.daemon.site import SCALING, Site, git
from tests.faults.invariants import Scene
from tests.faults.test_git_content import folder_with, given, root_with

PROBLEM = b"title: Response time degradation\nstate: open\n"
GITS = [b".git", b".GIT", b"git~1", b"..", b".git. "]


def tree_of(site: Site, *items: tuple[str, bytes, str]) -> str:
    """Make a tree of (mode, name, id), whatever the names are."""
    kinds = {"040000": b"tree"}
    records = b"".join(
        b"%s %s %s\t%s\0" % (mode.encode(), kinds.get(mode, b"blob"), made.encode(), name) for mode, name, made in items
    )
    return given(site, records, "mktree", "-z", "--missing")


def with_problems(site: Site, names: list[bytes]) -> str:
    """Return the branch's tree with services of these names, each with a playbook and an open problem."""
    folder = folder_with(site, "100644", SCALING.encode())
    problems = folder_with(site, "100644", PROBLEM, "bad.yaml")
    about = tree_of(site, ("040000", b"problems", problems))
    listed = subprocess.run(
        ["git", "ls-tree", "-z", "production:ops/production"], cwd=site.remote, capture_output=True, check=True
    ).stdout
    more = b"".join(b"040000 tree %s\t%s\0" % (about.encode(), name) for name in names)
    stage = given(site, listed + more, "mktree", "-z", "--missing")
    ops = tree_of(site, ("040000", b"production", stage))
    services = [("040000", "tree", name, folder) for name in names]
    return root_with(site, *services, ("040000", "tree", b"ops", ops))


@pytest.mark.parametrize("name", [*GITS, b"a\nb"], ids=repr)
def test_g13_a_name_that_means_gits_own_directory_is_refused_and_others_go_on(scene: Scene, name: bytes) -> None:
    """Nothing could be written about such a service: its files are passed over by name, and told while they lie."""
    site = scene.site
    scene.problem()
    before = git(site.remote, "rev-parse", "production^{tree}")
    metrics = Metrics()
    with site.loop(metrics=metrics) as loop:
        scene.put(with_problems(site, [name]))
        scene.applied_once(loop)
        told = loop.conditions["production/names"]
        assert repr(f"ops/production/{name.decode()}/problems/bad.yaml") in told
        assert set(loop.conditions) == {"production/names"}
        assert value(metrics, "config_invalid", "sockshop", "production") == 1
        assert site.replicas() == 2
        ours = git(site.remote, "rev-parse", "production:ops/production/carts")
        stage = tree_of(site, ("040000", b"carts", ours))
        ops = tree_of(site, ("040000", b"production", stage))
        carts = git(site.remote, "rev-parse", f"{before}:carts")
        scene.put(tree_of(site, ("040000", b"carts", carts), ("040000", b"ops", ops)), "taken out")
        loop.tick()
        assert not loop.conditions
        assert value(metrics, "config_invalid", "sockshop", "production") == 0
    assert site.events() == ["opened", "decided", "applied"]


def test_g13_names_that_collide_where_case_does_not_count_are_two(scene: Scene) -> None:
    """`carts` is acted on; `Carts` and `CARTS`, with problems of their own, stand for workloads that are not there."""
    site = scene.site
    scene.problem()
    scene.put(with_problems(site, [b"Carts", b"CARTS"]))
    with site.loop() as loop:
        scene.applied_once(loop)
        loop.tick()
        assert not loop.conditions
    assert site.replicas() == 2
    told = git(site.remote, "log", "--format=%(trailers:key=Service,valueonly,separator=)", "production").split()
    assert set(told) == {"carts", "Carts", "CARTS"}
