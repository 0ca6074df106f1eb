"""After an action took effect: the wait, the evaluation of the objectives over that very window, and what follows.

The wait begins when the effect was seen; its end and the window are moments in Git. What follows is said by the step of
the evaluation itself, so that nothing which happens between two commits can make of it something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from reconciler.decide.actions.protocol import Wait
from reconciler.decide.claims import Settled, settle
from reconciler.decide.draft import CLOCK, Draft, Note, titled
from reconciler.decide.evaluation.evaluate import Evaluated, evaluate
from reconciler.decide.evaluation.measured import Measured, Outcome, remembered
from reconciler.decide.evaluation.objectives import Objectives
from reconciler.decide.evaluation.record import plain
from reconciler.decide.evaluation.telling import objective, reason
from reconciler.decide.holding import held_note
from reconciler.decide.options import timing_of
from reconciler.decide.policy import Timing, effective
from reconciler.decide.remediation import Remediation, Waiting
from reconciler.decide.resolution import ENDS, NOT_HEALED, all_over, is_over, let_go, newest_decision
from reconciler.decide.snapshot import Pinned, ServiceView
from reconciler.decide.wording import about_problems, lines, sentence
from reconciler.model.copies import quick, replace
from reconciler.model.errors import UserError
from reconciler.model.evaluations import Evaluation, Result, render_evaluations
from reconciler.model.instant import Instant, format_instant
from reconciler.model.measures import Measure, MeasuresFact, Query, WantMeasures
from reconciler.model.names import ProblemId
from reconciler.model.step import Event
from reconciler.model.targets import NoFact

Then: TypeAlias = Literal["remediated", "resolved", "unverified", "escalated", "again", "retry", "action", "none"]
"""What follows an evaluation: an end, another wait and evaluation, the same action, the next one, or no action left."""

MEASURED_AGAIN = 3
"""How often a window without data is measured again."""
_LONGEST_PAUSE = 60
"""Seconds at most until a window is measured again for the first time, a fifth of the wait where that is shorter; each
further pause is twice as long: some providers have a window's values only minutes after its end."""
LARGEST = 1 << 20
"""Bytes of these at most; where they are more, the older half is forgotten."""
LATE = 300
"""Seconds after the planned time from which on an evaluation is marked: nobody was there to make it."""
REMEMBERED = 50
"""Evaluations of a service that are kept for comparison; `number_of_comparison_results` beyond it counts these."""


@quick
@dataclass(frozen=True)
class Verdict:
    """An evaluation's result, the sentence that explains it, and its record.

    ``evaluated``: there were objectives. ``hopeless``: measuring again cannot bring data.
    """

    result: Outcome
    message: str
    data: Mapping[str, Any]
    evaluated: Evaluated | None = None
    hopeless: bool = False

    @property
    def is_half_blind(self) -> bool:
        """Whether it is a warning beside values that are missing: nobody can accept what was not measured."""
        return self.result == "warning" and self.evaluated is not None and bool(self.evaluated.missing)


def wait_data(timing: Timing, now: Instant) -> dict[str, Any]:
    """Return the wait that begins now, as data for a step: its end, and the window that is evaluated then.

    The window ends with the wait and never begins before the effect, unless there is no wait at all.
    """
    return _wait(waits(timing, now))


def waits(timing: Timing, now: Instant) -> Waiting:
    """Return the wait that begins now; see `wait_data`."""
    begin, until = now + timing.settle, now + timing.settle + timing.wait
    start = until - timing.window if timing.wait == 0 else max(begin, until - timing.window)
    return Waiting(Instant(until), Instant(start), Instant(until))


def _wait(waiting: Waiting) -> dict[str, Any]:
    window = {"start": format_instant(waiting.start), "end": format_instant(waiting.end)}
    return {"until": format_instant(waiting.until), "window": window}


