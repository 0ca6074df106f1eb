"""Asking Dynatrace, once it has the data of the window.

Dynatrace shows metrics some minutes after they were measured, and user sessions when they are over, so a window is
asked about only then; Keptn waited as long (ADR 0045).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Final

from reconciler.evidence.answer import Answer
from reconciler.evidence.dynatrace import answers
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.protocol import Asked
from reconciler.model.dynatrace_query import (
    DEFAULTS,
    CountQuery,
    MetricQuery,
    SessionQuery,
    SloQuery,
    read_query,
)
from reconciler.model.dynatrace_selectors import filled, filled_plainly
from reconciler.model.errors import BlindError, TerminalError
from reconciler.model.measures import Measure, Series, WantMeasures

NAME: Final = "dynatrace"
PICTURE: Final = 2.0
"""Seconds that the series may take, which is worth less than a value."""
SETTLED: Final = 120
"""Seconds after a window from which on its metrics and problems are whole (dynatrace-service)."""
SESSIONS_SETTLED: Final = 360
"""The same for user sessions."""
_MINUTE: Final = 60


@dataclass(frozen=True)
class DynatraceProvider:
    """Asks one environment. ``deadline`` is in seconds for one call, ``wall`` gives UTC seconds."""

    client: HttpClient
    deadline: float
    wall: Callable[[], float] = time.time

    @property
    def name(self) -> str:
        """The folder of its `sli.yaml`."""
        return NAME

    def knows(self, sli: str) -> bool:
        """Whether Keptn had a default query for the indicator."""
        return sli in DEFAULTS

    def settles(self, asked: Asked) -> int:
        """Return how long after its end a window is whole, in seconds."""
        return SESSIONS_SETTLED if (asked.query or "").startswith("USQL;") else SETTLED

    def measure(self, asked: Asked) -> Measure:
        """Return the value that the query has over the window.

        Raises:
            BlindError, TerminalError, UserError: why there is none.
        """
        want = asked.want
        text = asked.query if asked.query is not None else DEFAULTS[asked.sli]
        query = read_query(text, partial(filled, want=want), partial(filled_plainly, want=want))
        self._expect_data(self.settles(asked), want)
        match query:
            case MetricQuery():
                found = answers.metric(self._metric(query, want, query.resolution, self.deadline))
                series = self._series(query, want)
                return Measure(asked.sli, found.value / query.divisor, found.warning, NAME, series)
            case SloQuery(slo):
                value = answers.percentage(self._ask(f"/api/v2/slo/{slo}", [*_window(want), ("timeFrame", "GTF")]))
            case CountQuery(what, params):
                value = answers.count(self._ask(f"/api/v2/{what}", [*params, *_window(want)]))
            case SessionQuery():
                value = answers.cell(self._ask("/api/v1/userSessionQueryLanguage/table", _sessions(query, want)), query)
        return Measure(asked.sli, value, provider=NAME)

    def close(self) -> None:
        """Let go of connections."""
        self.client.close()

    def _expect_data(self, needed: int, want: WantMeasures) -> None:
        left = want.end + needed - self.wall()
        if left > 0:
            raise BlindError(
                f"Dynatrace has all data of a window only {needed} s after its end, in {ceil(left)} s", retry_after=left
            )

    def _metric(self, query: MetricQuery, want: WantMeasures, resolution: str, deadline: float) -> Answer:
        params = [*query.params, *_window(want), ("resolution", resolution)]
        return self._ask("/api/v2/metrics/query", params, deadline)

    def _series(self, query: MetricQuery, want: WantMeasures) -> Series | None:
        """Return how it went, in whole minutes, which is as fine as Dynatrace counts. It is for the picture only."""
        minutes = ceil((want.end - want.start) / _MINUTE / answers.POINTS)
        if want.end - want.start < 2 * _MINUTE:
            return None
        try:
            answer = self._metric(query, want, f"{minutes}m", min(PICTURE, self.deadline))
            return answers.points(answer, query.divisor)
        except (BlindError, TerminalError):
            return None

    def _ask(self, path: str, params: list[tuple[str, str]], deadline: float | None = None) -> Answer:
        return self.client.get(path, params, deadline=self.deadline if deadline is None else deadline)


def _window(want: WantMeasures) -> list[tuple[str, str]]:
    """Return the window as Dynatrace takes it, in milliseconds."""
    return [("from", f"{want.start}000"), ("to", f"{want.end}000")]


def _sessions(query: SessionQuery, want: WantMeasures) -> list[tuple[str, str]]:
    return [
        ("query", query.text),
        ("explain", "false"),
        ("addDeepLinkFields", "false"),
        ("startTimestamp", f"{want.start}000"),
        ("endTimestamp", f"{want.end}000"),
    ]
