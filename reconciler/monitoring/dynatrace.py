"""Metric events of Dynatrace from objectives: settings objects that its API takes as they are.

An event fires only for values that miss its objective (`limits`), is called as the playbook's entry is (`titles`), and
says by its properties where it belongs, so that what fires is what matches. It is never merged into another problem:
that one would have another title. What cannot become an event is told with the reason (ADR 0106).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

from reconciler.decide.evaluation.objectives import Goal
from reconciler.model.dynatrace_query import DEFAULTS, MetricQuery, read_query
from reconciler.model.dynatrace_selectors import filled, filled_plainly
from reconciler.model.errors import TerminalError, UserError
from reconciler.model.instant import Instant
from reconciler.model.measures import WantMeasures
from reconciler.model.playbook import Entry
from reconciler.monitoring.alerts import Watched
from reconciler.monitoring.dynatrace_selector import EventQuery, event_query
from reconciler.monitoring.limits import Span, missed, told, unwatchable, unwatched
from reconciler.monitoring.titles import title

DYNATRACE: Final = "dynatrace"
SCHEMA: Final = "builtin:anomaly-detection.metric-events"
VIOLATING: Final = 3
WINDOW: Final = 5
"""An event opens after 3 of 5 one-minute samples that miss the limit and closes after 5 that do not: the defaults."""
_TITLE: Final = range(2, 501)
"""How many characters an event's title may have."""

Condition: TypeAlias = Literal["ABOVE", "BELOW"]


@dataclass(frozen=True)
class MetricEvent:
    """One event: fires while ``selector`` is above or below ``threshold``, both in the metric's own unit.

    ``objective`` counts from 1, as slo.yaml lists them; ``asked`` is what it asks for, in its own words and unit.
    ``entry`` is the one that ``problem`` matches; None where nothing does.
    """

    project: str
    stage: str
    service: str
    objective: int
    sli: str
    asked: str
    problem: str
    entry: Entry | None
    condition: Condition
    threshold: float
    selector: str
    management_zone: str = ""

    def setting(self) -> dict[str, Any]:
        """Return the object for `POST /api/v2/settings/objects`; the same event always has the same external id."""
        zone = {"managementZone": self.management_zone} if self.management_zone else {}
        belongs = {"keptn_project": self.project, "keptn_stage": self.stage, "keptn_service": self.service}
        side = self.condition.lower()
        return {
            "schemaId": SCHEMA,
            "scope": "environment",
            "externalId": f"reconciler:{self.project}/{self.stage}/{self.service}/{self.objective}/{side}",
            "value": {
                "enabled": True,
                "summary": _short(f"{self.service} in {self.stage} of {self.project}: {self.sli} ({side})"),
                "queryDefinition": {"type": "METRIC_SELECTOR", "metricSelector": self.selector, **zone},
                "modelProperties": {
                    "type": "STATIC_THRESHOLD",
                    "threshold": self.threshold,
                    "alertOnNoData": False,
                    "alertCondition": self.condition,
                    "violatingSamples": VIOLATING,
                    "samples": WINDOW,
                    "dealertingSamples": WINDOW,
                },
                "eventTemplate": {
                    "title": self.problem,
                    "description": f"{_plain(self.sli)} of {self.service} in {self.stage} should be {self.asked}.",
                    "eventType": "CUSTOM_ALERT",
                    "davisMerge": False,
                    "metadata": [{"metadataKey": key, "metadataValue": value} for key, value in belongs.items()],
                },
            },
        }


@dataclass(frozen=True)
class LeftOut:
    """What of an objective is not watched, and why. ``partly``: there is an event for the rest of it."""

    service: str
    objective: int
    sli: str
    reason: str
    hint: str = ""
    partly: bool = False


@dataclass(frozen=True)
class MetricEvents:
    """All events of a service, and what could not become one."""

    events: tuple[MetricEvent, ...]
    left_out: tuple[LeftOut, ...]


