"""Whole stories of the loop, told once without a crash and again with one in each phase, and what there is in the end.

A story has phases. What the first pass of a phase comes by is found out without a crash; then the story is told again,
and killed once in each phase, at a point of that phase. It must be after each phase as it was without the crash.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.cluster.rollout import Manual, Progress, WorkloadKey
from reconciler.embedded.unleash import UnleashDouble
from tests.daemon.measured import SLI, SLO
from tests.daemon.reporting import path_of
from tests.daemon.site import Site, eventually, git
from tests.daemon.test_closed_loop import Monitoring
from tests.evidence.speaking import SpeakingServer
from tests.faults.crash_points import kills, numbered, one_clock
from tests.faults.crashing import AHEAD, KILLED, ONE, How, Passes
from tests.faults.effects import ROBOT
from tests.faults.invariants import Scene
from tests.targets.endpoints.receiver import Receiver, Told, receiving

REPORTED: Final = "alertmanager-0ccb298e18a222fd-20261121T100000.123Z"
SPACE: Final = "sockshop-production"
CARTS: Final = WorkloadKey("deployments.apps", SPACE, "carts-primary")
MONTH: Final = 30 * 24 * 3600
WAIT: Final = 20


@dataclass
class World:
    """A scene with everything that can be asked: Git, a cluster, flags, a Prometheus, a receiver, an endpoint."""

    scene: Scene
    receiver: Receiver
    endpoint: Receiver
    rollout: Manual
    monitoring: Monitoring
    flag_files: set[int] = field(default_factory=set)
    unleash: UnleashDouble | None = None
    wait: int = WAIT
    """Seconds from an effect to its evaluation."""

    @property
    def site(self) -> Site:
        return self.scene.site

    def look(self) -> None:
        """Remember when the flag file was written, which is done only where something changes."""
        self.flag_files.add(self.site.flags.stat().st_mtime_ns)

    def resolved(self) -> None:
        self.scene.person({path_of(REPORTED): "title: Response time degradation\nstate: resolved\n"}, "it is over")
        self.waited()

    def waited(self) -> None:
        self.site.later(self.wait)

    def ready(self) -> None:
        if self.rollout.wanted.get(CARTS) is not None:
            self.rollout.report(CARTS, Progress.ready(self.site.replicas()))
            self.site.cluster.idle()

    def ends_with(self, *events: str) -> bool:
        return self.site.events()[-len(events) :] == list(events)

    def template(self) -> dict[str, Any]:
        """Return the template of the workload's pods."""
        found = self.site.cluster.get("Deployment", SPACE, "carts-primary")["spec"]["template"]
        assert isinstance(found, dict)
        return found

    def state(self) -> dict[str, object]:
        """Return all that there is in the end, but for recorded times, ids of commits and the facts behind them."""
        listed = git(self.site.remote, "ls-tree", "-r", "--name-only", "production").splitlines()
        # A request that was cut off by the kill has no body, and did nothing.
        return {
            "files": {path: _timeless(self.site.file(path) or "") for path in listed},
            "events": self.site.events(),
            "subjects": self.site.subjects(),
            "replicas": self.site.replicas(),
            "template": _timeless(json.dumps(self.template(), sort_keys=True)),
            "writes of specs": [
                _timeless(json.dumps(body["spec"], sort_keys=True))
                for body in self.site.scalings()
                if body and "spec" in body
            ],
            "flags": _timeless(self.site.flags.read_text()),
            "writes of flags": len(self.flag_files),
            "switches": self._switches(),
            "told of": sorted(_timeless(each.json()["subject"]) for each in first_of_each(self.receiver)),
            "called": sorted(_timeless(each.body.decode()) for each in first_of_each(self.endpoint)),
        }

    def _switches(self) -> list[tuple[str, str]]:
        """Return which flags we have switched and how, in this order."""
        if self.unleash is None:
            return []
        with self.unleash.world.lock:
            ours = [each for each in self.unleash.world.events if each["createdBy"] == ROBOT]
        return [(each["featureName"], each["type"]) for each in ours if each["type"].startswith("feature-environment-")]


def _tell(site: Site) -> None:
    """Let servers know what the clock says."""
    os.utime(site.folder / AHEAD, (site.clock.ahead, site.clock.ahead))


def first_of_each(receiver: Receiver) -> list[Told]:
    """Return what was told, once for each key; what is told again under one key must be the same."""
    found: dict[str, Told] = {}
    for each in list(receiver.told):
        # Headers and body go out one after the other: what the kill came between has told nothing.
        if len(each.body) == int(each.headers["content-length"]):
            assert found.setdefault(each.key, each).body == each.body, (each.body, found[each.key].body)
    return list(found.values())


def _timeless(text: str) -> str:
    """Leave out when something was, with which commit, what was observed, and that it was late."""
    kept = re.sub(r"^facts:\n(?:[ ].*\n?)*", "", text, flags=re.MULTILINE)
    kept = re.sub(r"^late:.*\n", "", kept, flags=re.MULTILINE)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z|\b[0-9a-f]{40}\b", "_", kept)


