"""The balancer of `carts` as a process of its own, and how the demo tells it which replicas there are."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from reconciler.demo.balancer import METRICS
from reconciler.demo.children import Child
from reconciler.demo.waiting import NotYetError, Patience, UnmetError

_PATIENCE: Final = Patience(30.0, between=0.005)


class BalancerProcess:
    """Runs while it is entered; ``url`` is where it serves. What it complains about is added to ``log``."""

    def __init__(self, log: Path, environment: Mapping[str, str], patience: Patience = _PATIENCE) -> None:
        self._log = log
        self._environment = dict(environment)
        self._patience = patience
        self._child: Child | None = None
        self._lines = 0
        self.url = ""

    @property
    def metrics_url(self) -> str:
        """Where it shows what it measured."""
        return self.url + METRICS

    def __enter__(self) -> Self:
        """Start it. Raises UnmetError where it does not come up."""
        command = [sys.executable, "-m", "reconciler.demo.balancer"]
        self._child = Child(command, self._log, environment=self._environment, announces=True)
        try:
            self.url = json.loads(self._next_line(self._child))["url"]
        except UnmetError:
            self._child.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Let it finish the requests in hand and end."""
        if self._child is not None:
            self._child.stop()

    def route_to(self, ports: Mapping[str, int]) -> None:
        """Pass requests to these replicas from now on: name → port on loopback. Those in hand are finished.

        Of a balancer that has ended, `check_alive` tells.
        """
        if self._child is None or self._child.status() is not None:
            return
        try:
            self._child.tell(json.dumps(dict(ports)).encode())
            self._next_line(self._child)
        except BrokenPipeError:
            return  # it has ended just now
        except UnmetError:
            if self._child.status() is None:
                raise

    def check_alive(self) -> None:
        """Raise UnmetError if it has ended by itself."""
        status = self._child.status() if self._child is not None else None
        if status is not None:
            raise UnmetError(f"the balancer ended with {status}", hint=f"see {self._log}")

    def _next_line(self, child: Child) -> bytes:
        def look() -> bytes:
            line = child.line(self._lines)
            if line is None:
                raise NotYetError("it has not said anything")
            return line

        line = self._patience.until("the balancer to answer", look, alive=self.check_alive)
        self._lines += 1
        return line
