"""Row G5 with `forgeOutage: proceed`: leases, other stages, a branch of their own for steps, people at the bridge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from reconciler.daemon.leases.protocol import StageLeases
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.service import opened, read_config
from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.model.errors import TransientError
from reconciler.model.names import ProjectName
from reconciler.repo.stage import StageRepo
from tests.daemon.exposed import value
from tests.daemon.lent import Lent
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import SCALING, Site, git, until
from tests.daemon.test_petitions import asked
from tests.faults.invariants import Scene
from tests.faults.outage import acted, away, back, goes, history, kept, mirror, out, over, reported, second_stage, tip


@contextmanager
def looped(site: Site, metrics: Metrics | None = None, leases: StageLeases | None = None) -> Iterator[ProjectLoop]:
    log, name = structlog.get_logger(), ProjectName("sockshop")
    config = read_config(site.config)
    leases = leases or site.leases
    with opened(config, name, log, clock=site.clock, metrics=metrics, leases=leases, patience=10.0) as loop:
        yield loop


def test_g5_proceed_is_counted(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site, metrics = proceeding, proceeding.site, Metrics()

    def unpushed() -> float | None:
        return value(metrics, "git_unpushed_commits", "sockshop", "production")

    with looped(site, metrics) as loop:
        loop.tick()
        with away(scene, server, loop):
            assert unpushed() == 0
            acted(scene, loop)
            loop.tick()
            assert unpushed() == 3
        assert unpushed() == 0
        scene.applied(loop)
        loop.tick()
        assert unpushed() == 0


def test_g5_proceed_is_for_whoever_holds_the_lease(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site, leases = proceeding, proceeding.site, Lent()
    with looped(site, leases=leases) as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
        made = acted(scene, loop)
        leases.ours = False
        loop.tick()
        [[receipt]] = handed_in(loop, [report("r2")])
        assert receipt.outcome == "unavailable"
        site.later()
        loop.tick()
        assert kept(site) == made, "nothing is decided, and nothing taken in"
        back(scene, server)
        loop.tick()
        assert set(made) <= set(history(site)), "what was decided comes home whoever decides now"
        leases.ours = True
        scene.applied(loop)
        over(scene, loop)


def test_g5_proceed_of_a_daemon_without_the_lease_waits(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site, leases = proceeding, proceeding.site, Lent()
    leases.ours = False
    with looped(site, leases=leases) as loop:
        loop.tick()
        scene.problem()
        with scene.blind(loop, "503"):
            goes(server)
            for _ in range(4):
                loop.tick()
                site.later(30)
        back(scene, server)
        leases.ours = True
        scene.applied(loop)


def test_g5_proceed_without_leases_waits_and_says_why(proceeding: Scene, server: GitHttpServer) -> None:
    """Nobody could say that no other daemon goes on too (law 2)."""
    scene, site = proceeding, proceeding.site
    site.leases = None
    with site.loop() as loop:
        loop.tick()
        with scene.blind(loop, "503", "`forgeOutage: proceed` is not kept here", "no `leases` in reconciler.yaml"):
            with away(scene, server, loop):
                assert reported(scene, loop) == "unavailable"
                loop.tick()
            goes(server)
            out(scene, loop)
        back(scene, server)
        assert reported(scene, loop) == "accepted"
        scene.applied(loop)


def test_g5_proceed_does_not_go_on_after_a_restart_without_leases(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
        made = acted(scene, loop)
    site.leases = None
    with site.loop() as loop, scene.blind(loop, "503", "no `leases` in reconciler.yaml"):
        for _ in range(3):
            assert reported(scene, loop, "r2") == "unavailable"
            site.later()
        assert kept(site) == made
    with site.loop() as loop:
        back(scene, server)
        loop.tick()
        assert set(made) <= set(history(site)), "what was decided comes home in any case"
        assert reported(scene, loop, "r2") == "accepted"
        over(scene, loop)


def test_g5_proceed_goes_on_where_the_outage_broke_off_a_look(
    proceeding: Scene, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at the branch may ask the remote in its middle; what was known before it counts then."""
    scene, site = proceeding, proceeding.site

    def broken_off(*_: object, **__: object) -> object:
        raise TransientError("fetching: the remote cannot be reached")

    with site.loop() as loop:
        loop.tick()
        site.push({"carts/notes.md": "by a person"})
        with monkeypatch.context() as there:
            there.setattr(StageRepo, "_moved", broken_off)
            loop.tick()
        with away(scene, server, loop):
            made = acted(scene, loop)
        assert set(made) <= set(history(site))
        over(scene, loop)


def test_g5_proceed_of_one_stage_leaves_another_held(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    second_stage(site, "production~1")
    staging = git(site.remote, "rev-parse", "staging")
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            acted(scene, loop)
            assert "503" in loop.conditions["staging"]
            [[receipt]] = handed_in(loop, [report("r2", stage="staging")])
            assert (receipt.outcome, "503" in receipt.reason) == ("unavailable", True)
        assert not {name for name in loop.conditions if name.startswith("staging")}
        scene.applied(loop)
    assert git(site.remote, "rev-parse", "staging") == staging


def test_g5_proceed_takes_what_people_ask_for_at_the_bridge(proceeding: Scene, server: GitHttpServer) -> None:
    """Who wants to stop a daemon that goes on has no other way: git is what is away."""
    scene, site = proceeding, proceeding.site
    scene.ends = False
    with site.loop() as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
        suspended = loop.inbox.petitions.ask(asked())
        loop.tick()
        asked_for = suspended.result(0)
        assert asked_for.kept, "law 7: who asked is told that the remote does not have it yet"
        assert reported(scene, loop) == "unavailable"
        loop.tick()
        assert site.replicas() == 1
        assert git(
            mirror(site), "log", "--format=%(trailers:key=Event,valueonly,separator=)", kept(site)[-1]
        ).split() == ["held"]
        back(scene, server)
        loop.tick()
        assert asked_for.commit in history(site)
        until(loop, lambda: site.events() == ["held"], "pushed")
        there = loop.inbox.petitions.ask(asked("production", "carts"))
        loop.tick()
        assert not there.result(0).kept
        goes(server, 401)
        late = loop.inbox.petitions.ask(asked())
        loop.tick()
        assert isinstance(late.exception(0), TransientError)
        back(scene, server)


def test_g5_proceed_with_steps_on_a_branch_of_their_own(apart: Scene, server: GitHttpServer) -> None:
    """People's branch and that of the steps move apart; the second is not even there yet when the outage begins."""
    scene, site = apart, apart.site
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            [[receipt]] = handed_in(loop, [report("r1")])
            assert receipt.outcome == "unavailable"
            until(loop, lambda: site.replicas() == 2, "applied")
            scene.person({"carts/remediation.yaml": SCALING.replace("+1", "+2")}, "people go on")
        people = tip(site)
        site.later()
        found = "--format=%(trailers:key=Event,valueonly,separator=) %(trailers:key=Config,valueonly,separator=)"
        until(
            loop, lambda: "escalated" in git(site.remote, "log", found, "refs/heads/ops/production"), "it went on"
        )  # fmt: skip
        last = git(site.remote, "log", "-1", found, "refs/heads/ops/production").split()
        assert last == ["escalated", people]


def test_g5_proceed_waits_for_a_remote_that_hangs_no_longer_than_it_must(
    proceeding: Scene, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, site = proceeding, proceeding.site
    monkeypatch.setattr("reconciler.repo.mirror._KNOCKED", 0.2)
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            server.faults = [GitFault("hang", times=None)]
            site.later(90)
            loop.tick()
            acted(scene, loop)
            server.release()
        scene.applied(loop)
