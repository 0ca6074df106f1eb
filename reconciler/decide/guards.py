"""What keeps an action from being decided although it could be: a freeze, a budget, a problem's age, ...

Each either holds, and says what lifts it, or calls a person. They look at what the steps say and at the time; where
time alone lifts one, the draft is told the moment.
"""

from __future__ import annotations

from reconciler.decide.actions.protocol import Escalation, Wait
from reconciler.decide.draft import Draft
from reconciler.decide.evaluating import judge
from reconciler.decide.freezing import frozen
from reconciler.decide.options import timing_of
from reconciler.decide.policy import HOUR, Effective
from reconciler.decide.remediation import Remediation, Waiting
from reconciler.decide.snapshot import ServiceView
from reconciler.decide.wording import listed
from reconciler.model.instant import Instant, format_instant

_GRID = 60
"""Seconds to which the end of the window is rounded down that an old problem is measured over: two looks within
it ask the same."""


def guard(
    draft: Draft, view: ServiceView, remediation: Remediation, settings: Effective
) -> Wait | Escalation | None:  # fmt: skip
    """Return why the action in hand may not be decided now, None where it may. Raises UnseenError."""
    return (
        _freeze(draft, settings)
        or _loop(draft, view, remediation, settings)
        or _cooldown(draft, view, remediation, settings)
        or _budget(draft, view, settings)
        or _age(draft, view, remediation, settings)
    )


def _freeze(draft: Draft, settings: Effective) -> Wait | None:
    window = frozen(settings.freezes, draft.now)
    if window is None:
        doubted = bool(settings.freezes) and not draft.at(draft.now)
        return (
            Wait("freeze", "whether a freeze window is open cannot be said", "a clock that is right")
            if doubted
            else None
        )
    because = f": {window.reason}" if window.reason else ""
    if window.until is None:
        return Wait("freeze", f"a freeze window is open{because}", "a change of `freeze` in stage.yaml: it never ends")
    draft.at(window.until)
    return Wait("freeze", f"a freeze window is open{because}", f"its end at {format_instant(window.until)}")


def _is_first(remediation: Remediation) -> bool:
    """Whether nothing was done about the problem yet, and no person has asked that something be done."""
    return remediation.index == 0 and not remediation.begun and not remediation.asked


def _others(view: ServiceView, remediation: Remediation) -> list[Remediation]:
    """Return the other remediations of the same entry that have acted."""
    return [
        each
        for each in view.remediations.values()
        if each.id != remediation.id and each.entry == remediation.entry and each.decisions
    ]


def _loop(draft: Draft, view: ServiceView, remediation: Remediation, settings: Effective) -> Escalation | None:
    times, within = settings.loop_guard.times, settings.loop_guard.within
    if not _is_first(remediation):
        return None
    since = draft.now - within
    recent = sorted(
        (each for each in _others(view, remediation) if each.decisions[-1][1] > since),
        key=lambda each: (each.decisions[-1][1], each.opened_by),
    )
    if len(recent) < times:
        return None
    return Escalation(
        f'loop guard: "{remediation.entry}" was acted on {len(recent)} times within {_span(within)}, '
        f"the last time for {recent[-1].id}"
    )


def _span(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 and seconds % 60 == 0 else f"{seconds} s"


def _cooldown(draft: Draft, view: ServiceView, remediation: Remediation, settings: Effective) -> Wait | None:
    if not settings.cooldown or not _is_first(remediation):
        return None
    ends = [each.ended_at for each in _others(view, remediation) if each.ended_at is not None]
    if not ends or draft.at(over := Instant(max(ends) + settings.cooldown)):
        return None
    reason = f'"{remediation.entry}" was remediated until {format_instant(max(ends))}'
    return Wait("cooldown", reason, f"the cooldown's end at {format_instant(over)}, or `reconciler retry`")


def _budget(draft: Draft, view: ServiceView, settings: Effective) -> Wait | None:
    per_hour = settings.budgets.actions_per_hour
    if per_hour is not None and not _within_hour(draft, view, per_hour):
        reason = f"all of the {per_hour} actions of an hour are used"
        return Wait("budget", reason, "the hour going by, or a higher `budgets.actionsPerHour`")
    at_once = settings.budgets.services_at_once
    if at_once is not None and (acting := len(draft.acting() - {view.path})) >= at_once:
        reason = f"{acting} of {at_once} services are being remediated"
        return Wait("budget", reason, "one of them ending, or a higher `budgets.servicesAtOnce`")
    return _blast_radius(draft, view, settings.budgets.services_per_hour)


def _within_hour(draft: Draft, view: ServiceView, per_hour: int) -> bool:
    if per_hour == 0:
        return False
    moments = sorted(moment for each in view.remediations.values() for _, moment in each.decisions)
    return len(moments) < per_hour or draft.at(Instant(moments[-per_hour] + HOUR))


def _blast_radius(draft: Draft, view: ServiceView, most: int | None) -> Wait | None:
    """Let only so many services of the stage be acted upon within an hour: beyond it, the cause is a common one."""
    if most is None:
        return None
    acted = draft.acted_since(Instant(draft.now - HOUR))
    if view.path in acted or len(acted) < most:
        return None
    if most:
        draft.at(Instant(sorted(acted.values())[-most] + HOUR))
    names = listed(sorted(acted))
    reason = (
        f"{len(acted)} services were acted upon within an hour ({names})" if acted else "no service may be acted upon"
    )
    return Wait("budget", reason, "the hour going by, or a higher `budgets.servicesPerHour`")


def _age(draft: Draft, view: ServiceView, remediation: Remediation, settings: Effective) -> Wait | None:
    """Measure first where an action waits for long: after a hold or an outage the problem may be gone by now."""
    since = remediation.since
    if since is None or draft.now - since <= settings.max_problem_age:
        return None
    if draft.pins(remediation.pinned).objectives is None:
        return None
    timing = timing_of(draft, view, remediation)
    end = draft.now - draft.now % _GRID
    window = Waiting(Instant(end), Instant(end - timing.window), Instant(end))
    verdict = judge(draft, view, remediation, window, over=False)
    if verdict.result == "fail":
        return None
    draft.at(Instant(end + max(_GRID, timing.window)))
    begun = "the problem came" if _is_first(remediation) else "the last action was judged"
    reason = f"{begun} at {format_instant(since)}, and now {verdict.message}"
    return Wait("age", reason, "the objectives failing, or `reconciler retry`")
