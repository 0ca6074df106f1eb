"""`stage.yaml` and `service.yaml`: what may be done, how much of it, and what a service is in the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.cron import Schedule, schedule
from reconciler.model.document import Checks, Fields, open_document
from reconciler.model.nodes import Scalar
from reconciler.model.suggest import CONFUSED, nearest
from reconciler.model.timings import length, positive, times

Mode: TypeAlias = Literal["automated", "shadow", "suspended"]
OnResolve: TypeAlias = Literal["keep", "revert"]
OnFail: TypeAlias = Literal["keep", "revert"]
OnWarning: TypeAlias = Literal["accept", "next"]
DriftPolicy: TypeAlias = Literal["repair", "adopt", "report"]
Approval: TypeAlias = Literal["automatic", "required"]
ForgeOutage: TypeAlias = Literal["hold", "proceed"]

WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "DaemonSet"})
"""The workloads that Kubernetes itself has; all but the last can be scaled."""


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
    """How much may happen. None: no limit.

    ``actions_per_hour`` counts for each service, ``services_at_once`` those with a running remediation,
    ``services_per_hour`` the different ones that were acted upon within an hour.
    """

    actions_per_hour: int | None = None
    services_at_once: int | None = None
    services_per_hour: int | None = None


@dataclass(frozen=True)
class LoopGuard:
    """How many remediations of one entry ``within`` so many seconds are too many. None: the next wider level."""

    times: int | None = None
    within: int | None = None


@dataclass(frozen=True)
class FlagPlace:
    """Where a stage's or service's flags live on the flag server. Empty: the next wider level."""

    project: str = ""
    environment: str = ""


@dataclass(frozen=True)
class Freeze:
    """A window without changes: it opens when ``schedule`` (five cron fields, UTC) says, for ``duration`` seconds."""

    schedule: Schedule
    duration: int
    reason: str = ""


@dataclass(frozen=True)
class StageConfig:
    """`stage.yaml`; what it does not say is left to the project's defaults, and those to the product's.

    ``mode`` None: as the shipyard says, else `automated`. ``rollout`` is the time after which a rollout counts as
    failed, ``max_problem_age`` the age from which a problem is measured before it is acted on, ``cooldown`` how long
    after its end nothing new is done about the same entry. ``freeze`` None: the project's windows, an empty one: none.
    Times are in seconds.
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
    window: int | None = None
    settle: int | None = None
    retries: int | None = None
    on_fail: OnFail | None = None
    on_warning: OnWarning | None = None
    cooldown: int | None = None
    loop_guard: LoopGuard = LoopGuard()
    max_problem_age: int | None = None
    retention: int | None = None
    freeze: tuple[Freeze, ...] | None = None
    approval: Approval | None = None
    forge_outage: ForgeOutage | None = None


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
    wait: int | None = None
    window: int | None = None
    settle: int | None = None
    labels: tuple[tuple[str, str], ...] = field(default=())


def load_stage(data: bytes, path: str) -> StageConfig:
    """Load `stage.yaml`; an empty file is all defaults.

    Raises:
        InvalidFile: with all findings.
    """
    return stage_from(open_document(data, path, "stage", empty=True))


def load_service(data: bytes, path: str) -> ServiceConfig:
    """Load `service.yaml`; an empty file is all defaults, and still makes its folder a service.

    Raises:
        InvalidFile: with all findings.
    """
    fields = open_document(data, path, "service", empty=True)
    checks = Checks()
    workload, effect = fields.section("workload"), times(fields, checks)
    _refuse_slip_of_kind(workload, checks)
    config = ServiceConfig(
        workload=Workload(workload.text("kind"), workload.text("name"), workload.text("namespace")),
        bounds=_bounds(fields, checks),
        drift=_drift(fields),
        flags=_flags(fields),
        on_resolve=cast("OnResolve | None", fields.text("onResolve") or None),
        rollout=positive(fields, "rollout", checks),
        wait=effect.wait,
        window=effect.window,
        settle=effect.settle,
        labels=fields.pairs("labels"),
    )
    checks.done()
    return config


