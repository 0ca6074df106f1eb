"""What must not do harm even where everything works: rows X1, X2 and X4, through the whole loop."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from reconciler.daemon.logs import configure
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.git_http import GitHttpServer
from reconciler.model import canonical
from reconciler.model.daemon_config import LogConfig
from tests.daemon.agreement import check_replay
from tests.daemon.measured import SLI, SLO
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import SCALING, Site, deployment, git, until
from tests.evidence.speaking import Request, Response, SpeakingServer
from tests.faults.invariants import TITLE, Scene
from tests.faults.measuring import WAIT, happened
from tests.faults.sights import contents_of

FIGHT = """\
remediations:
- name: too slow
  actions: [{action: scaling, value: +1}]
- name: too idle
  actions: [{action: scaling, value: -1}]
"""
ROUNDS = 10


def escalations(scene: Scene) -> list[str]:
    """Return why people were called, oldest first."""
    found = git(scene.site.remote, "log", "--reverse", "--format=%B%x00", "production").split("\0")
    return [text for text in found if "\nEvent: escalated" in text]


def test_x1_two_problems_that_cause_each_other_are_given_to_a_person(scene: Scene) -> None:
    """A simulator: with one replica it is too slow, with two too idle, and so on, a round a minute."""
    site = scene.site
    scene.person({"carts/remediation.yaml": FIGHT, "stage.yaml": f"wait: {WAIT}s\n"})
    with site.loop() as loop:
        for number in range(ROUNDS):
            title = "too slow" if site.replicas() == 1 else "too idle"
            scene.problem(f"p{number}", title)
            until(loop, lambda number=number: _dealt_with(scene, f"p{number}"), f"p{number} is dealt with")  # type: ignore[misc]  # a lambda with a default
            scene.person({f"ops/production/carts/problems/p{number}.yaml": f"title: {title}\nstate: resolved\n"})
            site.later(60)
            loop.tick()
        decided = site.events().count("decided")
    assert 2 <= decided <= 6, "three times an hour for each entry, whatever happens"
    assert len(site.scalings()) == decided
    called = escalations(scene)
    assert called
    assert all("loop guard" in text.casefold() for text in called)


def test_x1_an_action_that_causes_its_own_alert_is_not_done_for_ever(scene: Scene) -> None:
    site = scene.site
    scene.person({"stage.yaml": f"wait: {WAIT}s\n"})
    with site.loop() as loop:
        for number in range(ROUNDS):
            scene.problem(f"p{number}")
            until(loop, lambda number=number: _dealt_with(scene, f"p{number}"), f"p{number} is dealt with")  # type: ignore[misc]  # a lambda with a default
            scene.person({f"ops/production/carts/problems/p{number}.yaml": f"title: {TITLE}\nstate: resolved\n"})
            site.later(60)
            loop.tick()
    assert site.replicas() == 4, "three times within the hour"
    assert len(escalations(scene)) == ROUNDS - 3


def _dealt_with(scene: Scene, name: str) -> bool:
    listed = git(
        scene.site.remote,
        "ls-tree",
        "-r",
        "--name-only",
        "production",
        "--",
        f"ops/production/carts/remediations/{name}",
    )
    return any(line.endswith(("applied.yaml", "escalated.yaml")) for line in listed.splitlines())


SERVICES = 1000
GRAVE = (137, 500, 999)


@pytest.fixture
def large(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    """A scene that is too large to be followed commit by commit afterwards (I6): its steps are replayed once."""
    with EmbeddedCluster() as cluster:
        made = Scene(Site(tmp_path, cluster))
        made.watch()
        cluster.write_kubeconfig(tmp_path / "kubeconfig", token=made.plant("tok-4711-of-the-cluster", "the cluster"))
        with made.effects.watching_files(tmp_path):
            yield made
        said = capfd.readouterr()
        made.said.append(said.out + said.err)
        made.check_outside()
        check_replay(made.site)


def test_x2_where_everything_alerts_few_are_acted_upon_the_gravest_first(large: Scene) -> None:
    scene, site = large, large.site
    names = [f"s{number:03}" for number in range(SERVICES)]
    files: dict[str, str | None] = {"stage.yaml": "budgets: {servicesPerHour: 5}\n"}
    for number, name in enumerate(names):
        site.cluster.create(deployment(name))
        files[f"g{number % 10}/{name}/remediation.yaml"] = SCALING
    scene.person(files, "a thousand services")
    problems: dict[str, str | None] = {}
    for number, name in enumerate(names):
        severity = "critical" if number in GRAVE else "warning"
        problems[f"ops/production/g{number % 10}/{name}/problems/p-{name}.yaml"] = (
            f"title: {TITLE}\nstate: open\nlabels: {{severity: {severity}}}\n"
        )
    scene.person(problems, "a switch has failed")
    scene.accepted |= {f"p-{name}" for name in names}
    with site.loop() as loop:
        loop.tick()  # a thousand decisions take as long as the machine needs
        until(loop, lambda: site.events().count("applied") == 5, "five are acted upon")
        assert loop.tick() == ()
    acted = {name for name in names if site.replicas(name) == 2}
    assert len(acted) == 5
    assert {names[number] for number in GRAVE} <= acted
    assert site.events().count("held") == SERVICES - 5
    shutil.rmtree(site.folder / "state")
    with site.loop() as loop:
        assert loop.tick() == (), "who starts anew sees the same"
    told = held_steps(scene)
    assert told.keys() == set(names) - acted, "each of the others has a step of its own that says so"
    first = ", ".join(sorted(f"g{int(name[1:]) % 10}/{name}" for name in acted)[:3])
    for name, held in told.items():
        assert held["condition"] == "budget"
        assert held["reason"] == f"5 services were acted upon within an hour ({first} and 2 more)", name
        assert "budgets.servicesPerHour" in str(held["lifts"])


def held_steps(scene: Scene) -> dict[str, dict[str, object]]:
    """Return what is said in the step that holds each service, by the service's name."""
    listed = git(scene.site.remote, "ls-tree", "-r", "--name-only", "production", "--", "ops/production").splitlines()
    files = [path for path in listed if path.endswith("-held.yaml")]
    held = contents_of(scene.site.remote, [f"production:{path}" for path in files])
    return {name.split("/")[3]: canonical.read(content, name) for name, content in held.items()}


