"""Faults of time, and of what comes in an order that nobody thought of: rows S3 to S5, through the whole loop."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import permutations

import pytest

from reconciler.intake import dynatrace
from reconciler.intake.report import Report
from reconciler.model.instant import parse_instant
from reconciler.model.webhooks import Belonging
from tests.daemon.agreement import Reader, reading
from tests.daemon.measured import SLI, SLO
from tests.daemon.reporting import handed_in, path_of, report
from tests.daemon.site import SCALING, deployment, git, until
from tests.decide.test_properties import check_legal, check_nothing_lost
from tests.faults.invariants import TITLE, Scene
from tests.faults.measuring import BEGUN, WAIT, Jumping, happened, measured, resolve, vector

HOUR = 3600
FILES = {"remediation.yaml": SCALING, "slo.yaml": SLO, "prometheus/sli.yaml": SLI}


def planned(scene: Scene, service: str = "carts", name: str = "p1") -> int:
    """Return when the first action's evaluation was planned for."""
    applied = scene.site.file(f"ops/production/{service}/remediations/{name}/03-applied.yaml") or ""
    (until_then,) = (line for line in applied.splitlines() if line.startswith("until:"))
    return int(parse_instant(until_then.partition(": ")[2].strip('"')))


def test_s3_what_was_due_while_nobody_ran_is_evaluated_once_and_marked(scene: Scene) -> None:
    site = scene.site
    with measured(scene) as prometheus:
        scene.problem()
        with site.loop() as loop:
            scene.applied(loop)
        resolve(scene)
        site.later(5 * HOUR)
        with site.loop() as loop:
            happened(scene, loop, "remediated")
            assert loop.tick() == ()
    assert site.events() == [*BEGUN, "evaluated", "remediated"]
    assert [moment for _, moment in prometheus.asked] == [planned(scene)], "over the window that was planned, once"
    evaluated = site.file("ops/production/carts/remediations/p1/04-evaluated.yaml") or ""
    (late,) = (line for line in evaluated.splitlines() if line.startswith("late:"))
    assert int(late.partition(": ")[2]) >= 5 * HOUR - WAIT


SERVICES = ("carts", "s1", "s2", "s3", "s4")
AGAIN = 3
"""So many hours go by, one after the other, in which nobody looks."""


def looks(scene: Scene) -> Counter[str]:
    """Return how often each workload was read until now, by itself or in a list of all of them."""
    return Counter(entry.path for entry in scene.site.cluster.journal.entries("GET", "/deployments"))


@pytest.mark.parametrize("restarted", [True, False], ids=["nobody ran", "it stood still"])
def test_s3_what_is_overdue_of_several_services_is_done_once_each_and_no_burst_follows(
    scene: Scene, *, restarted: bool
) -> None:
    """Each hour has 180 waits and 120 sweeps that nobody made: they are not made up for."""
    site = scene.site
    with measured(scene) as prometheus, ExitStack() as stack:
        prometheus.answer = vector("NaN")  # it is measured again then, one wait later
        files: dict[str, str | None] = {}
        for name in SERVICES:
            files |= {f"{name}/{file}": text for file, text in FILES.items()}
            if name != "carts":
                site.cluster.create(deployment(name))
        scene.person(files, "several services")
        loop = stack.enter_context(site.loop())
        for name in SERVICES:
            scene.problem(f"p-{name}", service=name)
        happened(scene, loop, "applied", len(SERVICES))
        windows = {(f'p90{{job="{name}"}}', planned(scene, name, f"p-{name}")) for name in SERVICES}
        for times in range(1, AGAIN + 1):
            site.later(HOUR)
            if restarted:
                stack.close()
                loop = stack.enter_context(site.loop())
            prometheus.asked.clear()
            before = looks(scene)
            happened(scene, loop, "evaluated", times * len(SERVICES))
            for _ in range(5):
                assert loop.tick() == (), "nothing is made up for"
            assert site.events().count("evaluated") == times * len(SERVICES)
            assert Counter(prometheus.asked) == dict.fromkeys(windows, 1), "the window that was planned, once each"
            assert max((looks(scene) - before).values(), default=0) <= 2, "one look for what is due, and one sweep"
    assert Counter(site.events()) == dict.fromkeys(BEGUN, len(SERVICES)) | {"evaluated": AGAIN * len(SERVICES)}


