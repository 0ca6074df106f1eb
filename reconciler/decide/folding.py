"""A remediation as the fold of its steps.

The fold is the only way to a state: steps that `decide` has just made and steps read back from Git go through the same
function, so a restart cannot know more or less than the daemon that wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.decide.remediation import ENDINGS, Approvable, Attached, Hold, OnceDue, Phase, Remediation, Waiting
from reconciler.decide.wording import short
from reconciler.model.copies import replace
from reconciler.model.instant import Instant, parse_instant
from reconciler.model.names import ProblemId, RemediationId
from reconciler.model.step import Event, StepFile
from reconciler.model.targets import Target

POSTPONED = 3
"""How often a repair lets the wait of an action begin anew: interrupted values are better than none."""
_WHY = 300
"""Characters of why there was no value that are kept; its step has all of them."""
_AFTER_THE_END: tuple[Event, ...] = ("reopened", "resolved", "reverted")
_BACK: tuple[Event, ...] = ("refused", "unmatched")
"""What an orphaned remediation may come to when its service is there again, apart from `reopened`."""


_HEALED = ("remediated", "again", "escalated")
"""What may follow an evaluation that counts as passed: the end, a second look, or a problem that fires nevertheless."""


def fold(remediation: RemediationId, steps: Iterable[StepFile]) -> Remediation:
    """Return the state after all steps, which come in the order of their numbers. Total: unknown data is ignored."""
    state = Remediation(remediation)
    for step in steps:
        state = advance(state, step)
    return state


def advance(state: Remediation, step: StepFile) -> Remediation:
    """Return the state after one more step."""
    data = step.data
    first = state.opened_by or step.sequence
    state = replace(state, number=step.number, sequence=step.sequence, opened_by=first, moved_at=step.now)
    if isinstance(command := data.get("command"), str):
        state = replace(state, answered=state.answered | {command})
    if "problem" in data:
        state = _with_problem(state, data)
    if "entry" in data:
        pinned, labels = tuple(data.get("pinned", ())), data.get("problem", {}).get("labels", state.labels)
        state = replace(
            state, entry=data["entry"], actions=tuple(data.get("actions", ())), pinned=pinned, labels=labels
        )
    if step.event in ENDINGS or step.event == "failed":
        state = replace(state, reason=str(data.get("reason", "")))
    if "reported" in data:
        reported = parse_instant(data["reported"])
        state = replace(state, reported=state.reported or reported, since=reported)
    return _by_event(state, step)


def _with_problem(state: Remediation, data: Mapping[str, Any]) -> Remediation:
    told = data["problem"]
    title, file = str(told.get("title", "")), str(told.get("file", ""))
    problem = Attached(ProblemId(told["id"]), int(told["occurrence"]), title, file=file)
    kept = tuple(problem if known.id == problem.id else known for known in state.problems)
    problems = kept if problem in kept else (*kept, problem)
    return replace(state, problems=problems, title=state.title or problem.title)


def _by_event(state: Remediation, step: StepFile) -> Remediation:
    going_on = (*_AFTER_THE_END, *(_BACK if state.outcome == "orphaned" else ()))
    if state.ended and step.event not in going_on:
        return _effect(state, step)
    return _phase(_effect(state, step), step)


def _effect(state: Remediation, step: StepFile) -> Remediation:
    """Follow what changed and is not yet seen in the world; an ended remediation has such moments too."""
    if gone := step.data.get("gone"):
        known = dict(state.decisions) | {int(each["step"]): parse_instant(each["now"]) for each in gone}
        state = replace(state, decisions=tuple(sorted(known.items())))
    due = tuple(_once(each, step.sequence) for each in step.data.get("once", ()))
    if due or step.data.get("changes"):
        since = state.pending_from if state.pending else step.sequence
        state = replace(state, pending=True, pending_from=since, once=due or state.once, decided_at=step.now)
        if step.event == "decided" and "bound" not in step.data:
            return replace(state, decisions=(*state.decisions, (step.number, step.now)))
        return replace(state, repairs=(*state.repairs, step.now)) if step.event == "drift" else state
    if step.event == "applied" or (step.event == "failed" and step.data.get("effect")):
        return replace(state, pending=False, once=())
    return state


def _once(data: Mapping[str, Any], sequence: int) -> OnceDue:
    return OnceDue(Target.parse(data["target"]), data["field"], data["value"], sequence, data.get("payload", {}))


def _with_wait(state: Remediation, step: StepFile) -> Remediation:
    """Return the state with the wait that a step begins, where it begins one."""
    data = step.data
    if "until" not in data:
        return state
    window = data["window"]
    waiting = Waiting(*(parse_instant(text) for text in (data["until"], window["start"], window["end"])))
    return replace(state, waiting=waiting, length=waiting.until - step.now)


def _phase(state: Remediation, step: StepFile) -> Remediation:  # noqa: C901, PLR0912  (a table, one row an event)
    data = step.data
    match step.event:
        case "opened":
            return replace(state, phase="opened", offence="", hold=None)
        case "reopened":
            asked = "command" in data
            return _anew(replace(state, since=step.now if asked else state.since), asked=asked)
        case "refused":
            return replace(state, phase="refused", outcome=None, offence=str(data.get("offence", "")))
        case "held":
            hold = _hold(state, step)
            approved = None if hold.condition == "approval" else state.approved
            waiting = None if hold.is_ours_changed else state.waiting
            return replace(state, phase="held", hold=hold, offence="", waiting=waiting, approved=approved)
        case "released":
            back: Phase = state.hold.since if state.hold else "opened"
            phase: Phase = "decided" if data.get("changes") else back
            approved = state.approved
            if data.get("approved"):
                approved = state.hold.proposal if state.hold is not None else None
            state = replace(state, phase=phase, hold=None, approved=approved)
            insisted, asked = bool(data.get("insisted")), bool(data.get("asked"))
            since = step.now if "command" in data else state.since
            state = _with_wait(replace(state, since=since), step)
            return replace(state, insisted=state.insisted or insisted, asked=state.asked or asked)
        case "decided" if "bound" not in data:
            return replace(
                state, phase="decided", hold=None, approved=None, insisted=False, asked=False, begun=True, postponed=0,
                applied_at=None, waiting=None, passed=0, unmeasured=0, then="", result="",
                healed=False, blank="", reason="",
            )  # fmt: skip
        case "decided" | "drift" if data.get("changes"):
            return _changed_again(state)
        case "applied":
            if state.phase != "decided":
                return state
            return _with_wait(replace(state, phase="applied", applied_at=step.now), step)
        case "evaluated":
            return _evaluated(state, step)
        case "failed":
            given_back = data.get("effect") and state.phase != "decided"
            return state if given_back else _next(state, step, str(data.get("next", "")))
        case event if event in ENDINGS:
            return _ended(state, step)
        case _:
            return state


def _changed_again(state: Remediation) -> Remediation:
    """Return the state when what had taken effect is set again: the wait begins anew with that, a few times at most."""
    if state.phase != "applied":
        return state
    if state.postponed >= POSTPONED:
        return replace(state, phase="decided")
    return replace(state, phase="decided", waiting=None, postponed=state.postponed + 1)


def why_blank(data: Mapping[str, Any]) -> str:
    """Return why an evaluation had no values, by the data of its step; empty where it had them, or where it is none."""
    evaluation = data.get("evaluation", {})
    if evaluation.get("result") != "no data" and not data.get("unmeasured"):
        return ""
    missing = (each for each in evaluation.get("indicators", ()) if each["value"] is None and each["message"])
    told = (f"{each['sli']}: {each['message']}" for each in missing)
    return short(next(told, str(evaluation.get("message", ""))), _WHY)


def _evaluated(state: Remediation, step: StepFile) -> Remediation:
    data = step.data
    result, then = data["evaluation"]["result"], str(data["next"])
    state = replace(
        state,
        healed=then in _HEALED and result in ("pass", "warning") and not data.get("unmeasured"),
        then=then,
        result=result,
        blank=why_blank(data),
    )
    if then == "again":
        blank = result == "no data" or bool(data.get("unmeasured"))
        passed, unmeasured = (state.passed, state.unmeasured + 1) if blank else (state.passed + 1, 0)
        begun = _with_wait(replace(state, waiting=None), step)
        length = state.length if blank and state.waiting is not None else begun.length
        return replace(begun, passed=passed, unmeasured=unmeasured, length=length)
    if then in ("retry", "action", "none"):
        return _next(state, step, then)
    return replace(state, phase="evaluated", waiting=None)


def _next(state: Remediation, step: StepFile, then: str) -> Remediation:
    """Return the state with the next action in hand, or the same one once more; without either it has failed."""
    # What was measured late is as old as the window: the next action could have been decided then.
    since = Instant(step.now - int(step.data.get("late", 0)))
    state = replace(state, hold=None, approved=None, insisted=False, asked=False, waiting=None, since=since)
    match then:
        case "retry":
            return replace(state, phase="opened", tries=state.tries + 1)
        case "action":
            return replace(state, phase="opened", index=state.index + 1, tries=0)
        case _:
            return replace(state, phase="failed")


def _ended(state: Remediation, step: StepFile) -> Remediation:
    """Return the state at an end; the problems that the step names are over too, and an ended one ends only once."""
    over = tuple(step.data.get("resolved", ()))
    problems = tuple(replace(p, resolved=True) if p.id in over else p for p in state.problems)
    outcome = (state.outcome or step.event) if step.event == "resolved" else step.event
    pending = state.pending and (not state.once or bool(step.data.get("changes")))
    return replace(
        state, problems=problems, phase="ended", outcome=outcome, hold=None, waiting=None, once=(), pending=pending,
        ended_at=state.ended_at if state.ended else step.now,
    )  # fmt: skip


def _hold(state: Remediation, step: StepFile) -> Hold:
    """Return the hold; what was refused until now is where it would be if it had been readable at once."""
    since: Phase = "opened" if state.phase == "refused" else state.stands_at
    condition, reason, lifts = (str(step.data.get(key, "")) for key in ("condition", "reason", "lifts"))
    return Hold(condition, reason, lifts, since, step.number, str(step.data.get("target", "")), _proposal(step))


def _proposal(step: StepFile) -> Approvable | None:
    """Return what the step asks a person to approve; nothing can be approved where it says nothing of it."""
    told = step.data.get("proposal")
    if not isinstance(told, Mapping):
        return None
    return Approvable(str(told["effect"]), parse_instant(told["expires"]), told)


def _anew(state: Remediation, *, asked: bool) -> Remediation:
    """Return the state of a remediation that begins again; what it holds, and what is on its way, stays."""
    decided_at = state.decided_at if state.pending else None
    return replace(
        state, phase="opened", outcome=None, hold=None, offence="", index=0, tries=0, approved=None, insisted=False,
        asked=asked, begun=False, decided_at=decided_at, applied_at=None, waiting=None, passed=0, unmeasured=0, then="",
        result="", healed=False, blank="", reason="", ended_at=None,
    )  # fmt: skip