@dataclass(frozen=True)
class Phase:
    """What happens first, and when the daemon has done what follows.

    ``report``: it is reported until it is taken. ``how``: how each pass is made; its time goes by for the next one too.
    """

    begin: Callable[[World], None]
    done: Callable[[World], bool]
    report: str = ""
    how: How = ONE

    def make(self, made: World, driver: Passes, failpoint: str = "", trace: Path | None = None) -> int:
        """Make a pass; returns its exit status."""
        _tell(made.site)
        status = driver.make(made.site, failpoint, report=self.report, trace=trace, how=self.how)
        made.site.later(self.how.turns * self.how.seconds)
        _tell(made.site)
        made.look()
        return status


@dataclass(frozen=True)
class Story:
    """Its phases, and where it happens: ``furnished`` adds servers to a world, and files of people to its branch.

    ``keeps_disk``: who comes after a kill finds the disk as it is, so changes of files are points too.
    """

    phases: tuple[Phase, ...]
    furnished: Callable[[World, ExitStack], Mapping[str, str | None]]
    keeps_disk: bool = False


@contextmanager
def world(folder: Path, story: Story) -> Iterator[World]:
    """Make everything anew."""
    folder.mkdir()
    monitoring = Monitoring()
    monitoring.value = 80
    with ExitStack() as stack:
        cluster = stack.enter_context(EmbeddedCluster())
        prometheus = stack.enter_context(SpeakingServer(monitoring))
        receiver, endpoint = stack.enter_context(receiving()), stack.enter_context(receiving())
        site = Site(folder, cluster)
        one_clock(site)
        _tell(site)
        cluster.idle()
        cluster.rollout = rollout = Manual()
        told = (
            f"{{name: on-call, kind: webhook, url: 'http://127.0.0.1:{receiver.port}/', events: [decided, remediated]}}"
        )
        config = site.config.read_text().replace("    stages:\n", f"    notifications: [{told}]\n    stages:\n")
        site.config.write_text(f"{config}        evidence: {{prometheus: {{url: '{prometheus.url}'}}}}\n")
        scene = Scene(site)
        scene.watch()
        cluster.write_kubeconfig(folder / "kubeconfig", token=scene.plant("tok-4714-of-the-cluster", "the cluster"))
        scene.servers.know("Prometheus", lambda: prometheus.requests)
        scene.servers.know("the receiver", lambda: receiver.told)
        made = World(scene, receiver, endpoint, rollout, monitoring)
        files = story.furnished(made, stack)
        scene.person({
            "carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": SLI, "stage.yaml": f"wait: {made.wait}s\n", **files,
        })  # fmt: skip
        made.look()
        yield made


def play(
    made: World, phases: Sequence[Phase], driver: Passes, kill: Callable[[int, Phase], None]
) -> list[dict[str, object]]:  # fmt: skip
    """Let a story happen; ``kill`` is called at the beginning of each phase. Returns the state after each."""
    states: list[dict[str, object]] = []
    for number, phase in enumerate(phases):
        phase.begin(made)
        kill(number, phase)

        def passed(phase: Phase = phase) -> bool:
            return phase.make(made, driver) == 0 and phase.done(made)

        eventually(passed, f"phase {number} is over")
        states.append(made.state())
    # That the problem is there, or archived, and was dealt with once (I1) is what the states say.
    made.scene.check((made.site.folder / "said.txt").read_text())
    return states


@dataclass(frozen=True)
class Undisturbed:
    """How a story goes without a crash: the points of each phase's first pass, and how all is after each."""

    points: tuple[tuple[str, ...], ...]
    states: list[dict[str, object]]


def undisturbed(folder: Path, story: Story, driver: Passes) -> Undisturbed:
    """Tell a story without a crash."""
    points: list[tuple[str, ...]] = []

    with world(folder, story) as made:

        def trace(number: int, phase: Phase) -> None:
            file = folder / f"trace-{number}"
            phase.make(made, driver, trace=file)
            names = file.read_text().splitlines()
            changes = set(kills(names)) if story.keeps_disk else set()
            points.append(tuple(point for point in numbered(names) if " " not in point or point in changes))

        states = play(made, story.phases, driver, trace)
    return Undisturbed(tuple(points), states)


def check_killed(
    folder: Path, story: Story, driver: Passes, expected: Undisturbed, points: Sequence[str]
) -> None:  # fmt: skip
    """Tell a story that is killed at these points, one of each phase, none where it is empty; it is as without."""
    last = max(at + 1 for at, point in enumerate(points) if point)
    with world(folder, story) as made:

        def kill(number: int, phase: Phase) -> None:
            if point := points[number]:
                eventually(lambda: phase.make(made, driver, point) == KILLED, f"killed at {point}")
                if not story.keeps_disk:
                    shutil.rmtree(made.site.folder / "state", ignore_errors=True)

        told = play(made, story.phases[:last], driver, kill)
        check_same(told, expected.states, points)


def check_same(
    told: Sequence[dict[str, object]], states: Sequence[dict[str, object]], killed: object
) -> None:  # fmt: skip
    """Check that after each phase that was told all is as it was without the kills."""
    for number, (found, wanted) in enumerate(zip(told, states, strict=False)):
        differs = {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}
        assert not differs, f"phase {number}, killed at {killed}: {differs}"