class Echoing:
    """A Prometheus that refuses, and repeats whatever it was sent in its words."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, request: Request) -> Response:
        said = request.headers.get("authorization", "")
        self.heard.append(said)
        body = {"status": "error", "errorType": "bad_data", "error": f"who is {said}? I know no {said[7:]}"}
        return Response(400, json.dumps(body).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def _as_a_daemon_speaks() -> Iterator[None]:
    configure(LogConfig(level="debug"))
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_as_a_daemon_speaks")
def test_x4_no_planted_secret_is_in_anything_that_leaves(
    scene: Scene, server: GitHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a token's file, in the environment, and again in what is reported; servers repeat what they are sent."""
    site = scene.site
    token = "prom-Pl4nted-0815/x+y"
    monkeypatch.setenv("PROMETHEUS_TOKEN", token)
    scene.plant(token, "Prometheus")
    (password,) = (server.users or {}).values()
    echoing = Echoing()
    with SpeakingServer(echoing) as prometheus:
        block = f"{{prometheus: {{url: {prometheus.url!r}, tokenEnv: PROMETHEUS_TOKEN}}}}"
        site.config.write_text(f"{site.config.read_text()}        evidence: {block}\n")
        scene.person({"carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": SLI, "stage.yaml": f"wait: {WAIT}s\n"})
        with site.loop() as loop:
            scene.servers.know("Prometheus", lambda: prometheus.requests)
            title = f"{TITLE} with {token} and {password}"
            ((receipt,),) = handed_in(loop, [report("p1", title=title)])
            assert receipt.durable
            scene.applied(loop)
            site.later(WAIT)
            happened(scene, loop, "evaluated")
            server.users = {"robot": "another"}
            scene.problem("p2", "unheard of")
            loop.tick()
            scene.said += loop.conditions.values()
            assert "refuses our credentials" in " ".join(loop.conditions.values())
            scene.said += [Path(f"/proc/{pid}/cmdline").read_text() for pid in loop._mirror.pids()]
            server.users = {"robot": password}
            loop.unblock()
            happened(scene, loop, "unmatched")
    assert echoing.heard
    assert all(token in said for said in echoing.heard)
    evaluated = site.file("ops/production/carts/remediations/p1/04-evaluated.yaml") or ""
    assert "who is Bearer ***" in evaluated
    for file in (path for path in (site.folder / "state").rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert not [each for each in scene.secrets if each.encode() in content], file
