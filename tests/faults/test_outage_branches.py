"""Row G5 with `forgeOutage: proceed`: a remote that answers, and whose branches cannot all be pushed to."""

from __future__ import annotations

from reconciler.embedded.git_http import GitFault, GitHttpServer
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import Site, git, until
from tests.faults.invariants import Scene
from tests.faults.outage import back, goes, kept, out, over, reported, second_stage


def broken_for(site: Site, branch: str) -> None:
    """Let the hook of the remote die with the push that it is asked about, which looks like a broken connection."""
    hook = site.remote / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nread old new ref; case $ref in *{branch}) kill -9 $PPID;; esac\n")
    hook.chmod(0o755)


def problem_in_staging(site: Site) -> None:
    git(site.clone, "checkout", "-q", "-B", "staging", "origin/staging")
    site.write("ops/staging/carts/problems/p1.yaml", "title: Nobody knows this\nstate: open\n")
    git(site.clone, "add", "-A")
    git(site.clone, "commit", "-qm", "a problem")
    git(site.clone, "push", "-q", "origin", "staging")
    git(site.clone, "checkout", "-q", "production")


def test_g5_proceed_of_a_branch_that_takes_no_push_cuts_no_other_off(proceeding: Scene, server: GitHttpServer) -> None:
    """People's `mode: suspended` is on a remote that answers: nobody goes on without having seen it."""
    scene, site = proceeding, proceeding.site
    second_stage(site)
    with site.loop() as loop:
        loop.tick()
        problem_in_staging(site)
        broken_for(site, "staging")
        for _ in range(4):
            loop.tick()
            assert "production/unpushed" not in loop.conditions, "nothing goes on without a remote that answers"
            site.later(5)
        assert "staging" in loop.conditions
        assert "production" not in loop.conditions
        scene.person({"stage.yaml": "mode: suspended\nforgeOutage: proceed\n"}, "stop")
        [[receipt]] = handed_in(loop, [report("r1")])
        assert receipt.outcome == "accepted"
        scene.accepted.add("r1")
        until(loop, lambda: site.events() == ["held"], "it is held")
        assert site.replicas() == 1
    scene.ends = False


def test_g5_proceed_takes_one_broken_connection_for_no_outage(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        scene.problem()
        goes(server)
        with scene.blind(loop, "503"):
            loop.tick()
        assert "production/unpushed" not in loop.conditions, "nothing goes on without a remote that is there again"
        back(scene, server)
        scene.applied(loop)


def test_g5_proceed_waits_where_the_remote_is_seen_and_takes_nothing(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        scene.problem()
        server.faults = [GitFault("status", "/git-receive-pack", times=None)]
        with scene.blind(loop, "503"):
            for _ in range(4):
                loop.tick()
                site.later(30)
        assert kept(site) == []
        server.faults = []
        site.later(60)
        scene.applied(loop)


def test_g5_proceed_ends_when_the_remote_is_seen_whatever_one_branch_does_not_take(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    second_stage(site)
    with site.loop() as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
        assert reported(scene, loop, "r1") == "unavailable"
        until(loop, lambda: site.replicas() == 2, "applied")
        [[receipt]] = handed_in(loop, [report("s1", stage="staging", title="Nobody knows this")])
        assert receipt.outcome == "unavailable"
        loop.tick()
        broken_for(site, "staging")
        back(scene, server)
        loop.tick()
        assert "staging" in loop.conditions
        assert "commits are in the mirror" in loop.conditions["staging/unpushed"]
        assert not {name for name in loop.conditions if name.startswith("production")}
        until(loop, lambda: site.events()[-1:] == ["applied"], "it is home")
        (site.remote / "hooks" / "pre-receive").unlink()
        site.later(90)
        over(scene, loop)
        until(loop, lambda: "staging/unpushed" not in loop.conditions, "the other is home too")
