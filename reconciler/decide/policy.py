"""What holds for one service now: the service's own settings over the stage's over the built-in defaults.

Mode, bounds, budgets and drift are live: they are read at every step, never pinned (DESIGN.md section 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.decide.snapshot import CommandFile, ServiceView, Stage
from reconciler.model.errors import UserError
from reconciler.model.policy import (
    Bounds,
    Budgets,
    Drift,
    DriftPolicy,
    FlagPlace,
    Mode,
    OnResolve,
    ServiceConfig,
    StageConfig,
    Workload,
)

DEFAULT_BOUNDS = Bounds(1, 10)
DEFAULT_ROLLOUT = 300
"""Seconds from the decision until a rollout that is not complete has failed."""
REPAIRS = 3
REPAIR_WINDOW = 600
"""Three repairs of one field in this many seconds are a conflict (DESIGN.md section 3)."""
HOUR = 3600


@dataclass(frozen=True)
class Effective:
    """The settings that a decision about one service uses; nothing is optional any more."""

    mode: Mode
    bounds: Bounds
    budgets: Budgets
    flags: FlagPlace
    namespace: str
    workload: Workload
    on_resolve: OnResolve | None
    on_controller_drift: DriftPolicy
    on_person_drift: DriftPolicy
    rollout: int
    approval: bool


def over(stage: StageConfig, defaults: StageConfig) -> StageConfig:
    """Return the stage's settings with the project's defaults where it has none."""
    values = {name: getattr(stage, name) for name in stage.__dataclass_fields__}
    for name, value in values.items():
        fallback = getattr(defaults, name)
        if value is None or value in ("", ()):
            values[name] = fallback
        elif hasattr(value, "__dataclass_fields__"):
            values[name] = replace(
                fallback,
                **{k: getattr(value, k) for k in value.__dataclass_fields__ if getattr(value, k) not in (None, "")},
            )
    return StageConfig(**values)


def effective(stage: Stage, view: ServiceView) -> Effective:
    """Return what holds for a service. A file that cannot be read counts as if it were not there: see `refusal`."""
    wide = stage.config if isinstance(stage.config, StageConfig) else StageConfig(mode="suspended")
    own = view.config if isinstance(view.config, ServiceConfig) else ServiceConfig()
    mode: Mode = wide.mode or stage.implied_mode or "automated"
    if is_suspended(stage.commands) or is_suspended(view.commands):
        mode = "suspended"
    return Effective(
        mode=mode,
        bounds=Bounds(
            _first(own.bounds.minimum, wide.bounds.minimum, DEFAULT_BOUNDS.minimum),
            _first(own.bounds.maximum, wide.bounds.maximum, DEFAULT_BOUNDS.maximum),
        ),
        budgets=wide.budgets,
        flags=FlagPlace(own.flags.project or wide.flags.project, own.flags.environment or wide.flags.environment),
        namespace=own.workload.namespace or wide.namespace or f"{stage.project}-{stage.name}",
        workload=own.workload,
        on_resolve=own.on_resolve or wide.on_resolve,
        on_controller_drift=_drift(own.drift, wide.drift).controller or "repair",
        on_person_drift=_drift(own.drift, wide.drift).person or "report",
        rollout=own.rollout or wide.rollout or DEFAULT_ROLLOUT,
        approval=wide.approval == "required",
    )


def is_suspended(commands: Iterable[CommandFile]) -> bool:
    """Whether the newest of `suspend` and `resume` among commands of no remediation is `suspend`.

    Command files sort by their names, which begin with the time.
    """
    verbs = [
        command.command.verb
        for command in sorted(commands, key=lambda each: each.file.path)
        if not isinstance(command.command, UserError)
        and not command.command.remediation
        and command.command.verb in ("suspend", "resume")
    ]
    return bool(verbs) and verbs[-1] == "suspend"


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _drift(own: Drift, wide: Drift) -> Drift:
    return Drift(own.controller or wide.controller, own.person or wide.person)