def evaluation_turn(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    """Evaluate when the wait is over, and commit what the evaluation said that follows. Returns whether it did."""
    if remediation.phase == "evaluated":
        return _end(draft, view, remediation)
    if remediation.stands_at != "applied" or (remediation.hold is not None and remediation.hold.is_ours_changed):
        return False
    if _is_to_begin(draft, remediation):
        return _begun(draft, view, remediation)
    waiting = remediation.waiting or _since_the_effect(draft, view, remediation)
    if not draft.at(waiting.until):
        return False
    unreadable = effective(draft.stage, view).unreadable
    if remediation.hold is not None:
        return not unreadable and _released(draft, view, remediation)
    if unreadable:
        reason = f"{unreadable} cannot be read, which says what follows an evaluation"
        wait = Wait("blind", reason, "a version of it that can be read")
        return draft.add(view, remediation.id, held_note(wait, remediation.about))
    over = all_over(view, remediation)
    verdict = judge(draft, view, remediation, waiting, over=over)
    then = _then(draft, view, remediation, verdict, over=over)
    return _record(draft, view, remediation, waiting, verdict, then)


def _is_to_begin(draft: Draft, remediation: Remediation) -> bool:
    """Whether the effect was seen while the clock was in doubt, so that no wait for it has begun."""
    if remediation.waiting is not None:
        return False
    return not draft.at(draft.now) or (remediation.hold is not None and remediation.hold.condition == CLOCK)


def _begun(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    """Begin the wait by the first clock that is not in doubt, and say until then what is waited for."""
    hold = remediation.hold
    if not draft.at(draft.now):
        if hold is not None:
            return False
        wait = Wait(
            CLOCK, "the daemon's clock is in doubt, and the wait begins by one that is right", "a clock that is right"
        )
        return draft.add(view, remediation.id, held_note(wait, remediation.about))
    data = wait_data(timing_of(draft, view, remediation), draft.now)
    body = f"The clock is not in doubt any more.\nWhether it helped is evaluated at {data['until']}."
    return draft.add(view, remediation.id, Note("released", titled("released", remediation.about), body, data))


def _since_the_effect(draft: Draft, view: ServiceView, remediation: Remediation) -> Waiting:
    """Return the wait of an effect whose step names none: those of the first rules did not."""
    begun = remediation.applied_at if remediation.applied_at is not None else draft.now
    return waits(timing_of(draft, view, remediation), begun)


def _released(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    body = "What it waited for is there."
    return draft.add(view, remediation.id, Note("released", titled("released", remediation.about), body))


def judge(
    draft: Draft, view: ServiceView, remediation: Remediation, waiting: Waiting, *, over: bool
) -> Verdict:  # fmt: skip
    """Evaluate the pinned objectives over a window. Raises UnseenError while the values have not come.

    Without objectives the problem's own state is the evidence: ``over`` passes.
    """
    pinned = draft.pins(remediation.pinned)
    if pinned.objectives is None:
        result: Outcome = "pass" if over else "fail"
        state = "resolved by its source" if over else "still open"
        message = f"there is no slo.yaml; the problem is {state}"
        return Verdict(result, message, {"result": result, "message": message, "evidence": "problem"})
    if isinstance(pinned.objectives, UserError):
        return _unreadable(pinned.objectives)
    if pinned.unreadable:
        return _unreadable(pinned.unreadable[0])
    measures = _measures(draft, view, remediation, waiting, pinned, pinned.objectives)
    measured = [Measured(each.sli, float(each.value or 0.0), each.value is not None, each.message) for each in measures]
    try:
        evaluated = evaluate(pinned.objectives, measured, remembered(view.evaluations))
    except UserError as error:
        return _unusable(error.message)
    return Verdict(evaluated.result, reason(evaluated), plain(evaluated), evaluated)


def _unreadable(error: UserError) -> Verdict:
    return _unusable(f"{error.place or 'slo.yaml'} cannot be read: {error.message}")


def _unusable(message: str) -> Verdict:
    data = {"result": "no data", "message": message}
    return Verdict("no data", message, data, hopeless=True)


def _measures(
    draft: Draft, view: ServiceView, remediation: Remediation, waiting: Waiting, pinned: Pinned,
    objectives: Objectives,
) -> Iterable[Measure]:  # fmt: skip
    slis = tuple(dict.fromkeys(goal.sli for goal in objectives.goals))
    queries = tuple(
        Query(sli, tuple((provider, found[sli].query) for provider, found in pinned.indicators.items() if sli in found))
        for sli in slis
    )
    want = WantMeasures(
        draft.stage.project, draft.stage.name, view.name, waiting.start, waiting.end, queries, pinned.filters,
        tuple(sorted((str(key), str(value)) for key, value in remediation.labels.items())), remediation.unmeasured + 1,
    )  # fmt: skip
    if not queries:
        return ()
    (fact,) = draft.see((want,))
    if isinstance(fact, MeasuresFact):
        return fact.measures
    message = fact.message if isinstance(fact, NoFact) else "the answer is no measurement"
    return tuple(Measure(sli, None, message) for sli in slis)


def _then(draft: Draft, view: ServiceView, remediation: Remediation, verdict: Verdict, *, over: bool) -> Then:
    timing = timing_of(draft, view, remediation)
    if verdict.result == "no data" or verdict.is_half_blind:
        return "unverified" if verdict.hopeless or remediation.unmeasured >= MEASURED_AGAIN else "again"
    if verdict.result == "pass" or (verdict.result == "warning" and timing.on_warning == "accept"):
        if over:
            return "remediated"
        return "again" if remediation.passed == 0 else "escalated"
    return "resolved" if over else following(timing, remediation)


def following(timing: Timing, remediation: Remediation, *, again: bool = True) -> Then:
    """Return what comes after an action that did not help; ``again`` False: the same one cannot do better."""
    if again and remediation.tries < timing.retries:
        return "retry"
    return "action" if remediation.has_more else "none"


def _record(
    draft: Draft, view: ServiceView, remediation: Remediation, waiting: Waiting, verdict: Verdict, then: Then
) -> bool:  # fmt: skip
    timing = timing_of(draft, view, remediation)
    window = {"start": format_instant(waiting.start), "end": format_instant(waiting.end)}
    data: dict[str, Any] = {"evaluation": {**window, **verdict.data}, "next": then}
    if verdict.is_half_blind:
        data["unmeasured"] = True
    late = draft.now - waiting.until
    if late > LATE:
        data["late"] = late
    settled = Settled(view.desired)
    if then == "again":
        data |= _again(draft, remediation, timing, verdict)
    elif then in ("retry", "action", "none") and timing.on_fail == "revert":
        settled = settle(view.desired, newest_decision(draft, view, remediation))
        data |= settled.data
    files: dict[str, bytes | None] = {}
    if verdict.evaluated is not None and verdict.result != "no data" and not verdict.is_half_blind:
        known = (*view.evaluations, _remembered(remediation, waiting, verdict, verdict.evaluated))[-REMEMBERED:]
        while len(content := render_evaluations(known)) > LARGEST and len(known) > 1:
            known = known[len(known) // 2 :]
        files[f"{view.ops(draft.stage.name)}/state/evaluations.yaml"] = content
        view = replace(view, evaluations=known)
    span = f"From {window['start']} to {window['end']}"
    objectives = verdict.evaluated.objectives if verdict.evaluated is not None else ()
    values = lines(f"{objective(each)}." for each in objectives)
    overdue = [f"It was due at {format_instant(waiting.until)}; nobody looked until now."] if "late" in data else []
    followed = _told(then, data, verdict.result, more=remediation.has_more)
    body = "\n".join([f"{span}: {verdict.message}.", *overdue, *values, *settled.told, followed])
    note = Note("evaluated", titled(f"evaluated: {verdict.result}", remediation.about), body, data)
    return draft.add(view, remediation.id, note, desired=settled.desired, files=files)


def _again(draft: Draft, remediation: Remediation, timing: Timing, verdict: Verdict) -> dict[str, Any]:
    """Return the next wait: for the same window where it had no data, else for the one that begins now."""
    waiting = remediation.waiting
    if (verdict.result == "no data" or verdict.is_half_blind) and waiting is not None:
        pause = _first_pause(remediation.length) << remediation.unmeasured
        return _wait(replace(waiting, until=Instant(draft.now + pause)))
    return wait_data(replace(timing, settle=0, wait=max(timing.wait, timing.window)), draft.now)


def _first_pause(wait: int) -> int:
    return min(max(wait // 5, 1), _LONGEST_PAUSE)


def last_look(wait: int) -> int:
    """Return how many seconds after a wait its window is measured for the last time, if it never has data."""
    return _first_pause(wait) * ((1 << MEASURED_AGAIN) - 1)


def _remembered(remediation: Remediation, waiting: Waiting, verdict: Verdict, evaluated: Evaluated) -> Evaluation:
    values = {each.sli: each.value for each in evaluated.objectives if each.value is not None}
    result: Result = "fail" if verdict.result == "no data" else verdict.result
    return Evaluation(
        remediation.id, remediation.number + 1, waiting.start, waiting.end, result, evaluated.score, values
    )


_WARNED = "a warning was accepted"
_OR_NEXT = "`onWarning: next` would take the next action"


def _told(then: Then, data: Mapping[str, Any], result: Outcome, *, more: bool) -> str:
    """Return what follows, in words. ``more``: there is an action left."""
    warned = sentence(f"{_WARNED}{f'; {_OR_NEXT}' if more else ''}. ") if result == "warning" else ""
    match then:
        case "again":
            return f"{'' if data.get('unmeasured') else warned}It is measured again at {data['until']}."
        case "retry":
            return "The same action is done once more; an increment adds to what was added."
        case "action":
            return "The next action is tried."
        case "none":
            return "There is no action left."
        case "escalated":
            return f"{warned}The problem is still open{'' if warned else ' although the objectives are met'}."
        case "resolved":
            return "The problem was resolved by its source, and the objectives are not met."
        case "unverified":
            return "Whether it helped cannot be said."
        case _:
            return "The problem is over."


_SUBJECTS: Mapping[Event, str] = {
    "remediated": "remediated",
    "resolved": NOT_HEALED,
    "unverified": "unverified",
    "escalated": "escalated: still firing",
}


def _end(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    """Commit the end that the evaluation said; the problems that are over by then are over with it."""
    events: Mapping[str, Event] = {event: event for event in _SUBJECTS}
    event = events[remediation.then]
    over = [p.id for p in remediation.problems if not p.resolved and is_over(view, p)][:ENDS]
    settled = let_go(draft, view, remediation) if all_over(view, remediation) else Settled(view.desired)
    told = [_about(event, over, remediation), *settled.told]
    data = {**({"resolved": over} if over else {}), **settled.data, **_why(event, remediation)}
    note = Note(event, titled(_SUBJECTS[event], remediation.about), "\n".join(filter(None, told)), data)
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _why(event: Event, remediation: Remediation) -> dict[str, Any]:
    match event:
        case "resolved":
            return {"unhealed": True, "reason": "resolved by its source, but the objectives are not met"}
        case "unverified":
            because = f": {remediation.blank}" if remediation.blank else ""
            return {"reason": f"there is no data that says whether it helped{because}"}
        case "escalated" if remediation.result == "warning":
            return {"reason": f"still firing, and {_WARNED}{f' ({_OR_NEXT})' if remediation.has_more else ''}"}
        case "escalated":
            return {"reason": "still firing although the objectives are met"}
        case _:
            return {}


def _about(event: Event, over: list[ProblemId], remediation: Remediation) -> str:
    warned = remediation.result == "warning"
    met = "It was accepted with a warning." if warned else "The objectives are met."
    found = sentence(about_problems(over, "is over", "are over")) + "." if over else ""
    match event:
        case "remediated":
            return f"{found} {met}".strip()
        case "resolved":
            return f"{found} The objectives are not met; a person has to look."
        case "unverified":
            return f"{found} Nothing further is tried; a person has to look.".strip()
        case _ if warned:
            return "It was evaluated twice, a warning was accepted and the problem is still open; a person has to look."
        case _:
            return "It was evaluated as good twice in a row and the problem is still open; a person has to look."
