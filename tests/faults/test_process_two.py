"""Daemons as processes on one stage: row C2 stopped in the middle of an apply, row C8 two builds side by side."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from reconciler.decide.draft import RULES
from reconciler.embedded.cluster.faults import Before
from tests.daemon.leases.processes import daemon, has_followed, holder, is_linear, scaled
from tests.daemon.leases.test_processes_upgrade import build, rules_of, said
from tests.daemon.site import eventually, git
from tests.daemon.test_process import Running
from tests.faults.invariants import TITLE, Scene

pytestmark = pytest.mark.no_cover


@pytest.fixture
def two(scene: Scene) -> Iterator[tuple[Running, Running]]:
    """The first looks after the stage, the second is there."""
    scene.site.cluster.namespace("reconciler")
    with ExitStack() as stack:
        first = stack.enter_context(daemon(scene.site, "first"))
        eventually(lambda: holder(scene.site) == "first", "the first has the lease")
        second = stack.enter_context(daemon(scene.site, "second"))
        yield first, second
        scene.said += [*first.lines, *second.lines]


def test_c2_stopped_in_the_middle_of_an_apply_and_let_go_on_it_does_nothing_twice(
    scene: Scene, two: tuple[Running, Running]
) -> None:
    """Its write has reached the cluster when it is stopped; another one takes over, records it, and goes on."""
    site, (first, second) = scene.site, two
    site.cluster.faults.add(
        Before(lambda: first.process.send_signal(signal.SIGSTOP)),
        when=lambda request: request.method == "PATCH" and "/deployments/carts-primary" in request.path,
    )
    scene.problem()
    eventually(lambda: holder(site) == "second", "taken over")
    eventually(lambda: site.events()[-1:] == ["applied"], "recorded by the second")
    eventually(lambda: second.logged(step="applied"), "and it says so")
    undo = "ops/production/carts/commands/20261121T100001Z-undo-p1-00.yaml"
    scene.person({undo: "verb: undo\nremediation: p1\n"}, "undo")
    eventually(lambda: site.events()[-1:] == ["reverted"], "undone by the second")
    eventually(lambda: site.replicas() == 1, "and given back")
    tip = git(site.remote, "rev-parse", "production")
    first.process.send_signal(signal.SIGCONT)
    eventually(lambda: first.logged(event="a lease is not ours any more"), "the first knows")
    eventually(lambda: has_followed(site, first), "and has seen what came of it")
    assert git(site.remote, "rev-parse", "production") == tip
    assert scaled(site) == [2, 1]
    assert is_linear(site)


@pytest.mark.parametrize("rules", [RULES, RULES + 1], ids=["the same rules", "newer rules"])
def test_c8_two_builds_side_by_side_decide_nothing_twice(scene: Scene, rules: int) -> None:
    """An older build and a newer one, both at work, with a remediation in flight."""
    site = scene.site
    other = build(site.folder, rules=rules)
    with daemon(site, "old", leases=False) as old:
        scene.problem()
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        with daemon(site, "new", leases=False, environment=other) as new:
            if rules != RULES:
                eventually(lambda: said(new, "which this reconciler does not know"), "the newer one says so")
            for number in range(2, 6):
                scene.problem(f"p{number}", TITLE)
                eventually(lambda n=number: site.events().count("attached") == n - 1, "taken up")  # type: ignore[misc]  # a lambda with a default
            for each in (old, new):
                eventually(partial(has_followed, site, each), "and both have seen it")
                assert each.process.poll() is None
            scene.said += [*old.lines, *new.lines]
    assert site.events().count("decided") == 1
    assert scaled(site) == [2]
    assert {*rules_of(site)} == {RULES}


def test_c8_an_older_build_leaves_the_stage_to_the_newer_one_also_while_that_is_away(scene: Scene) -> None:
    site = scene.site
    older = build(site.folder, rules=RULES - 1)
    scene.problem()
    with daemon(site, "new", leases=False) as new:
        eventually(lambda: site.events()[-1:] == ["applied"], "applied by the newer one")
        assert new.stop() == 0
        scene.said += new.lines
    with daemon(site, "old", leases=False, environment=older) as old:
        eventually(lambda: said(old, "left to a newer reconciler"), "it says so")
        scene.problem("p2")
        eventually(partial(has_followed, site, old), "it has seen what is new")
        assert site.events() == ["opened", "decided", "applied"]
        with daemon(site, "newest", leases=False) as newest:
            eventually(lambda: "attached" in site.events(), "taken up by the newer one")
            scene.said += [*old.lines, *newest.lines]
    assert {*rules_of(site)} == {RULES}
    assert scaled(site) == [2]
