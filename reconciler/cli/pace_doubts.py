"""Budgets, guards and lengths of time that leave no room for each other: what is asked for comes late, or never.

A remediation needs one action of the hour's budget for each attempt. The loop guard counts other remediations of the
same entry, so retries are nothing to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.decide.policy import DEFAULT_RETENTION, DEFAULT_WAIT, HOUR, Guard, Timing
from reconciler.model.duration import written
from reconciler.model.errors import Place
from reconciler.model.playbook import ActionEntry
from reconciler.model.policy import StageConfig

LONG: Final = 24 * HOUR
"""Seconds from which on a wait is more likely a slip of its unit."""
_LONG_KEYS: Final = {"wait": "the objectives are evaluated", "settle": "the wait begins", "rollout": "it has failed"}

Placed = Callable[..., Place]


def about_pace(own: StageConfig, wide: StageConfig, place: Placed) -> Iterator[Finding]:
    """Yield what of a stage's times and numbers leaves no room; ``place`` finds a key of its file."""
    yield from long_waits({key: getattr(own, key) for key in _LONG_KEYS}, place)
    per_hour, retries = wide.budgets.actions_per_hour, wide.retries or 0
    lasts = (wide.wait if wide.wait is not None else DEFAULT_WAIT) + (wide.settle or 0)
    said = own.retries is not None or own.budgets.actions_per_hour is not None
    if said and per_hour and _late([lasts] * (retries + 1), per_hour) is not None:
        yield _too_few(per_hour, retries, place("retries") if own.retries is not None else place("budgets"))
    yield from _guarded(own, wide, place)


def _guarded(own: StageConfig, wide: StageConfig, place: Placed) -> Iterator[Finding]:
    """Yield a loop guard that the cooldown keeps from ever being needed, and a retention that does not count."""
    within, cooldown = wide.loop_guard.within or Guard.within, wide.cooldown or 0
    most = wide.loop_guard.times or Guard.times
    guards = own.loop_guard.times is not None or own.loop_guard.within is not None
    if guards and cooldown and most * cooldown >= within:
        yield remark(
            "limits-contradict",
            f"this guard is never reached: with a `cooldown` of {written(cooldown)} there are never {most} remediations"
            f" of one entry within {written(within)}",
            place("loopGuard"),
            expected=f"a `cooldown` below {written(max(1, within // most))}, or a longer `within`",
            hint="shorten `cooldown`, or widen `within`",
        )
    least = max(HOUR, within, cooldown)
    if own.retention is not None and own.retention < least < DEFAULT_RETENTION:
        yield remark(
            "limits-contradict",
            f"nothing is archived before {written(least)} have gone by, so `retention` ({written(own.retention)}) does"
            " not count",
            place("retention"),
            expected=f"{written(least)} or more: an hour, `cooldown` and `loopGuard.within` have to go by",
            hint=f"write `retention: {written(least)}` or longer",
        )


def long_waits(given: dict[str, int | None], place: Placed) -> Iterator[Finding]:
    """Yield the waits that are longer than a day."""
    for key, length in given.items():
        if length is not None and length > LONG:
            yield remark(
                "long-wait",
                f"`{key}` is {written(length)}: so long it takes after each change until {_LONG_KEYS[key]}",
                place(key),
                expected="minutes, or an hour or two",
                hint="the units are `s`, `m`, `h` and `d`; leave it if it is meant",
            )


def about_attempts(actions: Sequence[tuple[ActionEntry, Timing]], per_hour: int | None) -> Iterator[Finding]:
    """Yield where the actions of an entry, each with its timing, need more than the hour's budget."""
    if not per_hour:
        return
    for action, held in actions:
        own = "retries" in dict(action.options)
        if own and _late([held.wait + held.settle] * (held.retries + 1), per_hour) is not None:
            yield _too_few(per_hour, held.retries, action.place)
            return
    attempts = [(action, held.wait + held.settle) for action, held in actions for _ in range(held.retries + 1)]
    late = _late([lasts for _, lasts in attempts], per_hour)
    if late is not None:
        yield _later(attempts[late][0], len(attempts), per_hour)


def _late(lasts: Sequence[int], per_hour: int) -> int | None:
    """Return the first attempt that the budget holds up, None for none; each lasts so many seconds at least."""
    begins = [sum(lasts[:number]) for number in range(len(lasts))]
    held = (number for number in range(per_hour, len(lasts)) if begins[number] - begins[number - per_hour] < HOUR)
    return next(held, None)


def _too_few(per_hour: int, retries: int, place: Place) -> Finding:
    return doubt(
        "limits-contradict",
        f"`actionsPerHour` ({per_hour}) is below what one action needs with its `retries` ({retries}): the rest is held"
        " until an hour has gone by",
        place,
        expected=f"at most {per_hour - 1} retries, or `actionsPerHour: {retries + 1}`",
        hint="retry less often, or raise `budgets.actionsPerHour` in stage.yaml",
    )


def _later(action: ActionEntry, attempts: int, per_hour: int) -> Finding:
    return remark(
        "limits-contradict",
        f"one remediation can need {attempts} actions and `actionsPerHour` is {per_hour}: from this one on they are"
        " held until an hour has gone by",
        action.place,
        expected=f"at most {per_hour} actions within an hour, retries counted",
        hint="raise `budgets.actionsPerHour` in stage.yaml, or leave it if the pause is meant",
    )