def test_s3_what_failed_hours_ago_is_acted_upon_only_if_it_fails_now(scene: Scene) -> None:
    """The next action is due at once, for want of anything newer than hours: so it is measured first."""
    site = scene.site
    with measured(scene) as prometheus:
        scene.problem()
        with site.loop() as loop:
            scene.applied(loop)
        then = planned(scene)
        prometheus.answer = lambda moment: vector("500" if moment == then else "80")
        site.later(5 * HOUR)
        with site.loop() as loop:
            happened(scene, loop, "held")
            assert site.events() == [*BEGUN, "evaluated", "held"]
            assert site.flag("EnableItemsCache") == "off"
            prometheus.says(500)
            site.later(HOUR)
            happened(scene, loop, "applied", 2)
    assert site.events() == [*BEGUN, "evaluated", "held", "released", "decided", "applied"]
    assert site.flag("EnableItemsCache") == "on"


def clocked(scene: Scene, ahead: float = 0.0) -> Jumping:
    """Return clocks for a loop; the cluster's own are right, however wrong ours will be, ``ahead`` of it from now."""
    clock = Jumping()
    scene.site.cluster.now = lambda: datetime.fromtimestamp(clock.wall() - ahead, UTC)
    scene.sights.clock = clock.wall
    return clock


def nows(scene: Scene) -> list[str]:
    trailers = "--format=%(trailers:key=Now,valueonly)"
    return git(scene.site.remote, "log", "--reverse", "--author=reconciler", trailers, "production").split()


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_s4_a_jump_of_an_hour_makes_nothing_early_and_nothing_twice(scene: Scene, jump: int) -> None:
    site, clock = scene.site, clocked(scene)
    with measured(scene) as prometheus:
        scene.person({"carts/remediation.yaml": SCALING}, "one action")
        prometheus.says(500)
        scene.problem()
        with site.loop(clock) as loop:
            scene.applied(loop)
            clock.jump(jump)
            with scene.blind(loop, "clock"):
                loop.tick()
                clock.pass_by(WAIT + 5)
                loop.tick()
                # What the server said before counts no more: that the clock has jumped is all that is known now.
                clock.pass_by(150)
                loop.tick()
            assert prometheus.asked == []
            scene.problem("p2", "unheard of")
            happened(scene, loop, "unmatched")
            clock.pass_by(HOUR)
            happened(scene, loop, "escalated")
            assert loop.tick() == ()
    assert site.events() == [*BEGUN, "unmatched", "evaluated", "escalated"]
    assert nows(scene) == sorted(nows(scene)), "`now` never goes back along a branch"


@pytest.mark.parametrize("step", [-1, 1, -4, 4, -7, 7])
def test_s4_a_leap_second_is_nothing_and_a_step_of_seconds_holds_what_is_due(scene: Scene, step: int) -> None:
    site, clock = scene.site, clocked(scene)
    scene.person({"stage.yaml": f"wait: {WAIT}s\n"})
    scene.problem()
    with site.loop(clock) as loop:
        scene.applied(loop)
        clock.jump(step)
        if abs(step) > 5:
            with scene.blind(loop, "clock"):
                loop.tick()
        else:
            loop.tick()
            assert not loop.conditions
        clock.pass_by(WAIT + 30)
        happened(scene, loop, "escalated")
        assert not loop.conditions
    assert nows(scene) == sorted(nows(scene))


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_s4_a_clock_that_is_wrong_from_the_beginning_is_told_by_the_servers(scene: Scene, ahead: int) -> None:
    site, clock = scene.site, clocked(scene, ahead)
    scene.person({"stage.yaml": f"wait: {WAIT}s\n"})
    scene.problem()
    with site.loop(clock) as loop:
        until(loop, lambda: site.events()[-1:] == ["held"], "what is not due by time is decided and done")
        with scene.blind(loop, f"{HOUR} s {'ahead of' if ahead > 0 else 'behind'} the API server's"):
            loop.tick()
            clock.pass_by(WAIT + 1)
            loop.tick()
            assert (site.events(), site.replicas()) == ([*BEGUN, "held"], 2), "no wait begins by such a clock"
        clock.jump(-ahead)
        site.cluster.now = lambda: datetime.fromtimestamp(clock.wall(), UTC)
        loop.tick()
        clock.pass_by(2 * HOUR)
        happened(scene, loop, "released")
        clock.pass_by(WAIT + 1)
        happened(scene, loop, "escalated")
    assert site.events() == [*BEGUN, "held", "released", "evaluated", "escalated"]
    assert nows(scene) == sorted(nows(scene))


