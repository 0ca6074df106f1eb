"""Faults of Git between people, daemons and the remote: rows G1 to G3, G5, G7 and G18, through the whole loop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.daemon import publish
from reconciler.daemon.metrics import Metrics
from reconciler.embedded.git_http import GitFault, GitHttpServer
from tests.daemon.exposed import value
from tests.daemon.site import Site, eventually, git, until
from tests.faults.invariants import TITLE, Scene


def hook(site: Site, name: str, script: str) -> Path:
    file = site.remote / "hooks" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def other_clone(site: Site, name: str) -> Path:
    git(site.folder, "clone", "-q", "-b", "production", str(site.remote), name)
    return site.folder / name


def at(monkeypatch: pytest.MonkeyPatch, point: str, do: Callable[[], object], times: int = 1) -> None:
    """Do something the first times that the daemon comes by a point of its push."""
    left = [times]

    def reach(name: str) -> None:
        if name == point and left[0]:
            left[0] -= 1
            do()

    monkeypatch.setattr(publish, "reach", reach)


def test_g1_a_person_who_was_faster_is_followed_within_the_tick(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.problem()
    at(monkeypatch, "before-push", lambda: scene.person({"NOTES": "a person was faster\n"}))
    with scene.site.loop() as loop:
        assert [step.event for step in loop.tick()][:2] == ["opened", "decided"]
        scene.applied(loop)
    log = git(scene.site.remote, "log", "--format=%s", "production").splitlines()
    assert log.index("a person's change") > log.index(f"carts: scale 1 → 2 ({TITLE})")


def test_g2_ten_pushers_at_once_lose_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """They begin when the loop is about to push, and are faster: then all try again until theirs lands."""
    site, many = scene.site, 10
    begun = threading.Event()
    clones = [other_clone(site, f"person{number}") for number in range(many)]
    landed: list[str] = []

    def push(number: int) -> None:
        clone = clones[number]
        (clone / f"NOTES-{number}").write_text("x")
        problem = clone / f"ops/production/carts/problems/n{number}.yaml"
        problem.parent.mkdir(parents=True, exist_ok=True)
        problem.write_text(f"title: Nobody knows {number}\nstate: open\n")
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", f"person {number}")
        assert number == 0 or begun.wait(120), "the loop pushes what the first of them gave it to do"
        eventually(lambda: _pushed(clone), f"the push of person {number} lands", 120)
        landed.append(git(clone, "rev-parse", "HEAD"))

    def meet() -> None:
        begun.set()
        eventually(lambda: len(landed) > 1, "somebody is faster than the loop", 120)

    at(monkeypatch, "before-push", meet)
    threads = [threading.Thread(target=push, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    with site.loop() as loop:
        until(loop, lambda: not any(thread.is_alive() for thread in threads), "all pushes landed")
        scene.people |= set(landed)
        names = {f"n{number}" for number in range(many)}
        scene.accepted |= names
        until(loop, lambda: site.events().count("unmatched") == len(names), "each problem was looked at")
    for thread in threads:
        thread.join()
    assert len(landed) == many


def _pushed(clone: Path) -> bool:
    git(clone, "pull", "-q", "--rebase", "origin", "production")
    try:
        git(clone, "push", "-q", "origin", "production")
    except AssertionError:
        return False
    return True


def test_g18_people_who_push_during_a_storm_always_land(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long they wait is measured by the benchmarks; here each comes at the worst moment, between read and push."""
    site = scene.site
    files = {f"ops/production/carts/problems/s{n}.yaml": "title: unheard of\nstate: open\n" for n in range(40)}
    scene.person(dict(files), "a storm")
    scene.accepted |= {f"s{n}" for n in range(40)}
    clones = [other_clone(site, f"human{number}") for number in range(8)]

    def somebody_pushes() -> None:
        clone = clones.pop()
        (clone / f"NOTES-{clone.name}").write_text("x")
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", clone.name)
        assert _pushed(clone), "the first push of a person lands"
        scene.people.add(git(clone, "rev-parse", "HEAD"))

    at(monkeypatch, "before-push", somebody_pushes, times=8)
    with site.loop() as loop:
        until(loop, lambda: site.events().count("unmatched") == 40, "each problem was looked at")
    assert not clones


