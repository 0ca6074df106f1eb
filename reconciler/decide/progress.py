"""From opened to applied: the decision, whether it took effect, and what follows when an action fails."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from reconciler.decide.actions.protocol import Escalation, Failure, Plan, Wait
from reconciler.decide.actions.registry import unpin
from reconciler.decide.claims import (
    Dropping,
    Settled,
    concerned,
    describe,
    label,
    live_value,
    mark_of,
    settle,
    show,
    spoken,
    want_of,
    with_wish,
    without_claims,
)
from reconciler.decide.draft import Draft, Note, titled
from reconciler.decide.effects import owner_of
from reconciler.decide.planning import attempt
from reconciler.decide.policy import effective
from reconciler.decide.problems import held_note, option
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.decide.wording import about_problems, sentence
from reconciler.model.desired import Claim, Desired, Held, Key
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath
from reconciler.model.targets import Fact, Mark, NoFact, WorkloadFact

WAITING_FOR_A_PERSON = frozenset({"drift"})
"""Holds of an action that only `retry` lifts; they are not tried again by themselves."""


def progress_turn(draft: Draft, path: ServicePath) -> bool:
    """Take the first remediation of a service that can go on one step further. Returns whether one could."""
    view = draft.view(path)
    return draft.first(partial(_one, draft, view), view.remediations.values())


def _one(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    if remediation.phase == "failed":
        count = max(len(remediation.actions), 1)
        body = f"Action {remediation.index + 1} of {count} failed; a person has to look."
        return draft.add(view, remediation.id, Note("escalated", titled("escalated", remediation.about), body))
    keys = concerned(view, remediation.id) if remediation.pending else ()
    if keys:
        return _effect(draft, view, remediation, keys)
    hold = remediation.hold
    waiting = hold is not None and hold.since == "opened" and hold.condition not in WAITING_FOR_A_PERSON
    if remediation.phase == "opened" or (remediation.phase == "held" and waiting):
        return _act(draft, view, remediation)
    return False


def _act(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    result = attempt(draft, view, remediation)
    hold = remediation.hold
    if isinstance(result, Wait):
        if hold is not None and hold.condition == result.condition:
            return False
        return draft.add(view, remediation.id, held_note(result, remediation.about))
    if hold is not None:
        body = f"It waited for: {hold.condition} ({hold.reason})."
        return draft.add(view, remediation.id, Note("released", titled("released", remediation.about), body))
    if isinstance(result, Failure):
        return draft.add(view, remediation.id, failed_note(remediation, result))
    if isinstance(result, Escalation):
        note = Note("escalated", titled("escalated", remediation.about), result.reason, {"reason": result.reason})
        return draft.add(view, remediation.id, note)
    return _decide(draft, view, remediation, result)


def numbered(remediation: Remediation, **more: Any) -> dict[str, Any]:
    """Return which action of how many is in hand, as data for a step."""
    written = "none"
    if remediation.index < len(remediation.actions):
        try:
            written = unpin(remediation.actions[remediation.index], "remediation.yaml").written
        except UserError:
            written = str(remediation.actions[remediation.index].get("action", "none"))
    return {"action": written, "index": remediation.index + 1, "count": max(len(remediation.actions), 1), **more}


def failed_note(remediation: Remediation, failure: Failure) -> Note:
    """Return the step that records an action's failure with its reason."""
    data = numbered(remediation, reason=failure.reason, **({"hint": failure.hint} if failure.hint else {}))
    body = f"`{data['action']}` failed: {failure.reason}.\n{sentence(failure.hint)}".strip()
    return Note("failed", titled(f"{data['action']} failed", remediation.about), body, data)


def _decide(draft: Draft, view: ServiceView, remediation: Remediation, plan: Plan) -> bool:
    bounds = effective(draft.stage, view).bounds
    desired: Desired = view.desired
    keys: list[Key] = []
    changes: list[dict[str, Any]] = []
    for wish in plan.wishes:
        claim = Claim(remediation.id, remediation.number + 1, draft.sequence + 1, wish.by, wish.set)
        desired = with_wish(desired, wish, claim, bounds)
        key: Key = (wish.target, wish.field)
        keys.append(key)
        wished = {"by": wish.by} if wish.by is not None else {"set": wish.set}
        target = {"target": str(wish.target), "field": wish.field, "base": desired[key].base}
        changes.append({**target, **wished, "before": wish.before, "value": desired[key].value})
    data = numbered(remediation, changes=changes)
    problems = about_problems((problem.id for problem in remediation.problems), "matches", "match")
    body = (
        f'{problems} "{remediation.entry}"; action {data["index"]} of {data["count"]} is '
        f"`{data['action']}`.\n{plan.body}"
    )
    note = Note("decided", titled(plan.subject, remediation.about), body, data)
    return draft.add(view, remediation.id, note, desired=desired)


