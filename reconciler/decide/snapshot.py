"""What `decide` sees of a stage: everything that Git says, parsed, and nothing else.

The mapping of services may load lazily, so that a decision about one service costs the same among 10 as among 10,000;
its values are immutable. Whatever could not be read stands in its place as the error that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from reconciler.decide.evaluation.objectives import Objectives
from reconciler.decide.remediation import Remediation
from reconciler.model.closed import Archive
from reconciler.model.command import Command
from reconciler.model.copies import quick
from reconciler.model.desired import Desired, Key
from reconciler.model.errors import UserError
from reconciler.model.evaluations import Evaluation
from reconciler.model.instant import Instant
from reconciler.model.names import (
    BlobId,
    CommitId,
    ProblemId,
    ProjectName,
    RemediationId,
    ServiceName,
    ServicePath,
    StageName,
)
from reconciler.model.playbook import Playbook
from reconciler.model.policy import Mode, ServiceConfig, StageConfig
from reconciler.model.problem import Problem
from reconciler.model.sli import Indicator
from reconciler.model.step import StepFile


@quick
@dataclass(frozen=True)
class FileRef:
    """A file as it stands in the snapshot."""

    path: str
    blob: BlobId

    def __str__(self) -> str:
        """Render as ``path@blob``: the same text means the same content at the same place."""
        return f"{self.path}@{self.blob}"


@quick
@dataclass(frozen=True)
class ProblemFile:
    """A problem's file; ``shadowed_by`` names the live file that had the id first."""

    id: ProblemId
    file: FileRef
    problem: Problem | UserError
    shadowed_by: str = ""


@dataclass(frozen=True)
class CommandFile:
    """A command's file and who committed it; ``unsigned`` says why that does not count, empty where it does."""

    file: FileRef
    command: Command | UserError
    author: str
    commit: CommitId
    unsigned: str = ""


@dataclass(frozen=True)
class Foreign:
    """A machine-written file that differs from what our newest step left: who did it, and what stood there.

    ``unsigned`` says why that commit does not count as a person's word, empty where it does.
    """

    path: str
    change: Literal["deleted", "modified", "added"]
    author: str
    commit: CommitId
    ours: bytes | None
    unsigned: str = ""


