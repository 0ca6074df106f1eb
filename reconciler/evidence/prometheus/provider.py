"""Asking Prometheus: the value at the window's end, and then how it went, for the picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from reconciler.evidence.answer import Answer
from reconciler.evidence.http_client import HttpClient, encoded
from reconciler.evidence.prometheus.promql import DEFAULTS, default, filled
from reconciler.evidence.prometheus.reading import number, points
from reconciler.evidence.protocol import Asked
from reconciler.model.errors import BlindError, TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, Series, WantMeasures

NAME: Final = "prometheus"
POINTS: Final = 60
"""Values that a series has at most."""
PICTURE: Final = 2.0
"""Seconds that the series may take: it is worth less than other indicators' values, which wait behind it."""
_LONG: Final = 1500
"""Characters of parameters from which on they are sent as a body: proxies limit addresses."""


@dataclass(frozen=True)
class PrometheusProvider:
    """Asks one Prometheus; ``deadline`` is the client's, in seconds for one call."""

    client: HttpClient
    deadline: float

    @property
    def name(self) -> str:
        """The folder of its `sli.yaml`."""
        return NAME

    def knows(self, sli: str) -> bool:
        """Whether Keptn had a default query for the indicator."""
        return sli in DEFAULTS

    def measure(self, asked: Asked) -> Measure:
        """Return the value that the query has at the window's end, which is its value over the window.

        Raises:
            BlindError, TerminalError: why there is none.
        """
        want = asked.want
        query = filled(asked.query, want) if asked.query is not None else default(asked.sli, want)
        params = [("query", query), ("time", str(want.end)), ("timeout", f"{self.deadline:g}")]
        value = number(self._ask("query", params, self.deadline))
        return Measure(asked.sli, value, provider=NAME, series=self._series(query, want))

    def close(self) -> None:
        """Let go of connections."""
        self.client.close()

    def _series(self, query: str, want: WantMeasures) -> Series | None:
        """Return how it went, at equal distances up to the window's end. Without it only the picture is missing."""
        length = want.end - want.start
        step = max(1, ceil(length / POINTS))
        count = length // step
        start = Instant(want.end - step * (count - 1))
        patience = min(PICTURE, self.deadline)
        params = [
            ("query", query),
            ("start", str(start)),
            ("end", str(want.end)),
            ("step", str(step)),
            ("timeout", f"{patience:g}"),
        ]
        try:
            return points(self._ask("query_range", params, patience), start, step, count)
        except (BlindError, TerminalError):
            return None

    def _ask(self, what: str, params: list[tuple[str, str]], deadline: float) -> Answer:
        path = f"/api/v1/{what}"
        if len(encoded(params)) > _LONG:
            return self.client.post_form(path, params, deadline=deadline)
        return self.client.get(path, params, deadline=deadline)
