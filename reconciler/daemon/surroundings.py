"""What the loop of a project is surrounded by: time, chance, and how to connect, to speak and to count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.branch import Branch
from reconciler.daemon.clock import Clock
from reconciler.daemon.dispatch import PATIENCE, Servers
from reconciler.daemon.forging import Forging
from reconciler.daemon.leases.protocol import EveryStage, StageLeases
from reconciler.daemon.metrics import Metrics, ProjectMetrics
from reconciler.model.names import ProjectName, StageName
from reconciler.notify.notifier import Notifier
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs
from reconciler.repo.signatures_policy import Policy

SWEEP_EVERY: Final = 30.0
"""Seconds in which all that is held is looked at once."""


@dataclass(frozen=True)
class Surroundings:
    """What a project's loop is given: time, how to connect a stage, and how to speak.

    ``policy`` makes what judges people's commits on a branch. ``looked`` is told after each pass what there is: the
    project, its branches, and what stands in the way. ``leases`` tell which stages this daemon may write for.
    """

    clock: Clock
    connect: Callable[[StageName], Servers]
    log: FilteringBoundLogger
    poll: float
    sweep_every: float = SWEEP_EVERY
    patience: float = PATIENCE
    seed: int = 0
    watch: bool = False
    check: Callable[[list[StageName]], None] = lambda _: None
    notifier: Notifier | None = None
    forge: Forging | None = None
    tracer: Notifier | None = None
    looked: Callable[[Project, Callable[[StageRefs], Branch], Mapping[str, str]], None] = lambda *_: None
    policy: Callable[[Mirror, StageName | None, Policy | None], Policy] | None = None
    leases: StageLeases = field(default_factory=EveryStage)
    metrics: ProjectMetrics = field(default_factory=lambda: Metrics().project(ProjectName("")))