def test_g18_a_storm_and_eight_people_all_land(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """They push as ordinary git does, three times each, and begin when the loop is about to push what it decided.

    Each of these problems is a step of its own. A thousand of them, and how long people wait, are the benchmark's.
    """
    site, many, each = scene.site, 150, 3
    names = [f"s{number}" for number in range(many)]
    scene.person({f"ops/production/carts/problems/{name}.yaml": "title: unheard of\nstate: open\n" for name in names})
    scene.accepted |= set(names)
    clones = [other_clone(site, f"human{number}") for number in range(8)]
    begun, landed = threading.Event(), list[str]()

    def push(clone: Path) -> None:
        assert begun.wait(120), "the loop pushes what it decided"
        for nth in range(each):
            (clone / f"NOTES-{clone.name}-{nth}").write_text("x")
            git(clone, "add", "-A")
            git(clone, "commit", "-q", "-m", f"{clone.name} {nth}")
            eventually(lambda: _pushed(clone), f"push {nth} of {clone.name} lands", 120)
            landed.append(git(clone, "rev-parse", "HEAD"))

    at(monkeypatch, "before-push", begun.set)
    threads = [threading.Thread(target=push, args=(clone,)) for clone in clones]
    for thread in threads:
        thread.start()
    with site.loop() as loop:
        until(loop, lambda: not any(thread.is_alive() for thread in threads), "all pushes landed")
        scene.people |= set(landed)
        until(loop, lambda: site.events().count("unmatched") == many, "each problem was looked at")
    for thread in threads:
        thread.join()
    assert len(landed) == len(clones) * each


def test_g3_a_rewritten_branch_is_recorded_and_nothing_runs_again(scene: Scene) -> None:
    site = scene.site
    before = git(site.remote, "rev-parse", "production")
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        scene.rewrite(git(site.remote, "commit-tree", "-p", before, "-m", "rebased", f"{scene.site.tree()}"))
        scene.ends = False
        until(loop, lambda: "rewritten" in site.events(), "the rewriting is recorded")
        assert loop.tick() == ()
    assert site.replicas() == 2


def test_g3_a_forced_push_of_a_person_is_recorded_told_and_decided_about_anew(scene: Scene) -> None:
    """A real `push --force` of a clone that never saw our steps; what is reported afterwards is acted on as ever."""
    site, metrics = scene.site, Metrics()
    stale = other_clone(site, "stale")
    scene.problem()
    with site.loop(metrics=metrics) as loop:
        scene.applied(loop)
        (stale / "NOTES").write_text("rebased\n")
        git(stale, "add", "-A")
        git(stale, "commit", "-q", "-m", "rebased")
        git(stale, "push", "-q", "--force", "origin", "production")
        forced = git(stale, "rev-parse", "HEAD")
        scene.rewrites, scene.people, scene.accepted = 1, {forced}, set()
        until(loop, lambda: "rewritten" in site.events(), "the rewriting is recorded")
        assert value(metrics, "steps_total", "sockshop", "production", "rewritten") == 1
        git(site.clone, "fetch", "-q")
        git(site.clone, "reset", "-q", "--hard", "origin/production")
        scene.problem("p2", "unheard of")
        until(loop, lambda: site.events()[-1:] == ["unmatched"], "what comes is looked at")
    assert site.replicas() == 2
    assert git(site.remote, "merge-base", forced, "production") == forced


def test_g3_a_row_that_was_taken_off_and_merged_again_is_not_run_again(scene: Scene) -> None:
    """Whoever has the old line still merges it: what it did is in the world, and the row that counts knows nothing."""
    site = scene.site
    root = git(site.remote, "rev-parse", "production")
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        old = git(site.remote, "rev-parse", "production")
        git(site.clone, "fetch", "-q")
        scene.rewrite(root)
        scene.accepted.clear()
        git(site.clone, "fetch", "-q")
        git(site.clone, "reset", "-q", "--hard", "origin/production")
        loop.tick()
        for number in range(5):
            scene.problem(f"x{number}", f"Nobody knows {number}")
        until(loop, lambda: site.events().count("unmatched") == 5, "another row is longer by now")
        git(site.clone, "fetch", "-q")
        git(site.clone, "reset", "-q", "--hard", "origin/production")
        git(site.clone, "merge", "-q", "--no-edit", old)
        scene.people.add(site.push_head())
        until(loop, lambda: site.events()[-1] == "held", "a person is asked")
        until(loop, lambda: not loop.tick(), "nothing more is to be done")
    assert site.replicas() == 2
    held = git(site.remote, "show", "production:ops/production/carts/remediations/p1/02-held.yaml")
    assert "which the branch does not have" in held


@pytest.mark.parametrize("kind", ["status", "reset"])
def test_g5_a_remote_that_fails_is_waited_for(scene: Scene, server: GitHttpServer, kind: str) -> None:
    with scene.site.loop() as loop:
        assert loop.tick() == ()
        scene.problem()
        fault = GitFault(kind, times=None)  # type: ignore[arg-type]  # one of them
        with scene.blind(loop, "remote"):
            server.faults.append(fault)
            assert loop.tick() == ()
            assert loop.tick() == ()
        server.faults.clear()
        loop.unblock()
        scene.applied(loop)


@pytest.mark.parametrize("when", ["before it is asked", "before the push"])
def test_g5_a_server_that_is_shut_down_is_waited_for_and_found_again(
    scene: Scene, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Connections are refused: nobody listens. It comes back where it was, and nobody has to tell us so."""
    site = scene.site
    port = urlsplit(server.url).port
    assert port is not None
    with site.loop() as loop:
        assert loop.tick() == ()
        scene.problem()
        with scene.blind(loop, "the remote cannot be reached", "check the address"):
            if when == "before the push":
                at(monkeypatch, "before-push", server.close)
            else:
                server.close()
            for _ in range(3):
                assert loop.tick() == ()
                site.later(30)
            with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                pass
        server.start(port)
        site.later(90)
        scene.applied(loop)
        assert not loop.conditions
    assert site.events() == ["opened", "decided", "applied"]
    assert site.replicas() == 2


def test_g5_a_push_whose_answer_is_lost_is_made_once(scene: Scene, server: GitHttpServer) -> None:
    scene.problem()
    with scene.site.loop() as loop:
        server.faults.append(GitFault("lost", part="/git-receive-pack", times=1))
        loop.tick()
        loop.unblock()
        scene.applied(loop)
    assert scene.site.events() == ["opened", "decided", "applied"]


def test_g7_a_remote_that_declines_is_told_and_not_hammered(scene: Scene) -> None:
    scene.problem()
    declining = hook(scene.site, "pre-receive", "echo only people may push here >&2\nexit 1")
    with scene.site.loop() as loop:
        with scene.blind(loop, "only people may push here", "opsBranch"):
            for _ in range(5):
                assert loop.tick() == ()
        declining.unlink()
        loop.unblock()
        scene.applied(loop)


def test_g7_what_was_taken_and_is_not_there_is_not_applied(scene: Scene) -> None:
    """The remote says yes and shows the old tip."""
    scene.problem()
    tip = git(scene.site.remote, "rev-parse", "production")
    dropping = hook(scene.site, "post-receive", f"git update-ref refs/heads/production {tip}")
    with scene.site.loop() as loop:
        with scene.blind(loop, "took the push and does not show it"):
            assert loop.tick() == ()
        scene.rewrites += 1
        dropping.unlink()
        loop.unblock()
        scene.applied(loop)
    assert scene.site.replicas() == 2
