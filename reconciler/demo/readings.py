"""What `carts` tells of itself at `/metrics`, and what that says about the time between two looks at it."""

from __future__ import annotations

import http.client
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from reconciler.demo.metrics import CONTENT_TYPE, REQUESTS, SECONDS
from reconciler.demo.serving import ask
from reconciler.demo.waiting import NotYetError
from reconciler.evidence.scrape.exposition import read_page
from reconciler.evidence.scrape.histogram import quantile
from reconciler.model.errors import BlindError

_TIMEOUT: Final = 5.0


@dataclass(frozen=True)
class Reading:
    """A look at the metrics, ``at`` in seconds of whoever looked.

    ``buckets`` has the requests so far by the upper bound of their time in seconds, cumulative; ``codes`` by status.
    """

    at: float
    buckets: Mapping[float, float]
    codes: Mapping[int, float]

    @classmethod
    def of(cls, text: bytes, at: float) -> Self:
        """Read the text format. Raises NotYetError where it is none, or without the metrics of carts."""
        try:
            page = read_page(text, CONTENT_TYPE)
        except BlindError as error:
            raise NotYetError(error.message) from error
        named = {
            name: {s: v for s, v in page.values.items() if s.name == name} for name in (f"{SECONDS}_bucket", REQUESTS)
        }
        buckets = {float(series.label("le")): value for series, value in named[f"{SECONDS}_bucket"].items()}
        if math.inf not in buckets:
            raise NotYetError(f"there is no {SECONDS} in the metrics")
        return cls(at, buckets, {int(series.label("code")): value for series, value in named[REQUESTS].items()})

    @classmethod
    def take(cls, url: str, at: float) -> Self:
        """Look at a service on loopback. Raises NotYetError where it does not answer."""
        parts = urlsplit(url)
        try:
            answer = ask(parts.port or 80, parts.path, timeout=_TIMEOUT)
        except (OSError, http.client.HTTPException) as error:
            raise NotYetError(f"{url} does not answer: {error!r}") from error
        return cls.of(answer.body, at)


@dataclass(frozen=True)
class Spell:
    """How it went until ``at``: ``p90`` in milliseconds and the share that failed, both None without a request.

    ``rate`` is in requests a second.
    """

    at: float
    rate: float
    p90: float | None = None
    failed: float | None = None

    def __str__(self) -> str:
        """Render for a person."""
        if self.p90 is None or self.failed is None:
            return "no request was answered"
        return f"{self.rate:.0f} answers a second, p90 {self.p90:,.0f} ms, {self.failed:.0%} failed"

    @classmethod
    def between(cls, earlier: Reading, later: Reading) -> Self:
        """Return how it went between two looks. A service that was started anew meanwhile had no request."""
        grown = {bound: later.buckets[bound] - earlier.buckets.get(bound, 0.0) for bound in later.buckets}
        count = grown[math.inf]
        seconds = later.at - earlier.at
        if count <= 0 or seconds <= 0:
            return cls(later.at, 0.0)
        failures = sum(later.codes[code] - earlier.codes.get(code, 0.0) for code in later.codes if code >= 500)
        return cls(later.at, count / seconds, quantile(0.9, grown.items()).value * 1000, failures / count)