def test_s4_a_clock_that_is_behind_the_steps_in_git_holds_what_is_due(scene: Scene) -> None:
    """They were made on another machine, an hour ahead; the servers of this one are as wrong as it is."""
    site, clock = scene.site, clocked(scene)
    scene.person({"stage.yaml": f"wait: {WAIT}s\n"})
    scene.problem()
    with site.loop(clock) as loop:
        scene.applied(loop)
    clock.jump(-HOUR)
    with site.loop(clock) as loop:
        with scene.blind(loop, "steps in Git are", "ahead of this machine's clock"):
            loop.tick()
            clock.pass_by(WAIT + 1)
            loop.tick()
        clock.pass_by(HOUR)
        happened(scene, loop, "escalated")
        assert not loop.conditions
    assert site.events() == [*BEGUN, "evaluated", "escalated"]
    assert nows(scene) == sorted(nows(scene))


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "UTC"])
def test_s4_no_deadline_knows_of_summer_time(scene: Scene, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds before clocks go back an hour in New York: the wait is in UTC, and no longer than it is."""
    site, clock = scene.site, clocked(scene)
    begun = datetime(2026, 11, 1, 5, 59, 50, tzinfo=UTC).timestamp()
    clock.jump(begun - clock.wall())
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        scene.person({"stage.yaml": f"wait: {WAIT}s\n"})
        scene.problem()
        with site.loop(clock) as loop:
            scene.applied(loop)
            assert planned(scene) == parse_instant(nows(scene)[-1]) + WAIT
            clock.pass_by(WAIT)
            happened(scene, loop, "escalated")
    finally:
        monkeypatch.undo()
        time.tzset()
    moments = [parse_instant(each) for each in nows(scene)]
    assert begun <= moments[0] < begun + HOUR / 2, "it is summer still in New York"
    assert planned(scene) <= moments[-2] < planned(scene) + HOUR / 2


ACTS = ("a open", "a resolved", "a gone", "a merged", "b open")
"""What is said of two problems. Merged into another, a problem is over for Dynatrace, and the other one goes on."""


@pytest.mark.parametrize(
    "acts",
    [
        tuple(act for act in ACTS if act != "a merged"),
        tuple(act for act in ACTS if act != "a resolved"),
        pytest.param(ACTS, marks=pytest.mark.thorough),
    ],
    ids=["resolved", "merged", "both"],
)
def test_s5_every_order_of_what_sources_say_comes_to_an_end(scene: Scene, acts: tuple[str, ...]) -> None:
    """A service for each order: closed in the wait, opened again, closed before it opens, merged into another.

    Merged into one that is open, that opens later, or that has already begun; and what is merged may never have opened.
    """
    site = scene.site
    orders = {f"s{number:03}": order for number, order in enumerate(permutations(acts))}
    for name in orders:
        site.cluster.create(deployment(name))
    playbooks: dict[str, str | None] = {f"{name}/remediation.yaml": SCALING for name in orders}
    scene.person({**playbooks, "stage.yaml": f"wait: {WAIT}s\nloopGuard: {{times: 9}}\n"})
    for turn in range(len(acts) + 1):
        said = {name: order[turn] if turn < len(acts) else "b resolved" for name, order in orders.items()}
        _say(scene, said)
        if turn == len(acts):
            _say(scene, {name: "a resolved" for name in orders if (site.clone / _file(name, "a")).exists()})
        if turn % 2:
            shutil.rmtree(site.folder / "state", ignore_errors=True)
        with site.loop() as loop:
            merged = [_merged(name) for name, act in said.items() if act == "a merged"]
            receipts = handed_in(loop, merged)[0] if merged else ()
            assert {receipt.outcome for receipt in receipts} <= {"accepted", "unchanged"}
            loop.tick()
            until(loop, lambda: not _under_way(scene), "what is decided has taken effect")
            site.later(WAIT if turn % 2 else WAIT // 2)
    with site.loop() as loop:
        for _ in range(3):
            site.later(2 * WAIT)
            loop.tick()
            until(loop, lambda: not _under_way(scene), "what is decided has taken effect")
        assert loop.tick() == ()
    with reading(site, "end") as mirror:
        snapshot = Reader(site, mirror).read(git(site.remote, "rev-parse", "production"))
        check_legal(snapshot, settled=True)
        check_nothing_lost(snapshot)
        for path, view in snapshot.services.items():
            remediations = view.remediations.values()
            assert all(each.ended for each in remediations), path
            assert all(problem.resolved for each in remediations for problem in each.problems), orders[path]
            decided = sum(len(each.decisions) for each in remediations)
            assert path == "carts" or site.replicas(path) == 1 + decided, path
        assert len({tuple(r.outcome for r in view.remediations.values()) for view in snapshot.services.values()}) > 1


def _file(service: str, problem: str) -> str:
    return f"ops/production/{service}/problems/dynatrace-{problem}.yaml"


def _merged(service: str) -> Report:
    """Return what is made of Dynatrace's word that the problem `a` of a service is merged."""
    tags = f"keptn_project:sockshop, keptn_stage:production, keptn_service:{service}"
    told = {"PID": "a", "State": "MERGED", "ProblemTitle": TITLE, "Tags": tags}
    (found,) = dynatrace.read(json.dumps(told).encode(), Belonging()).reports
    return found


def _say(scene: Scene, said: dict[str, str]) -> None:
    git(scene.site.clone, "pull", "-q", "--rebase", "origin", "production")
    files: dict[str, str | None] = {}
    for name, act in said.items():
        problem, state = act.split()
        if state == "merged":
            continue
        path = _file(name, problem)
        there = (scene.site.clone / path).exists()
        if state != "gone":
            files[path] = f"title: {TITLE}\nstate: {state}\n"
        elif there:
            files[path] = None
    scene.person({**files, "NOTES": repr(said)})


def _under_way(scene: Scene) -> bool:
    events = scene.site.events()
    return events.count("decided") > events.count("applied") + events.count("failed")


def test_s5_what_was_over_before_it_was_told_to_have_begun_is_not_begun(scene: Scene) -> None:
    site = scene.site
    with site.loop() as loop:
        handed_in(loop, [report("p1", "resolved")])
        handed_in(loop, [report("p1", "open")])
        assert loop.tick() == ()
    assert 'state: "resolved"' in (site.file(path_of("p1")) or "")
    assert site.events() == []


@pytest.mark.parametrize("over", [False, True], ids=["the other is open", "the other is over too"])
def test_s5_a_problem_that_is_merged_into_another_is_over_and_the_other_goes_on(scene: Scene, over: bool) -> None:
    """It heals nothing by itself: what was done has helped where the other one is over in time as well."""
    site = scene.site
    scene.person({"stage.yaml": f"wait: {WAIT}s\n"})
    with site.loop() as loop:
        scene.problem("dynatrace-a")
        scene.applied(loop)
        scene.problem("dynatrace-b")
        happened(scene, loop, "attached")
        ((receipt,),) = handed_in(loop, [_merged("carts")])
        assert receipt.outcome == "accepted"
        assert loop.tick() == ()
        if over:
            resolve(scene, "dynatrace-b")
            loop.tick()
        site.later(WAIT)
        happened(scene, loop, "remediated" if over else "escalated")
    assert site.events()[:6] == [*BEGUN, "attached", "evaluated", "remediated" if over else "escalated"]
    assert site.replicas() == 2