def _effect(draft: Draft, view: ServiceView, remediation: Remediation, keys: tuple[Key, ...]) -> bool:
    seen = dict(zip(keys, draft.see(tuple(want_of(key, view.desired[key]) for key in keys)), strict=True))
    troubles = (_trouble(draft, view, key, fact) for key, fact in seen.items())
    failure = next((trouble for trouble in troubles if trouble is not None), None)
    if failure is None and any(isinstance(fact, NoFact) for fact in seen.values()):
        return False
    unfinished = [text for key, fact in seen.items() if (text := _unfinished(key, view.desired[key], fact))]
    if failure is None and not unfinished:
        return _took_effect(draft, view, remediation, seen)
    if failure is None and not all(_written(key, view.desired[key], fact) for key, fact in seen.items()):
        return False
    if failure is None:
        since = remediation.decided_at if remediation.decided_at is not None else draft.now
        deadline = Instant(since + effective(draft.stage, view).rollout)
        if not draft.at(deadline):
            return False
        reason = f"no effect within {deadline - since} s: {'; '.join(unfinished)}"
        failure = Failure(reason, "look at the workload's pods")
    return _gave_up(draft, view, remediation, seen, failure)


def _took_effect(draft: Draft, view: ServiceView, remediation: Remediation, seen: Mapping[Key, Fact]) -> bool:
    told = [_told(key, view.desired[key], fact) for key, fact in seen.items()]
    data = {"values": describe(view.desired, tuple(seen))}
    gone = all(not view.desired[key].claims for key in seen)
    subject = titled("given back" if gone else "took effect", remediation.about)
    note = Note("applied", subject, "\n".join(told), data)
    return draft.add(view, remediation.id, note, desired=_without_given_back(view.desired, seen))


def _without_given_back(desired: Desired, seen: Mapping[Key, Fact]) -> Desired:
    return {key: held for key, held in desired.items() if held.claims or key not in seen}


def _gave_up(
    draft: Draft, view: ServiceView, remediation: Remediation, seen: Mapping[Key, Fact], failure: Failure
) -> bool:  # fmt: skip
    """Record that a change had no effect. What did come about stays claimed, unless `onFail: revert` says otherwise."""
    note = failed_note(remediation, failure)
    data = {**(note.data or {}), "effect": True}
    bounds = effective(draft.stage, view).bounds
    desired = _without_given_back(view.desired, seen)
    if remediation.phase != "decided":
        subject = titled("what was changed cannot be seen to hold", remediation.about)
        return draft.add(view, remediation.id, Note("failed", subject, note.body, data), desired=desired)
    if remediation.taking_effect:
        missed = [key for key, fact in seen.items() if live_value(key, fact) != view.desired[key].value]
        desired = without_claims(desired, missed, remediation.id, bounds)
    settled = Settled(desired)
    if option(remediation, "onFail") == "revert":
        settled = settle(desired, Dropping(remediation.id, "revert", bounds, draft.sequence + 1))
    body = "\n".join([note.body, *settled.told])
    note = Note("failed", note.subject, body, {**data, **settled.data})
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _trouble(draft: Draft, view: ServiceView, key: Key, fact: Fact) -> Failure | None:
    if isinstance(fact, NoFact):
        return None if fact.trouble == "blind" else Failure(fact.message, fact.hint)
    mark = mark_of(key, fact)
    if (
        mark is not None
        and not mark.yields_to(Mark(owner_of(draft.stage, view), view.desired[key].sequence, ""))
        and (mark.owner not in (owner_of(draft.stage, view), draft.stage.owner))
    ):
        return Failure(f"{label(key)} belongs to {mark.owner}", "agree who owns it")
    return None


def _told(key: Key, held: Held, fact: Fact) -> str:
    live = live_value(key, fact)
    if held.claims:
        return spoken(key, f"is {show(held.value)}.")
    if live == held.value:
        return spoken(key, f"is {show(held.value)} again and no longer held.")
    left = "gone" if live is None else show(live)
    ours = held.value if held.expected is None else held.expected
    return spoken(key, f"is {left}, not our {show(ours)} any more, and is left alone.")


def _written(key: Key, held: Held, fact: Fact) -> bool:
    """Whether the field was ever written as it is held; no deadline passes before that, however long nobody looked."""
    if isinstance(fact, NoFact) or live_value(key, fact) == held.value:
        return True
    mark = mark_of(key, fact)
    return mark is not None and mark.sequence >= held.sequence


def _unfinished(key: Key, held: Held, fact: Fact) -> str:
    live = live_value(key, fact)
    if live != held.value:
        if held.expected is not None and live != held.expected:
            return ""
        return f"{label(key)} is {show(live) if live is not None else 'unknown'}, not {show(held.value)}"
    if isinstance(fact, WorkloadFact) and not fact.settled:
        return fact.trouble or f"{fact.ready} of {fact.replicas} replicas are ready"
    return ""
