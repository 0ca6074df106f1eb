"""Row G5 with `forgeOutage: proceed`: how what was decided without the remote gets there when it is back."""

from __future__ import annotations

import re

import pytest

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.repo.away import LEFT
from tests.daemon.reporting import handed_in, report
from tests.daemon.signing_site import sign_all
from tests.daemon.site import git, until
from tests.faults.invariants import Scene
from tests.faults.outage import acted, away, back, goes, history, kept, merges, mirror, out, over, reported, tip


def test_g5_proceed_merges_with_what_people_pushed_meanwhile(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            made = acted(scene, loop)
            bounds = "bounds: {replicas: {max: 3}}\n"
            person = scene.person({"NOTES": "seen nothing of it\n", "carts/service.yaml": bounds})
            scene.problem("p2", "Nobody knows this")
            theirs = tip(site)
        [merge] = merges(site)
        assert git(site.remote, "rev-parse", f"{merge}^1", f"{merge}^2").split() == [theirs, made[-1]]
        assert person in history(site)
        until(loop, lambda: "unmatched" in site.events(), "the other problem was looked at")
        over(scene, loop)
    assert site.file("NOTES") == "seen nothing of it"
    assert site.replicas() == 2
    assert "restored" not in site.events()


def test_g5_proceed_takes_an_undo_that_was_pushed_meanwhile(proceeding: Scene, server: GitHttpServer) -> None:
    """A person reverts a decision from before, which the daemon has gone on from: both changed what is held."""
    scene, site = proceeding, proceeding.site
    scene.ends = False
    with site.loop() as loop:
        scene.problem()
        scene.applied(loop)
        decided = git(site.remote, "rev-list", "--grep=^Event: decided", "production")
        with away(scene, server, loop):
            site.later()
            until(loop, lambda: len(kept(site)) == 2, "evaluated and escalated")
            git(site.clone, "pull", "-q", "--rebase", "origin", "production")
            git(site.clone, "revert", "--no-edit", decided)
            scene.people.add(site.push_head())
        assert len(merges(site)) == 1
        until(loop, lambda: {"reverted", "restored"} & set(site.events()), "it is answered")
        until(loop, lambda: not loop.tick(), "nothing more is to be done")


@pytest.mark.parametrize("both_act", [False, True])
def test_g5_proceed_overrules_no_other_daemon_and_is_not_overruled_in_silence(
    proceeding: Scene, server: GitHttpServer, both_act: bool
) -> None:
    """Two daemons that know nothing of each other both decide: both rows stay, what was pushed counts."""
    scene, site = proceeding, proceeding.site
    config = site.config.read_text()
    scene.problem("p0", "Nobody knows this either")
    with site.loop() as loop:
        until(loop, lambda: site.events() == ["unmatched"], "what both go on from")
        with away(scene, server, loop):
            made = acted(scene, loop)
            site.config.write_text(re.sub("url: [^,]*,.*", "url: remote.git}", config).replace(": state", ": other"))
            with site.loop() as other:
                theirs = another(scene, other, both_act=both_act)
            site.config.write_text(config)
        assert len(merges(site)) == 1
        assert "2 steps of ours do not" in loop.conditions["production/outage"]
        until(loop, lambda: "rewritten" in site.events()[len(theirs) + 2 :], "a step says which row counts")
        until(loop, lambda: "held" in site.events(), "a person is asked about what was done and counts no more")
        until(loop, lambda: not loop.tick(), "nothing more is to be done")
    assert set(made) <= set(history(site))
    assert site.replicas() == 2


def another(scene: Scene, other: ProjectLoop, *, both_act: bool) -> list[str]:
    """Let another daemon decide about the same problem, or about one of its own; returns the events then."""
    site = scene.site
    if both_act:
        other.tick()
        handed_in(other, [report("r1")])
        until(other, lambda: site.events() == ["unmatched", "opened", "rewritten", "held"], "it asks a person")
    else:
        scene.problem("p9", "Nobody knows this")
        until(other, lambda: site.events() == ["unmatched"] * 2, "the other one has decided")
    return site.events()


def test_g5_proceed_leaves_aside_what_a_rewritten_branch_has_no_place_for(
    proceeding: Scene, server: GitHttpServer
) -> None:
    scene, site = proceeding, proceeding.site
    root = git(site.remote, "rev-parse", "production~1")
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            made = acted(scene, loop)
            scene.rewrite(git(site.remote, "commit-tree", "-p", root, "-m", "rebased", site.tree()))
            scene.accepted.clear()
        assert "the branch was rewritten while the remote was away" in loop.conditions["production/outage"]
        assert git(mirror(site), "rev-parse", f"{LEFT}{made[-1]}") == made[-1]
        assert not set(made) & set(history(site))
        until(loop, lambda: "rewritten" in site.events(), "the rewriting is recorded")
        assert reported(scene, loop) == "accepted"
        until(loop, lambda: site.events() == ["rewritten", "opened", "held"], "a person is asked")
    assert site.replicas() == 2


def test_g5_proceed_tells_what_was_left_aside_after_a_restart_too(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    scene.ends = False
    root = git(site.remote, "rev-parse", "production~1")
    with site.loop() as loop:
        loop.tick()
        goes(server)
        out(scene, loop)
        acted(scene, loop)
    scene.rewrite(git(site.remote, "commit-tree", "-p", root, "-m", "rebased", site.tree()))
    scene.accepted.clear()
    back(scene, server)
    with site.loop() as loop:
        loop.tick()
        assert "the branch was rewritten while the remote was away" in loop.conditions["production/outage"]


def test_g5_proceed_waits_where_the_remote_declines_what_was_done(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    hook = site.remote / "hooks" / "pre-receive"
    ours = "git log --format=%B $old..$new | grep -q ^Durability"
    hook.write_text(f"#!/bin/sh\nread old new ref; if {ours}; then echo 'no machines here'; exit 1; fi\n")
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            made = acted(scene, loop)
            hook.chmod(0o755)
        assert "no machines here" in loop.conditions["production"]
        assert "3 commits" in loop.conditions["production/unpushed"]
        assert reported(scene, loop, "r2") == "unavailable"
        scene.problem("p3", "Nobody knows this")
        site.later(120)
        assert loop.tick() == (), "it would decide beside its own row"
        assert kept(site) == made
        hook.unlink()
        site.later(120)
        loop.tick()
        assert set(made) <= set(history(site))
        assert reported(scene, loop, "r2") == "accepted"
        until(loop, lambda: "unmatched" in site.events(), "the other problem was looked at")
        over(scene, loop)


def test_g5_proceed_keeps_the_ids_of_a_push_that_had_no_answer(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    with site.loop() as loop:
        loop.tick()
        scene.problem()
        server.faults = [GitFault("lost", "/git-receive-pack"), GitFault("status", "/git-receive-pack", times=None)]
        loop.tick()
        goes(server)
        for _ in range(3):
            loop.tick()
            site.later(5)
        until(loop, lambda: site.replicas() == 2, "applied")
        back(scene, server)
        over(scene, loop)
    assert not merges(site)
    assert site.events().count("decided") == 1


def test_g5_proceed_signs_what_it_does_and_the_merge(proceeding: Scene, server: GitHttpServer) -> None:
    scene, site = proceeding, proceeding.site
    whole = site.config.read_text()
    site.config.write_text(re.sub(r"\{url: .*\}", "{url: remote.git}", whole))
    signed = sign_all(site)
    where = re.search(r"\{url: .*\}", whole)
    assert where is not None
    site.config.write_text(site.config.read_text().replace("{url: remote.git}", where[0]))
    with site.loop() as loop:
        loop.tick()
        with away(scene, server, loop):
            made = acted(scene, loop)
            scene.people.add(signed.push({"carts/service.yaml": "bounds: {replicas: {max: 3}}\n"}, by=signed.theirs))
            scene.people.add(signed.push({"NOTES": "nobody signs for this\n"}))
        [merge] = merges(site)
        assert "gpgsig" in git(site.remote, "cat-file", "commit", merge)
        assert set(made) <= set(history(site))
        over(scene, loop)
        assert not {name for name in loop.conditions if name.startswith("production")} - {"production/unsigned"}
    assert "restored" not in site.events()
