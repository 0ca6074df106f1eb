"""What holds for one service now: its own settings over the stage's, the project's, the shipyard's, the built-in ones.

Mode, bounds, budgets and drift are live: they are read at every step, never pinned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from reconciler.decide.snapshot import CommandFile, ServiceView, Stage
from reconciler.decide.wording import short
from reconciler.model.copies import quick, replace
from reconciler.model.errors import BugError, UserError
from reconciler.model.policy import (
    Bounds,
    Budgets,
    DriftPolicy,
    FlagPlace,
    Freeze,
    Mode,
    OnFail,
    OnResolve,
    OnWarning,
    ServiceConfig,
    StageConfig,
    Workload,
)

DEFAULT_BOUNDS = Bounds(1, 10)
NO_BOUNDS = Bounds(0, 1_000_000)
"""Where the files that may hold bounds cannot be read: nothing is moved because of a bound that is not known."""
DEFAULT_ROLLOUT = 300
"""Seconds from the decision until a rollout that is not complete has failed."""
REPAIRS = 3
REPAIR_WINDOW = 600
"""Three repairs of one field in this many seconds are a conflict."""
HOUR = 3600
DEFAULT_WAIT = 600
"""Seconds from a change's effect until the objectives are evaluated, where nobody says otherwise."""
WINDOW_AT_ONCE = 60
"""Seconds that are measured where nothing is waited for and no window is given."""
DEFAULT_PROBLEM_AGE = HOUR
DEFAULT_RETENTION = 30 * 24 * HOUR


@quick
@dataclass(frozen=True)
class Timing:
    """How one action is judged, and what becomes of it. Times in seconds, counted from when the change took effect.

    ``settle`` is neither waited nor measured, then comes ``wait``, then the evaluation of the last ``window`` seconds.
    A window is never longer than its wait, unless nothing is waited for; then it is the time before. ``retries`` is
    how often the action is done again before the next one. ``on_resolve`` None: as the target has it (keep, but give
    back an autoscaler's minimum).
    """

    wait: int
    window: int
    settle: int
    retries: int
    on_fail: OnFail
    on_warning: OnWarning
    on_resolve: OnResolve | None


@dataclass(frozen=True)
class Guard:
    """So many actions of one entry ``within`` so many seconds are too many."""

    times: int = 3
    within: int = HOUR


@dataclass(frozen=True)
class Effective:
    """The settings that a decision about one service uses; nothing is optional any more.

    ``suspended`` says who suspended what, ``unreadable`` which file cannot be read: then nothing new is decided.
    """

    mode: Mode
    suspended: str
    unreadable: str
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
    cooldown: int
    loop_guard: Guard
    max_problem_age: int
    retention: int
    freezes: tuple[Freeze, ...]


def over(stage: StageConfig, defaults: StageConfig) -> StageConfig:
    """Return the stage's settings with the project's defaults where it has none."""
    values = {name: getattr(stage, name) for name in stage.__dataclass_fields__}
    for name, value in values.items():
        fallback = getattr(defaults, name)
        if value is None or value == "":
            values[name] = fallback
        elif hasattr(value, "__dataclass_fields__"):
            values[name] = replace(
                fallback,
                **{k: getattr(value, k) for k in value.__dataclass_fields__ if getattr(value, k) not in (None, "")},
            )
    return StageConfig(**values)


def effective(stage: Stage, view: ServiceView) -> Effective:
    """Return what holds for a service. Files that cannot be read are named, and stand for nothing."""
    if stage.commands or view.commands:
        return _effective(stage, view)
    key = (id(stage.config), id(view.config), stage.project, stage.name, stage.implied_mode)
    known = _KNOWN.get(key)
    # What is kept is not freed, so an id that is found is that of the same file.
    if known is None:
        if len(_KNOWN) >= _REMEMBERED:
            _KNOWN.clear()
        known = _KNOWN[key] = (_effective(stage, view), stage.config, view.config)
    return known[0]


_REMEMBERED: Final = 4096
"""Services of which it is remembered what holds for them: several turns of every tick ask."""
_KNOWN: Final[
    dict[
        tuple[int, int, str, str, Mode | None],
        tuple[Effective, StageConfig | UserError, ServiceConfig | UserError],
    ]
] = {}


