"""Faults of the daemon as a process, and of people who write where it does: rows C1, C2 and C6 to C9."""

from __future__ import annotations

import copy
import shutil
import time

import pytest

from reconciler.daemon import dispatch
from tests.daemon.leases.crew import Own, crew
from tests.daemon.leases.processes import scaled
from tests.daemon.site import Site, eventually, git, until
from tests.daemon.test_process import Running, running
from tests.faults.crashing import KILLED, Passes
from tests.faults.invariants import Scene
from tests.faults.test_git import at, hook

REPORTED = "alertmanager-0ccb298e18a222fd-20261121T100000.123Z"
STEPS = {
    "before the report is committed": "before-write:1",
    "the report's commit is on no branch": "after-write:1",
    "the report is pushed and nobody was thanked": "after-push:1",
    "before the decision is committed": "before-write:2",
    "the decision's commit is on no branch": "after-write:2",
    "the decision is not pushed": "before-push:2",
    "the decision is pushed and not read back": "after-push:2",
    "the decision is pushed and not applied": "before-apply",
    "what is applied has no receipt": "after-apply",
    "the receipt is not pushed": "before-applied-push",
}


@pytest.mark.parametrize("point", STEPS.values(), ids=STEPS.keys())
def test_c1_killed_at_each_step_nothing_is_lost_and_nothing_happens_twice(
    scene: Scene, driver: Passes, point: str
) -> None:
    site = scene.site
    eventually(lambda: driver.make(site, point, report=REPORTED) == KILLED, f"killed at {point}")
    shutil.rmtree(site.folder / "state")

    def sent_again() -> bool:
        return driver.make(site, report=REPORTED) == 0 and site.events()[-1:] == ["applied"]

    eventually(sent_again, "goes on where it stood")
    scene.accepted.add(REPORTED)
    assert len(git(site.remote, "log", "--author=alertmanager", "--format=%h", "production").splitlines()) == 1
    assert site.events() == ["opened", "decided", "applied"]
    assert [body["spec"]["replicas"] for body in site.scalings() if "spec" in body] == [2]


def other_daemon(site: Site) -> Site:
    """Return the same site as another daemon has it, with a folder of its own."""
    other = copy.copy(site)
    other.config = site.folder / "other.yaml"
    other.config.write_text(site.config.read_text().replace("stateDir: state", "stateDir: other"))
    return other


