"""Row G5 with `forgeOutage: proceed`: what is decided and done while the remote is away."""

from __future__ import annotations

import shutil

import pytest

from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.lent import Lent
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import git, until
from tests.faults.invariants import Scene
from tests.faults.outage import acted, away, back, goes, history, kept, merges, out, over, reported, tip

_STEPS = "%(trailers:key=Event,valueonly,separator=) %(trailers:key=Durability,valueonly,separator=)"
_PROCESS = """
from reconciler.daemon.service import opened, read_config
from tests.daemon.lent import Lent
from tests.daemon.reporting import report
with opened(read_config(Path(sys.argv[1])), 'sockshop', structlog.get_logger(), leases=Lent()) as loop:
    loop.tick()
    loop.inbox.submit([report('r1')])
    loop.tick()
    loop.tick()
"""


def test_g5_proceed_acts_and_pushes_the_very_commits_when_the_remote_is_back(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        before = tip(site)
        with away(scene, server, loop):
            made = acted(scene, loop)
            assert (tip(site), len(made)) == (before, 3)
            assert loop.conditions["production/unpushed"].startswith("3 commits are in the mirror")
        assert git(site.remote, "rev-list", "--reverse", f"{before}..production").splitlines()[:3] == made
        assert "production/unpushed" not in loop.conditions
        assert kept(site) == []
        assert reported(scene, loop) == "unchanged"
        scene.applied(loop)
    marked = git(site.remote, "log", "--reverse", f"--format={_STEPS}", "production").splitlines()
    assert [line.strip() for line in marked if line.strip()] == ["opened mirror", "decided mirror", "applied"]


@pytest.mark.parametrize(
    "point", [f"{side}-{what}" for what in ("report-push", "write", "push", "apply") for side in ("before", "after")]
)
def test_g5_proceed_survives_being_killed(proceeding: Scene, server: GitHttpServer, point: str) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
    assert site.in_a_process(_PROCESS, point) == -9
    with site.loop() as loop:
        loop.tick()
        made = acted(scene, loop)
        assert len(made) >= 3
        back(scene, server)
        loop.tick()
        assert set(made) <= set(history(site))
        over(scene, loop)
    assert not merges(site)
    assert site.events().count("decided") == 1


def test_g5_proceed_goes_on_over_one_outage_after_the_other(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            acted(scene, loop)
        scene.applied(loop)
        with away(scene, server, loop):
            site.later()
            until(loop, lambda: len(kept(site)) == 2, "evaluated and escalated")
        assert site.events() == ["opened", "decided", "applied", "evaluated", "escalated"]
    assert not merges(site)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refuses our credentials"), (403, "403"), (404, "no repository")]
)  # fmt: skip
def test_g5_proceed_waits_where_the_remote_is_there_and_refuses(
    proceeding: Scene, server: GitHttpServer, status: int, words: str
) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        scene.problem()
        with scene.blind(loop, words):
            goes(server, status)
            for _ in range(4):
                loop.tick()
                site.later(30)
        server.faults = []
        scene.applied(loop)


def test_g5_proceed_is_for_stages_that_want_it(scene: Scene, server: GitHttpServer) -> None:
    site = scene.site
    site.leases = Lent()
    with site.loop() as loop:
        loop.tick()
        scene.problem()
        with scene.blind(loop, "503"):
            goes(server)
            for _ in range(4):
                assert [[each.outcome for each in told] for told in handed_in(loop, [report("r1")])] == [
                    ["unavailable"]
                ]
                site.later(30)
        server.faults = []
        scene.applied(loop)


def test_g5_proceed_is_not_for_a_disk_that_is_not_kept(
    proceeding: Scene, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, site = proceeding, proceeding.site
    monkeypatch.setattr("reconciler.repo.mirror.fleeting", lambda _: "is in memory only")
    with site.loop() as loop:
        loop.tick()
        scene.problem()
        with scene.blind(loop, "503", "`forgeOutage: proceed` is not kept here", "in memory only"):
            goes(server)
            for _ in range(4):
                loop.tick()
                site.later(30)
        server.faults = []
        scene.applied(loop)


def test_g5_proceed_waits_in_a_process_that_never_saw_where_the_branches_are(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
    scene.problem()
    with site.loop() as loop:
        with scene.blind(loop, "503"):
            goes(server)
            for _ in range(4):
                loop.tick()
                site.later(30)
        server.faults = []
        site.later(30)
        scene.applied(loop)


def test_g5_proceed_loses_with_its_mirror_what_was_not_pushed_and_overrules_nothing(
    proceeding: Scene, server: GitHttpServer
) -> None:
    """Who sent the report was told to keep it, and what took effect is left for a person to look at."""
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
        acted(scene, loop)
    shutil.rmtree(site.folder / "state")
    back(scene, server)
    with site.loop() as loop:
        loop.tick()
        assert site.events() == []
        assert reported(scene, loop) == "accepted"
        until(loop, lambda: site.events() == ["opened", "rewritten", "held"], "a person is asked")
    assert site.replicas() == 2