@quick
@dataclass(frozen=True)
class ServiceView:
    """One service: people's files, what was reported, and what the steps say so far (from the last trusted tree)."""

    path: ServicePath
    exists: bool = True
    clash: str = ""
    config: ServiceConfig | UserError = ServiceConfig()
    config_file: FileRef | None = None
    playbook: Playbook | UserError | None = None
    playbook_file: FileRef | None = None
    pinned: tuple[FileRef, ...] = ()
    problems: Mapping[ProblemId, ProblemFile] = field(default_factory=dict)
    shadowed: tuple[ProblemFile, ...] = ()
    commands: tuple[CommandFile, ...] = ()
    remediations: Mapping[RemediationId, Remediation] = field(default_factory=dict)
    desired: Desired = field(default_factory=dict)
    foreign: tuple[Foreign, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def name(self) -> ServiceName:
        """The last folder of the path: what people and targets call the service."""
        return ServiceName(self.path.rpartition("/")[2])

    def ops(self, stage: StageName) -> str:
        """Return the service's directory under `ops/`."""
        return f"ops/{stage}/{self.path}"

    def desired_path(self, stage: StageName) -> str:
        """Return where `desired.yaml` lies."""
        return f"{self.ops(stage)}/state/desired.yaml"


def touched(view: ServiceView) -> frozenset[Key]:
    """Return the fields that a service holds, is giving back, or waits for to be done once."""
    once = (each for remediation in view.remediations.values() if remediation.pending for each in remediation.once)
    return frozenset({*view.desired, *((each.target, each.field) for each in once)})


@dataclass(frozen=True)
class Rewritten:
    """The branch was force-pushed or rebased: the tip that was known before, and the highest sequence seen."""

    before: CommitId
    sequence: int


@quick
@dataclass(frozen=True)
class Stage:
    """What holds for the whole stage.

    ``implied_mode`` is the shipyard's, ``implied_wait`` and ``implied_window`` are its `triggeredAfter` and `timeframe`
    in seconds. ``steps`` are the steps of no remediation that lie in the tree, the oldest first; ``answered`` are the
    files (``path@blob``) that they name. ``sequence`` and ``now_floor`` are the newest step's. ``held_config`` says why
    people's files are in force as of ``config_commit`` although newer commits are there; None where there are none.
    """

    project: ProjectName
    name: StageName
    config: StageConfig | UserError
    config_file: FileRef | None = None
    implied_mode: Mode | None = None
    implied_wait: int | None = None
    implied_window: int | None = None
    commands: tuple[CommandFile, ...] = ()
    steps: tuple[StepFile, ...] = ()
    answered: frozenset[str] = frozenset()
    foreign: tuple[Foreign, ...] = ()
    rewritten: Rewritten | None = None
    sequence: int = 0
    now_floor: Instant = Instant(0)
    config_commit: CommitId = CommitId("")
    project_commit: CommitId = CommitId("")
    held_config: Mapping[str, Any] | None = None

    @property
    def owner(self) -> str:
        """What targets that were given back carry as their owner: ``project/stage``."""
        return f"{self.project}/{self.name}"


@dataclass(frozen=True)
class Pinned:
    """What the files say that a remediation pinned when it was opened: the objectives, and how they are measured.

    ``objectives`` None: there is no slo.yaml. ``indicators`` maps a provider (the folder of its sli.yaml) to its
    queries, the files of project, stage and service merged. ``unreadable`` are the SLI files that are none.
    """

    objectives: Objectives | UserError | None = None
    filters: tuple[tuple[str, str], ...] = ()
    indicators: Mapping[str, Mapping[str, Indicator]] = field(default_factory=dict)
    unreadable: tuple[UserError, ...] = ()


FAR = Instant(1 << 40)
"""A moment that never comes."""

Claimants: TypeAlias = Callable[[Key], frozenset[ServicePath]]
Pins: TypeAlias = Callable[[tuple[str, ...]], Pinned]
Arrived: TypeAlias = Callable[[FileRef], Instant]


def nothing_pinned(_: tuple[str, ...]) -> Pinned:
    """Tell that there are no objectives and no indicators."""
    return Pinned()


def just_arrived(_: FileRef) -> Instant:
    """Tell that a file came in the far future, which counts as now."""
    return FAR


def _nothing_finished() -> Instant | None:
    return None


def _none_until(_: Instant) -> tuple[ServicePath, ...]:
    return ()


def _no_files(_: ServicePath) -> tuple[str, ...]:
    return ()


def _no_file(_: str) -> BlobId | None:
    return None


@dataclass(frozen=True)
class Shelves:
    """What archiving looks at, kept incrementally or read when it is asked for.

    ``oldest`` is the earliest moment of all finished remediations' newest steps, None where there is none;
    ``until`` are the services with one from before a moment or at it, the oldest first. ``files`` are the paths of all
    files of a service under `ops/<stage>/`, ``blob`` what one of them holds, None where it is not there. ``closed`` is
    what was archived before.
    """

    oldest: Callable[[], Instant | None] = _nothing_finished
    until: Callable[[Instant], tuple[ServicePath, ...]] = _none_until
    files: Callable[[ServicePath], tuple[str, ...]] = _no_files
    blob: Callable[[str], BlobId | None] = _no_file
    closed: Callable[[], Archive] = Archive


@dataclass(frozen=True)
class Snapshot:
    """A stage at three commits (project, config, ops).

    ``claimants`` tells which services hold a field, give it back or wait for it; ``acting`` are the services with a
    running remediation that has decided something, ``acted`` the moments of all actions of each service that has any.
    These are kept incrementally by whoever makes the snapshot. ``pins`` reads pinned files by their references
    (`path@blob`); ``arrived`` tells when the commit was made that brought a problem's file to the branch. ``tampered``
    are the services whose machine-written files others changed, which no step has answered yet.
    """

    stage: Stage
    services: Mapping[ServicePath, ServiceView]
    claimants: Claimants
    acting: AbstractSet[ServicePath] = frozenset()
    acted: Mapping[ServicePath, tuple[Instant, ...]] = field(default_factory=dict)
    pins: Pins = nothing_pinned
    arrived: Arrived = just_arrived
    shelves: Shelves = Shelves()
    tampered: AbstractSet[ServicePath] = frozenset()
