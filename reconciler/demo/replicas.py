"""The pods of `carts`: what the embedded cluster's Deployment wants is started and stopped as real processes.

This is the cluster's rollout hook. A replica counts as ready, and gets requests, once its health endpoint has answered;
one that ends by itself is replaced, as a kubelet would.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from reconciler.demo.children import Child
from reconciler.demo.serving import ask
from reconciler.embedded.cluster import PodState, Progress, Report, Wanted, WorkloadKey

_BUSY_SECONDS: Final = 0.02
"""Between two looks while something is starting."""
_CALM_SECONDS: Final = 0.25
_RESTART_SECONDS: Final = 1.0
"""Before a replica that ended without ever having been ready is started again."""
_HEALTH_TIMEOUT: Final = 2.0


def carts_command(flags: Path) -> Callable[[str], list[str]]:
    """Return how a replica of a given name is started."""
    start = [sys.executable, "-m", "reconciler.demo.carts", "--with-parent", "--flags", str(flags)]
    return lambda name: [*start, "--name", name]


class Router(Protocol):
    """Whatever passes requests on to the replicas."""

    def route_to(self, ports: Mapping[str, int]) -> None:
        """Pass requests to these replicas from now on: name → port on loopback. Those in hand are finished."""


@dataclass(frozen=True, eq=False)
class _Wish:
    """One word of the cluster; a later one is another even if it wants the same, and has to be answered too."""

    replicas: int
    report: Report


@dataclass
class _Replica:
    name: str
    child: Child
    port: int = 0
    ready: bool = False


class Replicas:
    """Runs the replicas of the workload called ``workload``; a context manager. Implements `cluster.Rollout`.

    ``command`` returns the command line of a replica by its name; what it writes to stderr goes to ``log``.
    """

    def __init__(
        self, workload: str, command: Callable[[str], Sequence[str]], balancer: Router, log: Path,
        *, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._workload = workload
        self._command = command
        self._balancer = balancer
        self._log = log
        self._monotonic = monotonic
        self._turn = threading.Condition()
        self._wish: _Wish | None = None
        self._closed = False
        self._numbers = itertools.count(1)
        self._running: list[_Replica] = []
        self._trouble = ""
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._work, name="replicas", daemon=True)

    def wants(self, wanted: Wanted, report: Report) -> None:
        """Take note of how many there shall be. Another workload than ours gets none, and is told so."""
        if wanted.key.name != self._workload:
            report(Progress(refused=f"only {self._workload} is run here"))
            return
        self._wish_for(_Wish(wanted.replicas, report))

    def gone(self, key: WorkloadKey) -> None:
        """Stop all replicas of a workload that was deleted."""
        if key.name == self._workload:
            self._wish_for(_Wish(0, lambda _: None))

    def pids(self) -> dict[str, int]:
        """Return the processes of the replicas that are ready: name → process id."""
        with self._turn:
            return {one.name: one.child.pid for one in self._running if one.ready}

    def __enter__(self) -> Self:
        """Begin to follow what is wanted."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all replicas."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        self._thread.join()
        self._resize(0)

    def _wish_for(self, wish: _Wish) -> None:
        with self._turn:
            self._wish = wish
            self._turn.notify_all()

    def _work(self) -> None:
        wish: _Wish | None = None
        told: Progress | None = None
        while True:
            before, wish = wish, self._next(wish, _pause(told))
            if self._closed:
                return
            if wish is None:
                continue
            progress = self._look(wish.replicas)
            if wish is not before or progress != told:
                wish.report(progress)
            told = progress

    def _next(self, last: _Wish | None, pause: float) -> _Wish | None:
        """Return what is wanted, at once if that is new, and else after ``pause`` seconds."""
        with self._turn:
            self._turn.wait_for(lambda: self._closed or self._wish is not last, pause)
            return self._wish

    def _look(self, wanted: int) -> Progress:
        """Start and stop what is needed, and return how the replicas fare."""
        self._bury()
        self._resize(wanted)
        for replica in self._running:
            if not replica.ready and _answers(replica):
                with self._turn:
                    replica.ready = True
                self._trouble = ""
                self._route()
        waiting = PodState(ready=False, reason="CrashLoopBackOff" if self._trouble else "", message=self._trouble)
        missing = (waiting,) * (wanted - len(self._running))
        return Progress((*(PodState(ready=one.ready) for one in self._running), *missing))

    def _bury(self) -> None:
        """Take away what ended by itself."""
        for replica in [one for one in self._running if one.child.status() is not None]:
            status = replica.child.stop()
            with self._turn:
                self._running.remove(replica)
            self._route()
            if not replica.ready:
                self._trouble = f"{replica.name} ended with {status} before it was ready"
                self._not_before = self._monotonic() + _RESTART_SECONDS

    def _resize(self, wanted: int) -> None:
        while len(self._running) < wanted and self._monotonic() >= self._not_before:
            name = f"{self._workload}-{next(self._numbers)}"
            replica = _Replica(name, Child(self._command(name), self._log, announces=True))
            with self._turn:
                self._running.append(replica)
        while len(self._running) > wanted:
            with self._turn:
                replica = self._running.pop()
            self._route()
            replica.child.stop()

    def _route(self) -> None:
        self._balancer.route_to({one.name: one.port for one in self._running if one.ready})


def _pause(told: Progress | None) -> float:
    calm = told is None or all(pod.ready for pod in told.pods)
    return _CALM_SECONDS if calm else _BUSY_SECONDS


def _answers(replica: _Replica) -> bool:
    """Say whether a replica's health endpoint answers; its port is on its first line."""
    line = replica.child.line()
    if line is None:
        return False
    try:
        replica.port = json.loads(line)["port"]
        return ask(replica.port, "/health", timeout=_HEALTH_TIMEOUT).status == http.client.OK
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return False  # and if it never does, the rollout's deadline says so
