"""Killed with SIGKILL right before and right after everything that the loop asks of Git, of servers and of receivers.

Two stories, over HTTP and with a repository of this machine: carts are scaled, a feature is switched off. A story has
phases; what a phase's pass comes by is found out once, without a crash, and then each story of the same kind is killed
at one of those points in every phase, and goes on with an empty disk. All must end as the one that was never killed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from reconciler.daemon.failpoints import Failpoint
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.cluster.rollout import Manual, Progress, WorkloadKey
from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.measured import SLI, SLO
from tests.daemon.reporting import path_of
from tests.daemon.site import THREE_ENTRIES, Site, eventually, git
from tests.daemon.test_closed_loop import Monitoring
from tests.evidence.speaking import SpeakingServer
from tests.faults.crash_points import COMES_BY, done, numbered
from tests.faults.crashing import KILLED, Passes, passes
from tests.faults.invariants import Scene
from tests.targets.endpoints.receiver import Receiver, Told, receiving

REPORTED: Final = "alertmanager-0ccb298e18a222fd-20261121T100000.123Z"
CARTS: Final = WorkloadKey("deployments.apps", "sockshop-production", "carts-primary")
MONTH: Final = 30 * 24 * 3600
WAIT: Final = 20
STORIES: Final = 60
"""No phase comes by more points than this; one story is killed at the first of each phase, one at the second..."""


@dataclass
class World:
    """A scene with everything that can be asked: Git, a cluster, a flag file, a Prometheus, a receiver."""

    scene: Scene
    receiver: Receiver
    rollout: Manual
    flag_files: set[int] = field(default_factory=set)

    @property
    def site(self) -> Site:
        return self.scene.site

    def look(self) -> None:
        """Remember when the flag file was written, which is done only where something changes."""
        self.flag_files.add(self.site.flags.stat().st_mtime_ns)

    def resolved(self) -> None:
        self.scene.person({path_of(REPORTED): "title: Response time degradation\nstate: resolved\n"}, "it is over")
        self.site.later(WAIT)

    def ready(self) -> None:
        if self.rollout.wanted.get(CARTS) is not None:
            self.rollout.report(CARTS, Progress.ready(self.site.replicas()))
            self.site.cluster.idle()

    def ends_with(self, event: str) -> bool:
        return self.site.events()[-1:] == [event]

    def state(self) -> dict[str, object]:
        """Return all that there is in the end, but for recorded times, ids of commits and the facts behind them."""
        listed = git(self.site.remote, "ls-tree", "-r", "--name-only", "production").splitlines()
        # A request that was cut off by the kill has no body, and did nothing.
        return {
            "files": {path: _timeless(self.site.file(path) or "") for path in listed},
            "events": self.site.events(),
            "subjects": self.site.subjects(),
            "replicas": self.site.replicas(),
            "scalings": [body["spec"] for body in self.site.scalings() if body and "spec" in body],
            "flags": _timeless(self.site.flags.read_text()),
            "writes of flags": len(self.flag_files),
            "told of": sorted(_timeless(each.json()["subject"]) for each in _first_of_each(self.receiver)),
        }


def _first_of_each(receiver: Receiver) -> list[Told]:
    return list({each.key: each for each in receiver.told}.values())


def _timeless(text: str) -> str:
    """Leave out when something was, with which commit, what was observed, and that it was late."""
    kept = re.sub(r"^facts:\n(?:[ ].*\n?)*", "", text, flags=re.MULTILINE)
    kept = re.sub(r"^late:.*\n", "", kept, flags=re.MULTILINE)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z|\b[0-9a-f]{40}\b", "_", kept)


@dataclass(frozen=True)
class Phase:
    """What happens first, and when the daemon has done what follows. ``report``: it is reported until it is taken."""

    begin: Callable[[World], None]
    done: Callable[[World], bool]
    report: str = ""


ACTED: Final = Phase(lambda world: None, lambda world: world.ends_with("decided"), report=REPORTED)
SCALED: Final = (
    Phase(ACTED.begin, lambda world: world.site.replicas() == 2, report=REPORTED),
    Phase(World.ready, lambda world: world.ends_with("applied")),
)
SWITCHED: Final = (Phase(ACTED.begin, lambda world: world.ends_with("applied"), report=REPORTED),)
ENDED: Final = (
    Phase(World.resolved, lambda world: world.ends_with("remediated")),
    Phase(lambda world: world.site.later(MONTH), lambda world: world.ends_with("archived")),
)
PHASES: Final = {"scaling": SCALED + ENDED, "flag": SWITCHED + ENDED}
Points = tuple[tuple[str, ...], ...]


@contextmanager
def world(folder: Path, kind: str) -> Iterator[World]:
    """Make everything anew; over HTTP where carts are scaled."""
    folder.mkdir()
    monitoring = Monitoring()
    monitoring.value = 80
    with ExitStack() as stack:
        cluster = stack.enter_context(EmbeddedCluster())
        prometheus = stack.enter_context(SpeakingServer(monitoring))
        receiver = stack.enter_context(receiving())
        journals: dict[str, Callable[[], list[Any]]] = {
            "Prometheus": lambda: prometheus.requests, "the receiver": lambda: receiver.told,
        }  # fmt: skip
        site = Site(folder, cluster)
        cluster.idle()
        cluster.rollout = rollout = Manual()
        told = (
            f"{{name: on-call, kind: webhook, url: 'http://127.0.0.1:{receiver.port}/', events: [decided, remediated]}}"
        )
        config = site.config.read_text().replace("    stages:\n", f"    notifications: [{told}]\n    stages:\n")
        config += f"        evidence: {{prometheus: {{url: '{prometheus.url}'}}}}\n"
        playbook = THREE_ENTRIES.replace("EnableItemsCache:on", "EnablePromotion:off") if kind == "flag" else None
        if kind == "scaling":
            git(site.remote, "config", "http.receivepack", "true")
            (folder / "token").write_text("tok-4713")
            server = stack.enter_context(GitHttpServer(folder, {"robot": "tok-4713"}))
            journals["Git"] = lambda: server.journal
            where = f'{{url: "{server.url}/remote.git", username: robot, tokenFile: token}}'
            config = config.replace("{url: remote.git}", where)
        site.config.write_text(config)
        scene = Scene(site)
        scene.watch()
        cluster.write_kubeconfig(folder / "kubeconfig", token=scene.plant("tok-4714-of-the-cluster", "the cluster"))
        scene.plant("tok-4713", "Git")
        for name, journal in journals.items():
            scene.servers.know(name, journal)
        scene.person({
            "carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": SLI, "stage.yaml": f"wait: {WAIT}s\n",
            **({"carts/remediation.yaml": playbook} if playbook else {}),
        })  # fmt: skip
        made = World(scene, receiver, rollout)
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
            status = driver.make(made.site, report=phase.report)
            made.look()
            return status == 0 and phase.done(made)

        eventually(passed, f"phase {number} is over")
        states.append(made.state())
    # That the problem is there, or archived, and was dealt with once (I1) is what the states say.
    made.scene.check((made.site.folder / "said.txt").read_text())
    return states


@dataclass(frozen=True)
class Undisturbed:
    """How a story goes without a crash: the points of each phase's first pass, and how all is after each."""

    points: Points
    states: list[dict[str, object]]


