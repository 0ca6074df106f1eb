"""The alerts of a service: one for each objective that Prometheus can tell to be missed; for others, why there is none.

Pure: files and settings in, alerts and findings out. How Prometheus wants them written is `rules`' and `objects`' part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from reconciler.decide.evaluation.objectives import Goal, Objectives
from reconciler.model.errors import TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import WantMeasures
from reconciler.model.names import ProjectName, ServicePath, StageName
from reconciler.model.playbook import Entry, Playbook
from reconciler.model.sli import Indicator
from reconciler.monitoring.limits import Span, is_missed_above, is_missed_below, missed, told, unwatchable, unwatched
from reconciler.monitoring.promql import expression
from reconciler.monitoring.titles import Direction, title

PROMETHEUS: Final = "prometheus"

Fill: TypeAlias = Callable[[str, str | None, WantMeasures], str]
"""Returns the query of an indicator as the evaluation would send it: its placeholders filled in, or for None the
provider's own of that name. Raises TerminalError where there is none."""


@dataclass(frozen=True)
class Watched:
    """A service as its files say it: what alerts are made of.

    ``objectives`` and ``playbook`` None: there is no such file. ``indicators`` maps a provider to its queries.
    ``window`` is in seconds, what `$DURATION_SECONDS` stands for.
    """

    project: ProjectName
    stage: StageName
    path: ServicePath
    objectives: Objectives | None
    indicators: Mapping[str, Mapping[str, Indicator]]
    filters: tuple[tuple[str, str], ...]
    window: int
    playbook: Playbook | None

    @property
    def name(self) -> str:
        """The last folder of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Alert:
    """One alert, of the objective of that number; they count from 1, as slo.yaml lists them.

    ``entry`` is what its ``problem`` matches; None where nothing does. ``unwatched`` are criteria that it leaves out,
    ``asked`` is what the objective asks for, both as the file says it.
    """

    name: str
    objective: int
    sli: str
    display_name: str
    problem: str
    expression: str
    asked: str
    unwatched: tuple[str, ...]
    entry: Entry | None


@dataclass(frozen=True)
class LeftOut:
    """An objective without an alert. ``objective`` counts as that of `Alert`.

    ``alert`` is what its alert is called where only the query's own fault stands in the way (it is *refused*); empty
    where there is none by what the files say.
    """

    objective: int
    sli: str
    reason: str
    hint: str = ""
    alert: str = ""


@dataclass(frozen=True)
class ServiceAlerts:
    """What came of one service. ``unreachable`` are entries that none of its alerts matches.

    ``kept`` are live rules, as plain data by their objectives' numbers, that stay since their queries are refused now.
    """

    service: Watched
    alerts: tuple[Alert, ...]
    left_out: tuple[LeftOut, ...]
    kept: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def refused(self) -> tuple[LeftOut, ...]:
        """The objectives whose alerts only a fault of their queries stands in the way of."""
        return tuple(each for each in self.left_out if each.alert)

    @property
    def has_rules(self) -> bool:
        """Whether anything is to be live of this service, as far as is known."""
        return bool(self.alerts or self.kept)

    @property
    def unmatched(self) -> tuple[Alert, ...]:
        """The alerts that no entry is for."""
        return tuple(alert for alert in self.alerts if alert.entry is None)

    @property
    def unreachable(self) -> tuple[Entry, ...]:
        """The entries that no alert is for; other tools and people may still report such problems."""
        reached = {alert.entry.name for alert in self.alerts if alert.entry is not None}
        entries = self.service.playbook.entries if self.service.playbook is not None else ()
        return tuple(entry for entry in entries if entry.name not in reached)


class _RefusedError(TerminalError):
    """A query that cannot be part of a rule."""


def alerts_of(service: Watched, fill: Fill, providers: Sequence[str] = (PROMETHEUS,)) -> ServiceAlerts:
    """Return a service's alerts. ``providers`` are those that evaluations ask, in that order."""
    alerts: list[Alert] = []
    left_out: list[LeftOut] = []
    names = _Names(service.name)
    goals = service.objectives.goals if service.objectives is not None else ()
    for number, goal in enumerate(goals, start=1):
        try:
            found = _alert(number, goal, service, fill, providers)
        except _RefusedError as error:
            left_out.append(LeftOut(number, goal.sli, error.message, error.hint, names.next(goal.sli)))
        except TerminalError as error:
            left_out.append(LeftOut(number, goal.sli, error.message, error.hint))
        else:
            alerts.append(replace(found, name=names.next(goal.sli)))
    return ServiceAlerts(service, tuple(alerts), tuple(left_out))


def _alert(number: int, goal: Goal, service: Watched, fill: Fill, providers: Sequence[str]) -> Alert:
    """Return the alert, without its name. Raises TerminalError with the reason why there is none.

    It is _RefusedError where there would be one, were it not for the query.
    """
    if reason := unwatchable(goal.passing):
        hint = "" if not goal.counts else "add an absolute criterion beside it, such as `<1000`"
        raise TerminalError(reason, hint=hint)
    spans = missed(goal.passing)
    if not spans:
        raise TerminalError("every value passes, so it cannot be missed", hint="correct its criteria")
    query = _query(goal.sli, service, fill, providers)
    above, below = is_missed_above(spans), is_missed_below(spans)
    direction: Direction = "above" if above else "below" if below else "either"
    called = title(goal, direction, service.playbook)
    return Alert(
        name="",
        objective=number,
        sli=goal.sli,
        display_name=goal.display_name,
        problem=called.problem,
        expression=_expression(query, spans),
        asked=told(goal.passing),
        unwatched=tuple(rule.text.replace(" ", "") for rule in unwatched(goal.passing)),
        entry=called.entry,
    )


def _expression(query: str, spans: Sequence[Span]) -> str:
    try:
        return expression(query, spans)
    except TerminalError as error:
        raise _RefusedError(error.message, hint=error.hint) from error


def _query(sli: str, service: Watched, fill: Fill, providers: Sequence[str]) -> str:
    """Return what Prometheus is asked for an indicator, where it is Prometheus that evaluations ask (ADR 0040)."""
    written = [name for name in service.indicators if sli in service.indicators[name]]
    order = [*providers, *(() if PROMETHEUS in providers else (PROMETHEUS,))]
    chosen = next((name for name in order if name in written), None)
    hint = "add it to prometheus/sli.yaml, or have that tool report it"
    if chosen not in (None, PROMETHEUS):
        raise TerminalError(f"it is measured by {chosen}, not by Prometheus", hint=hint)
    query = service.indicators[PROMETHEUS][sli].query if chosen is not None else None
    try:
        return fill(sli, query, _want(service))
    except TerminalError as error:
        if query is not None or not written:
            raise
        files = " or ".join(f"{name}/sli.yaml" for name in sorted(written))
        raise TerminalError(f"only {files} says how to measure it", hint=hint) from error


def _want(service: Watched) -> WantMeasures:
    """Return what an evaluation would ask with, over a window of the right length at whatever time."""
    start, end = Instant(0), Instant(service.window)
    return WantMeasures(service.project, service.stage, service.name, start, end, (), service.filters)


class _Names:
    """Names of a service's alerts, each given once. A refused one has its own, so that the others keep theirs."""

    def __init__(self, service: str) -> None:
        self._service = _tidy(service)
        self._used: set[str] = set()

    def next(self, sli: str) -> str:
        base = name = f"{self._service}_{_tidy(sli)}"
        count = 1
        while name in self._used:
            count += 1
            name = f"{base}_{count}"
        self._used.add(name)
        return name


def _tidy(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") or "objective"
