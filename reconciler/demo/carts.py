"""One replica of `carts`, a service that can be too slow: `python -m reconciler.demo.carts --name N --flags FILE`.

It serves one request at a time, so that a second one waits and a second replica helps. Two feature flags change what
it does: `EnableItemsCache` makes it ten times faster, `EnablePromotion` brings a discount to those who ask for the
promotion, which fails three times in ten. Nothing in it is random, and it sleeps where a real service would work, so
that it is slow on any machine alike.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from reconciler.demo.flagfile import FlagFile
from reconciler.demo.serving import Answer, Server
from reconciler.net.bell import Bell

CACHE: Final = "EnableItemsCache"
PROMOTION: Final = "EnablePromotion"
SERVICE_SECONDS: Final = 0.040
CACHED_SECONDS: Final = 0.004
_FAILING, _OF = 3, 10
ITEMS: Final = "/carts"
DISCOUNT: Final = "/promotion"
PATHS: Final = {"cpu": ITEMS, "promotion": DISCOUNT}
"""What to ask for: that which only costs time, and that which may fail."""


class Carts:
    """What a replica answers. ``monotonic`` and ``sleep`` are in seconds."""

    def __init__(
        self, name: str, flags: FlagFile,
        *, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._name = name
        self._flags = flags
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._discounts = itertools.count()

    def respond(self, path: str) -> Answer:
        """Answer ``/carts`` and ``/promotion`` one at a time, and ``/health`` at once however long the queue is."""
        if path == "/health":
            return self._answer(200, {"status": "ok"})
        if path in PATHS.values():
            return self._carts(discount=path == DISCOUNT)
        return self._answer(404, {"error": f"there are {ITEMS}, {DISCOUNT} and /health"})

    def _carts(self, *, discount: bool) -> Answer:
        cached = self._flags.enabled(CACHE)
        self._take_turn(CACHED_SECONDS if cached else SERVICE_SECONDS)
        promotion = discount and self._flags.enabled(PROMOTION)
        if promotion and next(self._discounts) * _FAILING % _OF < _FAILING:
            return self._answer(500, {"error": "the discount cannot be computed", "cached": cached})
        return self._answer(200, {"items": ["socks", "more socks"], "cached": cached, "promotion": promotion})

    def _take_turn(self, seconds: float) -> None:
        """Sleep until those who came before are done, and then for so long.

        Each turn begins at the moment when the one before it ends, not when a thread has woken up from it: so a machine
        that is busy with other things makes answers a little late, and never the service slower.
        """
        with self._lock:
            now = self._monotonic()
            self._free_at = max(now, self._free_at) + seconds
            due = self._free_at
        self._sleep(due - now)

    def _answer(self, status: int, said: dict[str, Any]) -> Answer:
        body = {"replica": self._name, "pid": os.getpid(), **said}
        return Answer(status, json.dumps(body).encode() + b"\n", {"X-Replica": self._name})


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM; the first line on stdout is ``{"port": ...}``."""
    parser = argparse.ArgumentParser(prog="carts", description="One replica of the demo's service.")
    parser.add_argument("--name", required=True, help="what it calls itself in its answers")
    parser.add_argument("--flags", required=True, type=Path, help="flagd's flag file")
    parser.add_argument("--port", type=int, default=0, help="by default one that the system chooses")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin does, so as to outlive nobody")
    options = parser.parse_args(arguments)
    stopping = Bell()
    signal.signal(signal.SIGTERM, lambda *_: stopping.ring())
    if options.with_parent:
        threading.Thread(target=_follow_stdin, args=(stopping,), daemon=True).start()
    with Server(Carts(options.name, FlagFile(options.flags)).respond, options.port) as server:
        sys.stdout.write(json.dumps({"port": server.port}) + "\n")
        sys.stdout.flush()
        stopping.wait()


def _follow_stdin(stopping: Bell) -> None:
    # By the descriptor: a daemon thread that holds stdin's own lock would be fatal when the interpreter ends.
    while os.read(sys.stdin.fileno(), 1 << 10):
        pass
    stopping.ring()


if __name__ == "__main__":
    main()
