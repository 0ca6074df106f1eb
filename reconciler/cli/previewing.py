"""What the next pass would do, and what the remediations wait for about which it would do nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from reconciler.cli.workspace import OpenStage, open_stage
from reconciler.daemon.connections import open_mirror
from reconciler.daemon.service import opened
from reconciler.decide.outlook import awaited
from reconciler.repo.project import read_project

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from reconciler.decide.engine import Decision
    from reconciler.model.daemon_config import DaemonConfig, RepositoryConfig
    from reconciler.model.names import ProjectName, StageName
    from reconciler.model.step import Step

ANSWER_WITHIN: Final = 15.0
"""Seconds that servers have to answer."""


@dataclass(frozen=True)
class Preview:
    """``conditions`` say what could not be found out; ``waits`` is plain data, one item for each remediation."""

    steps: tuple[Step, ...]
    conditions: Mapping[str, str]
    waits: tuple[Mapping[str, Any], ...]


def previews(config: DaemonConfig, log: FilteringBoundLogger) -> Mapping[ProjectName, Preview]:
    """Return what the next pass over each project would do; nothing is written.

    It reads through a mirror of its own that is thrown away, so a running daemon and its state are left alone.

    Raises what stands in the way of a whole project or stage.
    """
    found: dict[ProjectName, Preview] = {}
    with TemporaryDirectory(prefix="reconciler-plan-", ignore_cleanup_errors=True) as folder:
        state = Path(folder)
        for name, project in config.projects.items():
            with opened(config, name, log, state=state, patience=ANSWER_WITHIN, tell=False) as loop:
                decisions, conditions = loop.preview(), dict(loop.conditions)
            waits = tuple(_waits(project.repository, state, name, decisions))
            steps = tuple(step for decision in decisions.values() for step in decision.steps)
            found[name] = Preview(steps, conditions, waits)
    return found


def _waits(
    repository: RepositoryConfig, state: Path, name: ProjectName, decisions: Mapping[StageName, Decision]
) -> Iterator[Mapping[str, Any]]:
    with open_mirror(repository, state) as mirror:
        project = read_project(mirror, name)
        for stage in project.stages:
            if stage.name in decisions:
                yield from _of_stage(open_stage(mirror, project, stage, fetch=True), name, decisions[stage.name])


def _of_stage(here: OpenStage, project: ProjectName, decision: Decision) -> Iterator[Mapping[str, Any]]:
    """Yield what each remediation waits for that no step is about; a step says itself what comes of it."""
    told = {step.remediation for step in decision.steps}
    for view in here.busy():
        for each in sorted(view.remediations.values(), key=lambda each: each.opened_by):
            if not each.ended and each.id not in told:
                where = {"project": str(project), "stage": str(here.name), "service": str(view.path)}
                yield {**where, "remediation": str(each.id), "waits": awaited(each)}