@pytest.mark.parametrize("moment", ["before-write", "before-push"])
def test_c2_a_daemon_that_stood_still_meanwhile_is_fenced_by_the_push(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """While the one stands there another does everything, and its own push comes too late."""
    site = scene.site
    scene.problem()
    with site.loop() as stale, other_daemon(site).loop() as quick:
        at(monkeypatch, moment, lambda: scene.applied(quick))
        assert stale.tick() == ()
        assert site.events() == ["opened", "decided", "applied"]
        for loop in (stale, quick):
            assert loop.tick() == ()
    assert len(site.scalings()) == 1


def test_c2_a_lease_that_was_lost_right_before_a_write_ends_the_right_to_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = scene.site
    with crew(site) as all_of:
        clock = Own()
        stale, other = all_of.join(clock), all_of.join()
        stale.turn()
        other.turn()
        scene.problem()
        with monkeypatch.context() as there:
            there.setattr(dispatch, "reach", lambda name: clock.pass_by(60) if name == "before-apply" else None)
            stale.loop.tick()
        assert site.events() == ["opened", "decided"]
        assert scaled(site) == []
        all_of.clock.pass_by(60)
        all_of.until(lambda: site.events()[-1:] == ["applied"], "the other goes on", other)
    assert site.events() == ["opened", "decided", "applied"]


def test_c6_a_configuration_that_cannot_be_used_leaves_the_old_one_in_force(scene: Scene) -> None:
    site = scene.site
    with running(site) as daemon:
        for bad in ("projects: [oops\n", "projects: {}\nsurprise: true\n", "stateDir: state\n"):
            told = len(daemon.logged(level="warning"))
            site.config.write_text(bad)
            eventually(lambda told=told: len(daemon.logged(level="warning")) > told, "told")  # type: ignore[misc]
            last = daemon.logged(level="warning")[-1]
            assert "the old one stays" in last["event"]
            assert f"{site.config.name}:1" in last["reason"]
        scene.problem()
        eventually(lambda: site.events()[-1:] == ["applied"], "goes on with the old one")
        assert daemon.stop() == 0
        scene.said += daemon.lines


BOUND = 30.0
"""Seconds that an ordered stop may take."""


def told_to_end(site: Site, daemon: Running) -> str:
    """Return what a hook does to end the daemon, and to leave in `asked` when that was, in seconds since the boot."""
    return f"cut -d' ' -f1 /proc/uptime > {site.folder}/asked\nkill -TERM {daemon.process.pid}"


def took(site: Site, daemon: Running) -> float:
    """Return the seconds from the signal to the end, by a clock that nobody sets."""
    eventually((site.folder / "asked").exists, "the signal was sent")
    daemon.process.wait(2 * BOUND)
    return time.clock_gettime(time.CLOCK_BOOTTIME) - float((site.folder / "asked").read_text())


OURS = 'read old new ref\ngit log -1 --format=%an "$new" | grep -q reconciler || exit 0\n'


def test_c7_sigterm_in_a_storm_is_an_orderly_stop(scene: Scene) -> None:
    """It comes while the first push of steps is on its way; what is there is not done again by who comes next."""
    site = scene.site
    names = [f"s{number}" for number in range(60)]
    files = {f"ops/production/carts/problems/{name}.yaml": "title: unheard of\nstate: open\n" for name in names}
    with running(site) as daemon:
        hook(site, "pre-receive", OURS + told_to_end(site, daemon))
        scene.problem()
        scene.person(dict(files), "a storm")
        scene.accepted |= set(names)
        assert took(site, daemon) <= BOUND
        assert daemon.stop() == 0
        assert daemon.logged(event="stopped")
        scene.said += daemon.lines
    assert git(site.remote, "log", "--author=reconciler", "--format=%h", "production"), "what was on its way has landed"
    (site.remote / "hooks" / "pre-receive").unlink()
    with site.loop() as loop:
        until(loop, lambda: site.events().count("unmatched") == 60 and "applied" in site.events(), "the rest")
    assert site.events().count("opened") == 1


@pytest.mark.thorough
def test_c7_a_push_that_hangs_holds_no_stop_for_longer_than_its_bound(scene: Scene) -> None:
    """The remote never answers it, so nothing is finished; who comes next does it all."""
    site = scene.site
    with running(site) as daemon:
        hanging = hook(site, "pre-receive", f"{OURS}{told_to_end(site, daemon)}\nexec sleep 600")
        scene.problem()
        assert took(site, daemon) <= BOUND
        eventually(lambda: daemon.logged(event="a project did not stop in time; the process ends"), "it is said", 5)
        scene.said += daemon.lines
    hanging.unlink()
    assert site.scalings() == []
    with site.loop() as loop:
        scene.applied(loop)
    assert site.events() == ["opened", "decided", "applied"]


def test_c8_an_older_daemon_leaves_a_stage_to_newer_rules(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rolling upgrade with a remediation in flight: the newer one has taken a step, and the older one comes back."""
    site = scene.site
    scene.problem()
    with site.loop() as newer, other_daemon(site).loop() as older:
        scene.applied(newer)
        site.later()
        with monkeypatch.context() as there:
            there.setattr("reconciler.repo.stage.RULES", 0)
            with scene.blind(older, "left to a newer reconciler"):
                assert older.tick() == ()
                scene.problem("p2")
                assert older.tick() == ()
        until(newer, lambda: "attached" in site.events(), "taken up by the newer one")
    assert site.events().count("decided") == 1


def test_c9_a_revert_of_a_decision_undoes_it_once(scene: Scene) -> None:
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        git(site.clone, "pull", "-q", "--rebase", "origin", "production")
        decided = git(site.clone, "log", "-1", "--grep=Event: decided", "--format=%H")
        git(site.clone, "revert", "--no-edit", decided)
        scene.people.add(site.push_head())
        until(loop, lambda: "reverted" in site.events(), "undone")
        until(loop, lambda: site.replicas() == 1, "and given back")
        assert loop.tick() == ()
    assert site.events().count("decided") == 1


@pytest.mark.parametrize(
    "path", ["ops/production/carts/state/desired.yaml", "ops/production/carts/remediations/p1/03-applied.yaml"]
)
def test_c9_what_a_person_writes_into_our_files_is_put_back_and_never_applied(scene: Scene, path: str) -> None:
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        ours = site.file(path) or ""
        scene.person({path: ours.replace('"value": 2', '"value": 9').replace("value: 2", "value: 9") + "\n"}, "by hand")
        until(loop, lambda: site.events()[-1:] == ["restored"], "put back, and said")
        assert site.file(path) == ours
        assert loop.tick() == ()
    assert site.replicas() == 2
    assert 9 not in [body["spec"]["replicas"] for body in site.scalings()]


def test_c9_an_open_problem_whose_file_is_taken_away_is_over(scene: Scene) -> None:
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        scene.person({"ops/production/carts/problems/p1.yaml": None}, "no longer")
        scene.accepted.discard("p1")
        loop.tick()
        site.later()
        until(loop, lambda: site.events()[-1:] == ["remediated"], "its source has resolved it")
    assert site.replicas() == 2


def test_c9_commands_that_contradict_each_other_have_one_outcome(scene: Scene) -> None:
    """Two people at once; whoever reads the branch comes to the same (I6)."""
    site = scene.site
    scene.problem()
    with site.loop() as loop:
        scene.applied(loop)
        commands = "ops/production/carts/commands/20261122T1000"
        scene.person({
            f"{commands}00Z-abort-p1-00.yaml": "verb: abort\nremediation: p1\n",
            f"{commands}01Z-undo-p1-02.yaml": "verb: undo\nremediation: p1\nstep: 2\n",
        }, "two minds")  # fmt: skip
        until(loop, lambda: {"aborted", "reverted"} & set(site.events()), "answered")
        for _ in range(3):
            loop.tick()
        assert len({"aborted", "reverted"} & set(site.events())) == 1
    assert site.events().count("decided") == 1
