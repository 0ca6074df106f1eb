"""The alerts of a service: one for each objective that Prometheus can tell to be missed; for others, why there is none.

Pure: files and settings in, alerts and findings out. How Prometheus wants them written is `rules`' and `objects`' part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.decide.evaluation.objectives import Goal, Objectives
from reconciler.model.errors import TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import WantMeasures
from reconciler.model.names import ProjectName, ServicePath, StageName
from reconciler.model.playbook import Entry, Playbook
from reconciler.model.sli import Indicator
from reconciler.monitoring.limits import is_missed_above, is_missed_below, missed, told, unwatchable, unwatched
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
    """An objective without an alert. ``objective`` counts as that of `Alert`."""

    objective: int
    sli: str
    reason: str
    hint: str = ""


@dataclass(frozen=True)
class ServiceAlerts:
    """What came of one service. ``unreachable`` are entries that none of its alerts matches."""

    service: Watched
    alerts: tuple[Alert, ...]
    left_out: tuple[LeftOut, ...]

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


def alerts_of(service: Watched, fill: Fill, providers: Sequence[str] = (PROMETHEUS,)) -> ServiceAlerts:
    """Return a service's alerts. ``providers`` are those that evaluations ask, in that order."""
    alerts: list[Alert] = []
    left_out: list[LeftOut] = []
    goals = service.objectives.goals if service.objectives is not None else ()
    for number, goal in enumerate(goals, start=1):
        try:
            found = _alert(number, goal, service, fill, providers)
        except TerminalError as error:
            left_out.append(LeftOut(number, goal.sli, error.message, error.hint))
        else:
            alerts.append(found)
    return ServiceAlerts(service, tuple(_named(alerts, service.name)), tuple(left_out))


def _alert(number: int, goal: Goal, service: Watched, fill: Fill, providers: Sequence[str]) -> Alert:
    """Return the alert, without its name. Raises TerminalError with the reason why there is none."""
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
        expression=expression(query, spans),
        asked=told(goal.passing),
        unwatched=tuple(rule.text.replace(" ", "") for rule in unwatched(goal.passing)),
        entry=called.entry,
    )


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


def _named(alerts: Iterable[Alert], service: str) -> Iterable[Alert]:
    """Yield the alerts with names of which each is used once in the service."""
    used: set[str] = set()
    for alert in alerts:
        base = name = f"{_tidy(service)}_{_tidy(alert.sli)}"
        count = 1
        while name in used:
            count += 1
            name = f"{base}_{count}"
        used.add(name)
        yield Alert(**{**vars(alert), "name": name})


def _tidy(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") or "objective"
