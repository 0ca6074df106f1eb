"""A shop with objectives whose Prometheus says what a test wants, and clocks that go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.daemon.project_loop import ProjectLoop
from tests.daemon.measured import SLI, SLO, TITLE, TWO
from tests.daemon.site import Later, until
from tests.evidence.speaking import Request, Response, SpeakingServer
from tests.faults.invariants import Scene

WAIT = 20
"""Seconds from an action's effect to its evaluation."""
BEGUN = ["opened", "decided", "applied"]


def success(kind: str, result: object, **more: object) -> Response:
    """Return a good answer of Prometheus with a result of this kind."""
    body = {"status": "success", "data": {"resultType": kind, "result": result}, **more}
    return Response(200, json.dumps(body).encode(), {"Content-Type": "application/json"})


def vector(*values: str) -> Response:
    """Return an instant vector with one series a value."""
    return success("vector", [{"metric": {"pod": f"p{n}"}, "value": [1, text]} for n, text in enumerate(values)])


@dataclass
class Prometheus:
    """Answers queries for a value with ``answer``, given a moment; ``asked`` has the queries and moments."""

    answer: Response | Callable[[int], Response] = field(default_factory=lambda: vector("80"))
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        if request.path.endswith("/query_range"):
            return success("matrix", [])
        moment = int(request.params["time"])
        self.asked.append((request.params["query"], moment))
        return self.answer(moment) if callable(self.answer) else self.answer

    def says(self, value: float) -> None:
        self.answer = vector(str(value))


@contextmanager
def measured(scene: Scene, *, deadline: str = "10s", url: str = "") -> Iterator[Prometheus]:
    """Let the stage have objectives, a playbook of two actions and a Prometheus, at ``url`` where nobody answers."""
    prometheus = Prometheus()
    site = scene.site
    with SpeakingServer(prometheus) as server:
        scene.servers.know("Prometheus", lambda: server.requests)
        (site.folder / "prometheus").write_text(scene.plant("tok-4711-of-prometheus", "Prometheus"))
        reached = f"url: {url or server.url!r}, tokenFile: prometheus, deadline: {deadline}"
        block = f"{{deadline: 10m, prometheus: {{{reached}}}}}"
        site.config.write_text(f"{site.config.read_text()}        evidence: {block}\n")
        scene.person({
            "carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": SLI, "carts/remediation.yaml": TWO,
            "stage.yaml": f"wait: {WAIT}s\n",
        })  # fmt: skip
        yield prometheus


def resolve(scene: Scene, name: str = "p1") -> None:
    """Let a problem's source say that it is over."""
    path = f"ops/production/carts/problems/{name}.yaml"
    scene.person({path: f"title: {TITLE}\nstate: resolved\n"}, f"{name} resolved")


def happened(scene: Scene, loop: ProjectLoop, event: str, times: int = 1) -> None:
    """Let the loop look until an event is on the branch so many times."""
    until(loop, lambda: scene.site.events().count(event) >= times, f"{event} {times} times")


class Jumping(Later):
    """The machine's clocks, of which a test may set the one on the wall."""

    def __init__(self) -> None:
        super().__init__()
        self._set_by = 0.0

    def wall(self) -> float:
        return super().wall() + self._set_by

    def jump(self, seconds: float) -> None:
        """Set the clock, as an administrator or a time server does."""
        self._set_by += seconds