def stage_from(fields: Fields) -> StageConfig:
    """Return what `stage.yaml`, or the `defaults` of a project, say. Raises `InvalidFile`."""
    checks = Checks()
    effect = times(fields, checks)
    budgets, guard = fields.section("budgets"), fields.section("loopGuard")
    config = StageConfig(
        mode=cast("Mode | None", fields.text("mode") or None),
        bounds=_bounds(fields, checks),
        budgets=Budgets(*(budgets.integer(what) for what in ("actionsPerHour", "servicesAtOnce", "servicesPerHour"))),
        drift=_drift(fields),
        flags=_flags(fields),
        on_resolve=cast("OnResolve | None", fields.text("onResolve") or None),
        namespace=fields.text("namespace"),
        rollout=positive(fields, "rollout", checks),
        wait=effect.wait,
        window=effect.window,
        settle=effect.settle,
        retries=fields.integer("retries"),
        on_fail=cast("OnFail | None", fields.text("onFail") or None),
        on_warning=cast("OnWarning | None", fields.text("onWarning") or None),
        cooldown=length(fields, "cooldown", checks),
        loop_guard=LoopGuard(guard.integer("times"), positive(guard, "within", checks)),
        max_problem_age=positive(fields, "maxProblemAge", checks),
        retention=positive(fields, "retention", checks),
        freeze=_freezes(fields, checks),
        approval=cast("Approval | None", fields.text("approval") or None),
        forge_outage=cast("ForgeOutage | None", fields.text("forgeOutage") or None),
    )
    checks.done()
    return config


def _refuse_slip_of_kind(workload: Fields, checks: Checks) -> None:
    """Refuse a kind that is one slip away from one of Kubernetes' own; those of others have their group behind it."""
    name, _, group = workload.text("kind").partition(".")
    meant = nearest(name, WORKLOADS, cutoff=CONFUSED) if group in ("", "apps") else ""
    if meant and meant != name:
        checks.add(
            f"there is no kind `{name}`",
            workload.place_of("kind"),
            expected=f"one of {', '.join(sorted(WORKLOADS))}, or `<Kind>.<group>`",
            hint=f"did you mean `{meant}`?",
        )


def _bounds(fields: Fields, checks: Checks) -> Bounds:
    replicas = fields.section("bounds").section("replicas")
    low, high = replicas.integer("min"), replicas.integer("max")
    if low is not None and high is not None and low > high:
        checks.add(
            f"`min` ({low}) is above `max` ({high})",
            replicas.place_of("min"),
            expected=f"at most {high}",
            hint="swap the two, or raise `max`",
        )
    return Bounds(low, high)


def _drift(fields: Fields) -> Drift:
    node = fields.node("drift")
    if isinstance(node, Scalar):
        policy = cast("DriftPolicy", node.raw)
        return Drift(policy, policy)
    each = fields.section("drift")
    return Drift(
        cast("DriftPolicy | None", each.text("controller") or None),
        cast("DriftPolicy | None", each.text("person") or None),
    )


def _flags(fields: Fields) -> FlagPlace:
    flags = fields.section("flags")
    return FlagPlace(flags.text("project"), flags.text("environment"))


def _freezes(fields: Fields, checks: Checks) -> tuple[Freeze, ...] | None:
    if fields.node("freeze") is None:
        return None
    windows = (_freeze(window, checks) for window in fields.sections("freeze"))
    return tuple(window for window in windows if window is not None)


def _freeze(window: Fields, checks: Checks) -> Freeze | None:
    opens = checks.run(lambda: schedule(window.text("schedule"), window.place_of("schedule")), None)
    duration = positive(window, "duration", checks)
    return Freeze(opens, duration, window.text("reason")) if opens and duration else None
