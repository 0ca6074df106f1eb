"""What the balancer tells about the requests it served, in Prometheus' text format: how long, and with which answer.

A histogram and a counter are all that is needed for percentiles and failure rates, so they are written here by hand
(https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SECONDS: Final = "http_response_time_seconds"
REQUESTS: Final = "http_requests_total"
BOUNDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0,
)  # fmt: skip
"""Upper bounds in seconds: the finer the nearer to what an objective may ask for, and to what a cache makes of it."""
_FROM_THE_START: Final = (200, 500, 502, 503)
"""A counter that only appears with its first failure cannot be told from one that nobody has read."""


class Metrics:
    """Counts requests. Safe to use from threads."""

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self._bounds = tuple(bounds)
        self._lock = threading.Lock()
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._codes = dict.fromkeys(_FROM_THE_START, 0)

    def observe(self, seconds: float, code: int) -> None:
        """Count a request that took so long and was answered with this HTTP status."""
        with self._lock:
            self._counts[bisect_left(self._bounds, seconds)] += 1
            self._sum += seconds
            self._codes[code] = self._codes.get(code, 0) + 1

    def text(self) -> str:
        """Return everything as one text."""
        with self._lock:
            counts, total, codes = list(accumulate(self._counts)), self._sum, sorted(self._codes.items())
        names = [f"{bound:g}" for bound in self._bounds] + ["+Inf"]
        lines = [
            f"# HELP {SECONDS} Time from a request's arrival at the balancer to its answer, queueing included.",
            f"# TYPE {SECONDS} histogram",
            *(f'{SECONDS}_bucket{{le="{name}"}} {count}' for name, count in zip(names, counts, strict=True)),
            f"{SECONDS}_sum {total!r}",
            f"{SECONDS}_count {counts[-1]}",
            f"# HELP {REQUESTS} Requests by the HTTP status of their answer.",
            f"# TYPE {REQUESTS} counter",
            *(f'{REQUESTS}{{code="{code}"}} {count}' for code, count in codes),
        ]
        return "\n".join(lines) + "\n"
