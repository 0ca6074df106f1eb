"""`stage.yaml` and `service.yaml`: what may be done, how much of it, and what a service is in the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["automated", "shadow", "suspended"]
OnResolve: TypeAlias = Literal["keep", "revert"]
DriftPolicy: TypeAlias = Literal["repair", "adopt", "report"]


@dataclass(frozen=True)
class Bounds:
    """The least and the most replicas that a decision may ask for; None leaves it to the next wider level."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True)
class Drift:
    """What to do when a held field was changed: by a controller, and by a person. None: the next wider level."""

    controller: DriftPolicy | None = None
    person: DriftPolicy | None = None


@dataclass(frozen=True)
class Budgets:
    """How much may happen: actions per hour and service, services with a running remediation at once. None: no limit."""

    actions_per_hour: int | None = None
    services_at_once: int | None = None


@dataclass(frozen=True)
class FlagPlace:
    """Where a stage's or service's flags live on the flag server. Empty: the next wider level."""

    project: str = ""
    environment: str = ""


@dataclass(frozen=True)
class StageConfig:
    """`stage.yaml`. ``mode`` None: as the shipyard says, else `automated`. ``rollout`` is seconds until a rollout failed.

    ``max_problem_age``, ``retention``, ``wait`` are seconds.
    """

    mode: Mode | None = None
    bounds: Bounds = Bounds()
    budgets: Budgets = Budgets()
    drift: Drift = Drift()
    flags: FlagPlace = FlagPlace()
    on_resolve: OnResolve | None = None
    namespace: str = ""
    rollout: int | None = None
    wait: int | None = None
    max_problem_age: int | None = None
    retention: int | None = None


@dataclass(frozen=True)
class Workload:
    """The workload that a service is. Empty fields take the defaults of Keptn: `Deployment`, `<service>[-primary]`."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True)
class ServiceConfig:
    """`service.yaml`; the defaults of every field are those of a service without one."""

    workload: Workload = Workload()
    bounds: Bounds = Bounds()
    drift: Drift = Drift()
    flags: FlagPlace = FlagPlace()
    on_resolve: OnResolve | None = None
    rollout: int | None = None
    labels: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class StageEntry:
    """A stage as the project's file names it; ``mode`` is what a shipyard implies, None where it says nothing."""

    name: str
    mode: Mode | None = None


@dataclass(frozen=True)
class ProjectConfig:
    """`project.yaml`, or what a Keptn `shipyard.yaml` says of the same. ``ops_branch`` may hold `{stage}`."""

    name: str = ""
    stages: tuple[StageEntry, ...] = ()
    ops_branch: str = ""
    defaults: StageConfig = StageConfig()


@dataclass(frozen=True)
class Command:
    """A command file. ``remediation`` empty: the service, or with no service the stage. ``step`` 0: the newest decided."""

    verb: Literal["approve", "decline", "undo", "abort", "retry", "suspend", "resume"]
    remediation: str = ""
    step: int = 0
    reason: str = ""
