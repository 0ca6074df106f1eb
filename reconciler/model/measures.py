"""What is asked of SLI providers, and what they answer: the values of indicators over a window, or why there are none.

Plain data between `decide`, which asks by `WantMeasures`, and `evidence`, which answers with a `MeasuresFact`. Facts
travel into steps and back (`model.facts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.model.copies import quick
from reconciler.model.instant import Instant, format_instant


@dataclass(frozen=True, order=True)
class Query:
    """One indicator and how each provider that has it is asked: (provider, query as written), in no order of merit.

    No query at all: a provider may have a default for the name (Prometheus in Keptn's format does).
    """

    sli: str
    queries: tuple[tuple[str, str], ...] = ()


@quick
@dataclass(frozen=True, order=True)
class WantMeasures:
    """Ask for the indicators of a service over a window, ``start`` and ``end`` in UTC seconds.

    ``filters`` is the SLO's `filter`, ``labels`` are those of the problem (`$LABEL.x`). ``attempt`` counts from 1 how
    often this very window was asked about: an answer to one attempt is none to the next.
    """

    project: str
    stage: str
    service: str
    start: Instant
    end: Instant
    queries: tuple[Query, ...]
    filters: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    attempt: int = 1

    def __str__(self) -> str:
        """Render as the key under which the fact is recorded; the queries are pinned and need no telling."""
        return f"evidence/{self.service}/{format_instant(self.start)}..{format_instant(self.end)}/{self.attempt}"


@dataclass(frozen=True)
class Series:
    """How an indicator went over the window: equidistant ``values`` from ``start`` on, None where there was none.

    ``step`` is in seconds. At most 60 values.
    """

    start: Instant
    step: int
    values: tuple[float | None, ...]


@quick
@dataclass(frozen=True)
class Measure:
    """One indicator's answer: a finite ``value``, or None with a ``message`` why. ``provider`` is who was asked."""

    sli: str
    value: float | None
    message: str = ""
    provider: str = ""
    series: Series | None = None


@dataclass(frozen=True)
class MeasuresFact:
    """The answers, one for each indicator that was asked for, in that order."""

    measures: tuple[Measure, ...]
    kind: Literal["measures"] = "measures"
