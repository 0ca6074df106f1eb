"""Faults on request: what a network and an overloaded or lagging API server do to a client.

::

    cluster.faults.add(Refuse(503, retry_after=1), times=2)
    cluster.faults.add(Drop(), when=matching("PATCH", "deployments/carts"))

A request meets at most one fault: the first in the order added that is not used up and whose predicate holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.embedded.cluster.requests import Request


@dataclass(frozen=True)
class Refuse:
    """Answer with this status instead of doing anything; ``body`` replaces the `Status` object."""

    code: int
    message: str = "injected"
    reason: str = ""
    retry_after: int | None = None
    body: bytes | None = None


@dataclass(frozen=True)
class Hang:
    """Do not answer until `Faults.release` is called; then go on as if nothing had been."""


@dataclass(frozen=True)
class Reset:
    """Reset the connection before anything is done."""


@dataclass(frozen=True)
class Drop:
    """Do the work, then reset the connection instead of answering."""


@dataclass(frozen=True)
class Cut:
    """Do the work, send half of the answer, then reset the connection."""


@dataclass(frozen=True)
class Stale:
    """Answer a read from the state that each object had so many versions ago."""

    versions: int = 1


@dataclass(frozen=True)
class Before:
    """Let somebody else act first, then do the work."""

    action: Callable[[], object]


Fault: TypeAlias = Refuse | Hang | Reset | Drop | Cut | Stale | Before
When: TypeAlias = Callable[[Request], bool]


def matching(method: str = "", path: str = "") -> When:
    """Return the predicate for requests with this method whose path ends with ``path``; empty is any."""
    return lambda request: request.method == (method or request.method) and request.path.endswith(path)


@dataclass
class _Planned:
    fault: Fault
    when: When
    left: int | None


class Faults:
    """The faults that are still to come. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self._released = threading.Event()

    def add(self, fault: Fault, *, when: When | None = None, times: int | None = 1) -> None:
        """Plan a fault for the next ``times`` requests for which ``when`` holds; None: for all of them."""
        with self._lock:
            self._released.clear()
            self._planned.append(_Planned(fault, when or matching(), times))

    def clear(self) -> None:
        """Forget what is planned and let go of what hangs."""
        with self._lock:
            self._planned.clear()
        self.release()

    def release(self) -> None:
        """Let go of requests that hang."""
        self._released.set()

    def hold(self) -> None:
        """Wait for `release`."""
        self._released.wait()

    def take(self, request: Request) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        with self._lock:
            for planned in self._planned:
                if planned.left != 0 and planned.when(request):
                    if planned.left is not None:
                        planned.left -= 1
                    return planned.fault
        return None
