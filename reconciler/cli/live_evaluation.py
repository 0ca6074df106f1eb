"""Evaluating a service now: its objectives and queries from the clone, its values from where the daemon gets them.

Nothing is written, neither to Git nor anywhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.cli.messages import complain, render, say, use_color
from reconciler.cli.workspace import OpenStage, Workspace, open_workspace
from reconciler.decide.evaluation.evaluate import Evaluated, evaluate
from reconciler.decide.evaluation.measured import Measured, remembered
from reconciler.decide.evaluation.objectives import Objectives
from reconciler.decide.evaluation.record import plain
from reconciler.decide.evaluation.window import Window, resolve
from reconciler.decide.policy import timing
from reconciler.decide.snapshot import Pinned, ServiceView
from reconciler.model.copies import replace
from reconciler.model.errors import ConfigError, Place, UserError
from reconciler.model.facts import fact_data
from reconciler.model.instant import Instant, format_instant
from reconciler.model.measures import MeasuresFact, Query, WantMeasures

if TYPE_CHECKING:
    from reconciler.model.evidence_config import EvidenceConfig


@dataclass(frozen=True)
class Wish:
    """What is to be evaluated, as the options say it. ``labels`` are what a problem's would be."""

    repo: Path
    project: str | None
    stage: str | None
    service: str
    config: Path
    start: str
    end: str
    timeframe: str
    labels: tuple[tuple[str, str], ...]
    fetch: bool


@dataclass(frozen=True)
class Live:
    """An evaluation, what it was asked of, and what was measured."""

    evaluated: Evaluated
    want: WantMeasures
    fact: MeasuresFact

    def plain(self) -> dict[str, Any]:
        """Return it as data, in the form of `evaluate` from files with the service, the window and the measures."""
        want = self.want
        return {
            "project": want.project,
            "stage": want.stage,
            "service": want.service,
            "start": format_instant(want.start),
            "end": format_instant(want.end),
            **plain(self.evaluated),
            "measures": fact_data(self.fact)["measures"],
        }


def evaluate_live(wish: Wish, now: Instant) -> Live:
    """Measure and evaluate.

    Raises:
        ConfigError: the service, the daemon's configuration or a provider in it is not there.
        UserError: slo.yaml, the window or an earlier evaluation cannot be used.
        TransientError, BlindError: the remote cannot be seen.
    """
    with open_workspace(wish.repo, wish.project, fetch=wish.fetch) as workspace:
        stage = workspace.stage(wish.stage)
        view = stage.service(wish.service)
        pinned = stage.snapshot.pins(tuple(str(file) for file in view.pinned))
        objectives = _objectives(view, pinned)
        config = _evidence(workspace, stage, wish.config)
        want = _want(stage, view, pinned, objectives, _window(wish, stage, view, now), wish.labels)
        earlier = remembered(view.evaluations)
    for error in pinned.unreadable:
        complain(render(error, "warning"))
    want, fact = _measured(config, want, named=bool(wish.start or wish.end))
    values = [Measured(each.sli, each.value or 0.0, each.value is not None, each.message) for each in fact.measures]
    return Live(evaluate(objectives, values, earlier), want, fact)


def _objectives(view: ServiceView, pinned: Pinned) -> Objectives:
    if isinstance(pinned.objectives, UserError):
        raise pinned.objectives
    if pinned.objectives is None:
        hint = "say there when the service is well; `reconciler evaluate --slo FILE --values FILE` tries it out"
        raise UserError(f"{view.name} has no objectives", place=Place(f"{view.path}/slo.yaml"), hint=hint)
    return pinned.objectives


def _evidence(workspace: Workspace, stage: OpenStage, file: Path) -> EvidenceConfig:
    from reconciler.daemon.service import read_config

    config = read_config(file)
    name = workspace.project.name
    if name not in config.projects:
        raise ConfigError(f"{file} has no project `{name}`", hint=f"it has: {', '.join(config.projects)}")
    evidence = config.projects[name].reach(stage.name).evidence
    if evidence is None:
        hint = "add `evidence: {prometheus: {url: ...}}` to it"
        raise ConfigError(f"{file} has no SLI provider for the stage `{stage.name}` of `{name}`", hint=hint)
    return evidence


def _window(wish: Wish, stage: OpenStage, view: ServiceView, now: Instant) -> Window:
    length = timing(stage.snapshot.stage, view, {}).window
    fallback = Window(Instant(now - length), now)
    window = resolve(now, start=wish.start, end=wish.end, timeframe=wish.timeframe, fallback=fallback)
    if window.end > now:
        raise UserError(
            "the window ends in the future", expected=f"an end before {format_instant(now)}", hint="choose another end"
        )
    return window


def _want(
    stage: OpenStage,
    view: ServiceView,
    pinned: Pinned,
    objectives: Objectives,
    window: Window,
    labels: tuple[tuple[str, str], ...],
) -> WantMeasures:
    queries = tuple(
        Query(sli, tuple((provider, found[sli].query) for provider, found in pinned.indicators.items() if sli in found))
        for sli in dict.fromkeys(goal.sli for goal in objectives.goals)
    )
    place = stage.snapshot.stage
    return WantMeasures(
        place.project, place.name, view.name, window.start, window.end, queries, pinned.filters, tuple(sorted(labels))
    )


def _measured(config: EvidenceConfig, want: WantMeasures, *, named: bool) -> tuple[WantMeasures, MeasuresFact]:
    """Measure; a window that was not ``named`` ends as late as all providers have its values, and is returned so."""
    from reconciler.daemon.evidence import connect_evidence
    from reconciler.model.names import ProjectName, StageName

    evidence = connect_evidence(config, ProjectName(want.project), StageName(want.stage))
    try:
        late = 0 if named else evidence.settles(want)
        want = replace(want, start=Instant(want.start - late), end=Instant(want.end - late))
        span = f"from {format_instant(want.start)} to {format_instant(want.end)}"
        span += f", {late} s ago, when all values are there" if late else ""
        with _waiting(f"measuring {len(want.queries)} indicators of {want.service} in {want.stage} {span}"):
            fact = evidence.measure(want)
    finally:
        evidence.close()
    if not isinstance(fact, MeasuresFact):
        raise ConfigError(fact.message, hint=fact.hint)
    return want, fact


@contextmanager
def _waiting(text: str) -> Iterator[None]:
    """Show on stderr what is waited for, as long as it is waited for where that is a terminal."""
    if not sys.stderr.isatty() or use_color() is False:
        say(text)
        yield
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(text):
        yield
    console.print(text, highlight=False, markup=False)
