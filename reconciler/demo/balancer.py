"""The balancer in front of the replicas of `carts`: a real HTTP server that passes requests on to real HTTP servers.

`python -m reconciler.demo.balancer` announces its port on stdout and is told on stdin which replicas there are, a line
of JSON each time (name → port), which it repeats once it holds. It is a process of its own because what it measures
must not depend on what else the demo is busy with.

It answers `/metrics` itself, for what a request has to wait is only known where all of them pass. The replica with the
fewest requests in hand gets the next one, and of several the one that rested longest: round robin would keep a long
queue in front of the first replica after a second one has come.
"""

from __future__ import annotations

import http.client
import itertools
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Self

from reconciler.demo.metrics import CONTENT_TYPE, Metrics
from reconciler.demo.serving import Answer, Server, ask

_TIMEOUT: Final = 5.0
"""Seconds that a replica may take."""
METRICS: Final = "/metrics"
_PASSED_ON: Final = ("Content-Type", "X-Replica")


@dataclass
class _Backend:
    name: str
    port: int
    in_hand: int = 0
    last: int = 0


class Balancer:
    """Serves on ``url`` while it is entered; `route_to` says to which replicas. Its metrics are at ``metrics_url``."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._metrics = Metrics()
        self._server = Server(self._respond)
        self.url = self._server.url
        self.metrics_url = f"{self.url}{METRICS}"
        self._lock = threading.Lock()
        self._turns = itertools.count(1)
        self._backends: dict[str, _Backend] = {}

    def route_to(self, ports: Mapping[str, int]) -> None:
        """Pass requests to these replicas from now on: name → port on loopback. Those in hand are finished."""
        with self._lock:
            kept = {name: one for name, one in self._backends.items() if ports.get(name) == one.port}
            self._backends = {name: kept.get(name) or _Backend(name, port) for name, port in ports.items()}

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the requests in hand and stop."""
        self._server.stop()

    def _respond(self, path: str) -> Answer:
        if path == METRICS:
            return Answer(200, self._metrics.text().encode(), {"Content-Type": CONTENT_TYPE})
        begun = self._monotonic()
        answer = self._passed_on(path)
        self._metrics.observe(self._monotonic() - begun, answer.status)
        return answer

    def _passed_on(self, path: str) -> Answer:
        with self._chosen() as backend:
            if backend is None:
                return _own(503, "there is no replica")
            try:
                return ask(backend.port, path, timeout=_TIMEOUT, keep=_PASSED_ON)
            except (OSError, http.client.HTTPException) as error:
                return _own(502, f"{backend.name} does not answer: {error}")

    @contextmanager
    def _chosen(self) -> Iterator[_Backend | None]:
        with self._lock:
            backend = min(self._backends.values(), key=lambda one: (one.in_hand, one.last), default=None)
            if backend is not None:
                backend.in_hand += 1
                backend.last = next(self._turns)
        try:
            yield backend
        finally:
            if backend is not None:
                with self._lock:
                    backend.in_hand -= 1


def _own(status: int, error: str) -> Answer:
    return Answer(status, json.dumps({"error": error}).encode() + b"\n")


def main() -> None:
    """Serve until stdin ends or SIGTERM comes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Balancer() as balancer:
        _say(json.dumps({"url": balancer.url}))
        for line in sys.stdin:
            balancer.route_to(json.loads(line))
            _say(line.rstrip("\n"))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