@pytest.fixture(scope="module")
def driver() -> Iterator[Passes]:
    with passes() as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(driver: Passes, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Undisturbed]:
    known: dict[str, Undisturbed] = {}

    def found(kind: str) -> Undisturbed:
        if kind not in known:
            folder = tmp_path_factory.mktemp("undisturbed") / kind
            points: list[tuple[str, ...]] = []

            with world(folder, kind) as made:

                def trace(number: int, phase: Phase) -> None:
                    file = folder / f"trace-{number}"
                    driver.make(made.site, report=phase.report, trace=file)
                    points.append(numbered([name for name in file.read_text().splitlines() if " " not in name]))

                states = play(made, PHASES[kind], driver, trace)
            known[kind] = Undisturbed(tuple(points), states)
        return known[kind]

    return found


@pytest.mark.parametrize("kind", PHASES)
def test_the_points_are_those_of_the_whole_loop(undisturbed: Callable[[str], Undisturbed], kind: str) -> None:
    found = undisturbed(kind)
    assert max(map(len, found.points)) <= STORIES, [len(points) for points in found.points]
    assert done([point.partition(":")[0] for points in found.points for point in points]) == COMES_BY["whole loop"]


def test_each_point_that_is_listed_is_come_by_in_some_story() -> None:
    assert frozenset().union(*COMES_BY.values()) == done(get_args(Failpoint))


@pytest.mark.parametrize("kind", PHASES)
@pytest.mark.parametrize("number", range(STORIES))
def test_killed_at_every_point_and_started_again_it_ends_the_same(
    undisturbed: Callable[[str], Undisturbed], driver: Passes, tmp_path: Path, kind: str, number: int
) -> None:
    expected = undisturbed(kind)
    last = max((at + 1 for at, points in enumerate(expected.points) if number < len(points)), default=0)
    if not last:
        return
    with world(tmp_path / "site", kind) as made:

        def kill(phase_number: int, phase: Phase) -> None:
            points = expected.points[phase_number]
            if number < len(points):
                point = points[number]
                eventually(lambda: driver.make(made.site, point, report=phase.report) == KILLED, f"killed at {point}")
                made.look()
                shutil.rmtree(made.site.folder / "state", ignore_errors=True)

        for found, wanted in zip(play(made, PHASES[kind][:last], driver, kill), expected.states, strict=False):
            assert found == wanted, [name for name in wanted if found[name] != wanted[name]]