def metric_events(service: Watched) -> MetricEvents:
    """Return the events of one service's objectives."""
    events: list[MetricEvent] = []
    left_out: list[LeftOut] = []
    goals = service.objectives.goals if service.objectives is not None else ()
    for number, goal in enumerate(goals, start=1):
        out = partial(LeftOut, service.path, number, goal.sli)
        try:
            found = list(_events(number, goal, service))
        except (UserError, TerminalError) as error:
            left_out.append(out(error.message, error.hint))
            continue
        events += found
        left_out += (out(reason, partly=True) for reason in _rest(goal))
    return MetricEvents(tuple(events), tuple(left_out))


def _events(number: int, goal: Goal, service: Watched) -> Iterator[MetricEvent]:
    """Yield an objective's events. Raises UserError or TerminalError where there can be none."""
    if reason := unwatchable(goal.passing):
        raise UserError(reason)
    query = _query(service, goal.sli)
    sides = list(_sides(goal))
    if not sides:
        raise UserError(
            f"`{told(goal.passing)}` leaves no value out above or below all that pass, and metric events know no other"
        )
    for condition, limit in sides:
        called = title(goal, "above" if condition == "ABOVE" else "below", service.playbook)
        if "{" in called.problem or "}" in called.problem or len(called.problem) not in _TITLE:
            raise UserError(
                f"`{called.problem}` cannot be the title of an event: it has braces, or not 2 to 500 characters",
                hint="rename the playbook's entry",
            )
        yield MetricEvent(
            service.project, service.stage, service.name, number, goal.sli, told(goal.passing), called.problem,
            called.entry, condition, limit * query.factor, query.selector, query.management_zone,
        )  # fmt: skip


def _query(service: Watched, sli: str) -> EventQuery:
    indicator = service.indicators.get(DYNATRACE, {}).get(sli)
    if indicator is None:
        default = f"; Keptn's was `{DEFAULTS[sli]}`" if sli in DEFAULTS else ""
        raise UserError("it has no query in dynatrace/sli.yaml", hint=f"add one to watch it in Dynatrace{default}")
    if "$DURATION_SECONDS" in indicator.query:
        raise UserError("its query has `$DURATION_SECONDS`, and a metric event looks at single minutes")
    start, end = Instant(0), Instant(service.window)
    want = WantMeasures(service.project, service.stage, service.name, start, end, (), service.filters)
    query = read_query(indicator.query, partial(filled, want=want), partial(filled_plainly, want=want))
    if not isinstance(query, MetricQuery):
        raise UserError("its query asks for no metric", hint="only metric selectors can be watched by a metric event")
    return event_query(query)


def _sides(goal: Goal) -> Iterator[tuple[Condition, float]]:
    for span in _pieces(goal):
        if span.high == math.inf and span.low > -math.inf:
            yield "ABOVE", span.low
        elif span.low == -math.inf and span.high < math.inf:
            yield "BELOW", span.high


def _rest(goal: Goal) -> Iterator[str]:
    """Yield what the events of an objective do not see."""
    if left := unwatched(goal.passing):
        yield f"{', '.join(f'`{rule.text}`' for rule in left)} compares with earlier evaluations"
    for span in _pieces(goal):
        if -math.inf < span.low and span.high < math.inf:
            yield f"values between {span.low:g} and {span.high:g} miss it too, and metric events know no such limits"


def _pieces(goal: Goal) -> Iterator[Span]:
    """Yield the values that miss an objective, without any hole in a piece."""
    for span in missed(goal.passing):
        ends = [span.low, *span.holes, span.high]
        yield from (Span(low, high) for low, high in pairwise(ends))


def _short(text: str) -> str:
    return text if len(text) <= 500 else f"{text[:497]}..."


def _plain(text: str) -> str:
    """Return a text in which Dynatrace sees no placeholder."""
    return text.replace("{", "(").replace("}", ")")