def _effective(stage: Stage, view: ServiceView) -> Effective:
    wide = stage.config if isinstance(stage.config, StageConfig) else StageConfig()
    own = view.config if isinstance(view.config, ServiceConfig) else ServiceConfig()
    unreadable = [str(value.place or value) for value in (stage.config, view.config) if isinstance(value, UserError)]
    mode: Mode = wide.mode or stage.implied_mode or "automated"
    suspended = suspended_by(stage.commands, stage.answered) or suspended_by(view.commands, stage.answered)
    return Effective(
        mode="suspended" if suspended else mode,
        suspended=suspended or "suspended by `mode` in stage.yaml",
        unreadable=", ".join(unreadable),
        bounds=NO_BOUNDS if unreadable else _bounds(own.bounds, wide.bounds),
        budgets=wide.budgets,
        flags=FlagPlace(own.flags.project or wide.flags.project, own.flags.environment or wide.flags.environment),
        namespace=own.workload.namespace or wide.namespace or f"{stage.project}-{stage.name}",
        workload=own.workload,
        on_resolve=own.on_resolve or wide.on_resolve,
        on_controller_drift=own.drift.controller or wide.drift.controller or "repair",
        on_person_drift=own.drift.person or wide.drift.person or "report",
        rollout=own.rollout or wide.rollout or DEFAULT_ROLLOUT,
        approval=wide.approval == "required",
        cooldown=wide.cooldown or 0,
        loop_guard=Guard(wide.loop_guard.times or Guard.times, wide.loop_guard.within or Guard.within),
        max_problem_age=wide.max_problem_age or DEFAULT_PROBLEM_AGE,
        retention=wide.retention or DEFAULT_RETENTION,
        freezes=wide.freeze or (),
    )


def timing(stage: Stage, view: ServiceView, options: Mapping[str, object]) -> Timing:
    """Return how an action is judged that was pinned with these options (`ActionEntry.options`, durations in seconds).

    The options go before the service's settings, those before the stage's and the project's, then come the shipyard's
    `triggeredAfter` and `timeframe`. Files that cannot be read stand for nothing.
    """
    wide = stage.config if isinstance(stage.config, StageConfig) else StageConfig()
    own = view.config if isinstance(view.config, ServiceConfig) else ServiceConfig()
    wait = _some(_number(options, "wait"), own.wait, wide.wait, stage.implied_wait, DEFAULT_WAIT)
    window = _some(_number(options, "window"), own.window, wide.window, stage.implied_window, wait) or WINDOW_AT_ONCE
    return Timing(
        wait=wait,
        window=min(window, wait) if wait else window,
        settle=_some(_number(options, "settle"), own.settle, wide.settle, 0),
        retries=_some(_number(options, "retries"), wide.retries, 0),
        on_fail=cast("OnFail", options.get("onFail") or wide.on_fail or "keep"),
        on_warning=cast("OnWarning", options.get("onWarning") or wide.on_warning or "accept"),
        on_resolve=cast("OnResolve | None", options.get("onResolve") or own.on_resolve or wide.on_resolve),
    )


def _number(options: Mapping[str, object], name: str) -> int | None:
    value = options.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _some(*values: int | None) -> int:
    """Return the first that is there; the last one is."""
    found = next((value for value in values if value is not None), None)
    if found is None:
        raise BugError("a setting without a default")
    return found


def suspended_by(commands: Iterable[CommandFile], refused: frozenset[str]) -> str:
    """Return who suspended, where the newest of `suspend` and `resume` among commands of no remediation is `suspend`.

    Command files sort by their names, which begin with the time. What was refused, or will be, counts for nothing.
    """
    newest = ""
    for file in sorted(commands, key=lambda each: each.file.path):
        command = file.command
        if isinstance(command, UserError) or command.remediation or command.verb not in ("suspend", "resume"):
            continue
        if file.unsigned or str(file.file) in refused:
            continue
        why = f": {command.reason}" if command.reason else ""
        newest = f"suspended by {short(file.author)}{why}" if command.verb == "suspend" else ""
    return newest


def _bounds(own: Bounds, wide: Bounds) -> Bounds:
    """Return the bounds; where a service's minimum is above its stage's maximum, the maximum counts."""
    high = _some(own.maximum, wide.maximum, DEFAULT_BOUNDS.maximum)
    return Bounds(min(_some(own.minimum, wide.minimum, DEFAULT_BOUNDS.minimum), high), high)
