"""From opened to the end: the decision, whether it took effect, its evaluation, and what follows a failure."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

from reconciler.decide.actions.protocol import Escalation, Failure, Plan, Wait
from reconciler.decide.actions.registry import unpin
from reconciler.decide.actions.scaling import count
from reconciler.decide.claims import (
    Settled,
    finished,
    label,
    live_value,
    mark_of,
    settle,
    show,
    spoken,
    without_claims,
)
from reconciler.decide.draft import Draft, Note, titled
from reconciler.decide.effects import Due, effects_of, owner_of
from reconciler.decide.evaluating import evaluation_turn, following, wait_data
from reconciler.decide.holding import held_note, is_new
from reconciler.decide.options import timing_of
from reconciler.decide.planning import attempt
from reconciler.decide.policy import effective
from reconciler.decide.proposing import planned
from reconciler.decide.remediation import Remediation
from reconciler.decide.resolution import newest_decision
from reconciler.decide.snapshot import ServiceView
from reconciler.decide.wording import about_problems, sentence
from reconciler.model.desired import Desired
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath
from reconciler.model.targets import CallFact, Fact, Mark, NoFact, TemplateFact, WorkloadFact

Seen: TypeAlias = tuple[tuple[Due, Fact], ...]
"""What is waited for, and how it was seen."""
WAITING_FOR_A_PERSON = frozenset({"drift", "age", "cooldown"})
"""Holds of an action that `retry` lifts; of these only `drift` is not tried again by itself as well."""


def progress_turn(draft: Draft, path: ServicePath) -> bool:
    """Take the first remediation of a service that can go on one step further. Returns whether one could."""
    view = draft.view(path)
    going = [each for each in view.remediations.values() if each.pending or not each.ended]
    return draft.first(partial(_one, draft, view), going)


def _one(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    if remediation.phase == "failed":
        return _escalate(draft, view, remediation)
    awaited = effects_of(draft.stage, view, remediation) if remediation.pending else ()
    if awaited:
        return _effect(draft, view, remediation, awaited)
    hold = remediation.hold
    waiting = hold is not None and hold.since == "opened" and hold.condition != "drift" and not hold.is_ours_changed
    if remediation.phase == "opened" or (remediation.phase == "held" and waiting):
        return _act(draft, view, remediation)
    return evaluation_turn(draft, view, remediation)


def _escalate(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    actions = max(len(remediation.actions), 1)
    reason = "the action did not help" if actions == 1 else f"none of {actions} actions helped"
    if remediation.reason and actions == 1:
        reason = f"the action failed: {remediation.reason}"
    elif remediation.reason:
        reason = f"{reason}; the last one failed: {remediation.reason}"
    body = f"{sentence(reason)}.\nA person has to look."
    note = Note("escalated", titled("escalated", remediation.about), body, {"reason": reason})
    return draft.add(view, remediation.id, note)


def _act(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    result = attempt(draft, view, remediation)
    hold = remediation.hold
    if isinstance(result, Wait):
        if hold is not None and hold.condition == result.condition and not is_new(hold, result):
            return False
        return draft.add(view, remediation.id, held_note(result, remediation.about))
    if hold is not None:
        body = f"It waited for: {hold.condition} ({hold.reason})."
        return draft.add(view, remediation.id, Note("released", titled("released", remediation.about), body))
    match result:
        case Failure():
            return draft.add(view, remediation.id, failed_note(draft, view, remediation, result))
        case Escalation():
            data = numbered(remediation, reason=result.reason)
            body = f"{sentence(result.reason)}."
            return draft.add(
                view, remediation.id, Note("escalated", titled("escalated", remediation.about), body, data)
            )
        case Plan():
            return _decide(draft, view, remediation, result)


def numbered(remediation: Remediation, **more: Any) -> dict[str, Any]:
    """Return which action of how many is in hand, as data for a step."""
    written = "none"
    if remediation.index < len(remediation.actions):
        try:
            written = unpin(remediation.actions[remediation.index], "remediation.yaml").written
        except UserError:
            written = str(remediation.actions[remediation.index].get("action", "none"))
    tried = {"try": remediation.tries + 1} if remediation.tries else {}
    total = max(len(remediation.actions), 1)
    return {"action": written, "index": remediation.index + 1, "count": total, **tried, **more}


def failed_note(
    draft: Draft, view: ServiceView, remediation: Remediation, failure: Failure, *, again: bool = False
) -> Note:  # fmt: skip
    """Return the step that records an action's failure with its reason, and what comes next.

    ``again``: doing the same once more may do better.
    """
    then = following(timing_of(draft, view, remediation), remediation, again=again)
    hint = {"hint": failure.hint} if failure.hint else {}
    data = numbered(remediation, reason=failure.reason, **hint, next=then)
    body = f"`{data['action']}` failed: {failure.reason}.\n{sentence(failure.hint)}".strip()
    return Note("failed", titled(f"{data['action']} failed", remediation.about), body, data)


def _decide(draft: Draft, view: ServiceView, remediation: Remediation, plan: Plan) -> bool:
    desired, told = planned(draft, view, remediation, plan)
    data = numbered(remediation, **told)
    problems = about_problems((problem.id for problem in remediation.problems), "matches", "match")
    body = (
        f'{problems} "{remediation.entry}"; action {data["index"]} of {data["count"]} is '
        f"`{data['action']}`.\n{plan.body}"
    )
    note = Note("decided", titled(plan.subject, remediation.about), body, data)
    return draft.add(view, remediation.id, note, desired=desired)


def _effect(draft: Draft, view: ServiceView, remediation: Remediation, awaited: tuple[Due, ...]) -> bool:
    facts = draft.see(tuple(each.want for each in awaited))
    seen = tuple(zip(awaited, facts, strict=True))
    troubles = (_trouble(draft, view, due, fact) for due, fact in seen)
    failure = next((trouble for trouble in troubles if trouble is not None), None)
    blind = next((fact for due, fact in seen if isinstance(fact, NoFact) and due.key[1] != "call"), None)
    if failure is None and blind is not None:
        return _blind(draft, view, remediation, blind)
    hold = remediation.hold
    if failure is None and hold is not None and hold.condition == "blind" and hold.since == "decided":
        body = f"It waited for: {hold.condition} ({hold.reason})."
        return draft.add(view, remediation.id, Note("released", titled("released", remediation.about), body))
    unfinished = [text for due, fact in seen if (text := _unfinished(due, fact))]
    if failure is None and not unfinished:
        return _took_effect(draft, view, remediation, seen)
    if failure is None and not all(_written(due, fact) for due, fact in seen):
        return False
    if failure is None:
        since = remediation.decided_at if remediation.decided_at is not None else draft.now
        deadline = Instant(since + effective(draft.stage, view).rollout)
        if not draft.at(deadline):
            return False
        reason = f"no effect within {deadline - since} s: {'; '.join(unfinished)}"
        failure = Failure(reason, "look at the workload's pods")
    return _gave_up(draft, view, remediation, seen, failure)


def _blind(draft: Draft, view: ServiceView, remediation: Remediation, fact: NoFact) -> bool:
    """Tell a person where what was decided cannot be written or seen for as long as a rollout may take."""
    since = remediation.decided_at if remediation.decided_at is not None else draft.now
    if remediation.phase != "decided" or not draft.at(Instant(since + effective(draft.stage, view).rollout)):
        return False
    wait = Wait("blind", fact.message, "the server answers again")
    return draft.add(view, remediation.id, held_note(wait, remediation.about))


def _took_effect(draft: Draft, view: ServiceView, remediation: Remediation, seen: Seen) -> bool:
    told = [_told(view, due, fact) for due, fact in seen]
    gone = all(due.expected is not None for due, _ in seen)
    data: dict[str, Any] = {"values": [_value(due) for due, _ in seen]}
    if remediation.phase == "decided" and remediation.waiting is None:
        if draft.at(draft.now):
            data |= wait_data(timing_of(draft, view, remediation), draft.now)
            told.append(f"Whether it helped is evaluated at {data['until']}.")
        else:
            told.append("The clock is in doubt: how long it is waited is said by a clock that is not.")
    subject = titled("given back" if gone else "took effect", remediation.about)
    note = Note("applied", subject, "\n".join(told), data)
    return draft.add(view, remediation.id, note, desired=_without_given_back(view.desired, seen))


def _value(due: Due) -> dict[str, Any]:
    return {"target": str(due.key[0]), "field": due.key[1], "value": due.value}


def _without_given_back(desired: Desired, seen: Seen) -> Desired:
    looked_at = {due.key for due, _ in seen}
    return {key: held for key, held in desired.items() if held.claims or key not in looked_at}


def _gave_up(draft: Draft, view: ServiceView, remediation: Remediation, seen: Seen, failure: Failure) -> bool:
    """Record that a change had no effect. What did come about stays claimed, unless `onFail: revert` says otherwise."""
    note = failed_note(draft, view, remediation, failure, again=True)
    data = {**(note.data or {}), "effect": True}
    newest = newest_decision(draft, view, remediation)
    desired = _without_given_back(view.desired, seen)
    if remediation.phase != "decided":
        subject = titled("what was changed cannot be seen to hold", remediation.about)
        data.pop("next", None)
        return draft.add(view, remediation.id, Note("failed", subject, note.body, data), desired=desired)
    if remediation.taking_effect:
        missed = [due.key for due, fact in seen if live_value(due.key, fact) != due.value]
        desired = without_claims(desired, missed, newest)
    settled = Settled(desired)
    if timing_of(draft, view, remediation).on_fail == "revert":
        settled = settle(desired, newest)
    body = "\n".join([note.body, *settled.told])
    note = Note("failed", note.subject, body, {**data, **settled.data})
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _trouble(draft: Draft, view: ServiceView, due: Due, fact: Fact) -> Failure | None:
    if isinstance(fact, NoFact):
        return None if fact.trouble == "blind" else Failure(fact.message, fact.hint)
    mark = mark_of(due.key, fact)
    ours = owner_of(draft.stage, view)
    if mark is None or mark.owner in (ours, draft.stage.owner) or mark.yields_to(Mark(ours, due.sequence, "")):
        return None
    return Failure(f"{label(due.key)} belongs to {mark.owner}", "agree who owns it")


def _told(view: ServiceView, due: Due, fact: Fact) -> str:
    key, live = due.key, live_value(due.key, fact)
    held = view.desired.get(key)
    if due.expected is None:
        if held is None:
            return finished(key, due.value)
        return spoken(key, f"has {count(int(due.value))}." if key[1] == "replicas" else f"is {show(due.value)}.")
    if live == due.value:
        return spoken(key, f"is {show(due.value)} again and no longer held.")
    left = "gone" if live is None else show(live)
    return spoken(key, f"is {left}, not our {show(due.expected)} any more, and is left alone.")


def _written(due: Due, fact: Fact) -> bool:
    """Whether the field was ever written as it is held; no deadline passes before that, however long nobody looked."""
    if isinstance(fact, NoFact) or live_value(due.key, fact) == due.value:
        return True
    if isinstance(fact, CallFact):
        return False  # it is not known to have been tried; when it was, there is an answer, or why there is none
    mark = mark_of(due.key, fact)
    return mark is not None and mark.sequence >= due.sequence


def _unfinished(due: Due, fact: Fact) -> str:
    key, live = due.key, live_value(due.key, fact)
    if due.key[1] == "call":
        answer = fact.message if isinstance(fact, NoFact) else "no answer yet"
        return "" if live == due.value else f"{label(key)}: {answer}"
    if live != due.value:
        if due.expected is not None and live != due.expected:
            return ""
        return f"{label(key)} is {show(live) if live is not None else 'unknown'}, not {show(due.value)}"
    if isinstance(fact, WorkloadFact) and not fact.settled:
        return fact.trouble or f"{fact.ready} of {fact.replicas} replicas are ready"
    if isinstance(fact, TemplateFact) and not fact.settled:
        return fact.trouble or f"the rollout of {key[0].name} is not complete"
    return ""
