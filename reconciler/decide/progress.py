"""From opened to applied: the decision, whether it took effect, and what follows when an action fails."""

from __future__ import annotations

from typing import Any

from reconciler.decide.actions.protocol import Failure, Plan, Wait
from reconciler.decide.actions.registry import unpin
from reconciler.decide.claims import describe, label, live_value, show, want_of, with_wish
from reconciler.decide.draft import Draft, Note, UnseenError
from reconciler.decide.planning import attempt
from reconciler.decide.policy import effective
from reconciler.decide.problems import held_note
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.desired import Claim, Desired, Held, Key
from reconciler.model.errors import BugError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.targets import Fact, NoFact, WorkloadFact

WAITING_FOR_A_PERSON = frozenset({"drift"})
"""Holds that a person lifts with `retry`, or the world by being as it was; they are not tried again by themselves."""


def progress_turn(draft: Draft, path: ServicePath) -> bool:
    """Take every remediation of a service one step further. Returns whether a step was made."""
    made = False
    for name in tuple(draft.view(path).remediations):
        draft.begin()
        view = draft.view(path)
        try:
            made |= _one(draft, view, view.remediations[name])
        except UnseenError:
            continue
    return made


def _one(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    if remediation.pending:
        return _effect(draft, view, remediation)
    if remediation.phase == "failed":
        count = max(len(remediation.actions), 1)
        body = f"Action {remediation.index + 1} of {count} failed; a person has to look."
        return draft.add(view, remediation.id, Note("escalated", f"escalated ({remediation.title})", body))
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
        return draft.add(view, remediation.id, held_note(result, remediation.title))
    if hold is not None:
        body = f"Nothing stands against it any more: {hold.reason}."
        return draft.add(view, remediation.id, Note("released", f"released ({remediation.title})", body))
    if isinstance(result, Failure):
        return draft.add(view, remediation.id, failed_note(remediation, result))
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
    body = f"`{data['action']}` failed: {failure.reason}.\n{failure.hint}".strip()
    return Note("failed", f"{data['action']} failed ({remediation.title})", body, data)


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
    problems = ", ".join(problem.id for problem in remediation.problems)
    body = (
        f'Problem {problems} matches "{remediation.entry}"; action {data["index"]} of {data["count"]} is '
        f"`{data['action']}`.\n{plan.body}"
    )
    note = Note("decided", f"{plan.subject} ({remediation.title})", body, data)
    return draft.add(view, remediation.id, note, desired=desired)


def _effect(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    keys = sorted(key for key, held in view.desired.items() if _concerns(held, remediation.id))
    if not keys:
        return False
    facts = draft.see(tuple(want_of(key, view.desired[key]) for key in keys))
    seen = tuple(zip(keys, facts, strict=True))
    for key, fact in seen:
        trouble = _trouble(draft, view, key, fact)
        if trouble is not None:
            return _gave_up(draft, view, remediation, trouble)
    if any(isinstance(fact, NoFact) and fact.trouble == "blind" for fact in facts):
        return False
    unfinished = [text for key, fact in seen if (text := _unfinished(key, view.desired[key], fact))]
    if not unfinished:
        told = [_told(key, view.desired[key], fact) for key, fact in seen]
        data = {"values": describe(view.desired, tuple(keys))}
        note = Note("applied", f"took effect ({remediation.title})", "\n".join(told), data)
        return draft.add(view, remediation.id, note, desired=_without_given_back(view))
    since = remediation.decided_at if remediation.decided_at is not None else draft.now
    deadline = Instant(since + effective(draft.stage, view).rollout)
    if not draft.at(deadline):
        return False
    reason = f"no effect within {deadline - since} s: {'; '.join(unfinished)}"
    return _gave_up(draft, view, remediation, Failure(reason, "look at the workload's pods"))


def _concerns(held: Held, remediation: RemediationId) -> bool:
    return held.by == remediation or any(claim.remediation == remediation for claim in held.claims)


def _without_given_back(view: ServiceView) -> Desired:
    return {key: held for key, held in view.desired.items() if held.claims}


def _gave_up(draft: Draft, view: ServiceView, remediation: Remediation, failure: Failure) -> bool:
    return draft.add(view, remediation.id, failed_note(remediation, failure), desired=_without_given_back(view))


def _trouble(draft: Draft, view: ServiceView, key: Key, fact: Fact) -> Failure | None:
    if isinstance(fact, NoFact):
        return None if fact.trouble == "blind" else Failure(fact.message, fact.hint)
    if foreign_owner(draft, view, key, fact):
        return Failure(f"{label(key)} belongs to {_mark(key, fact)}", "agree who owns it")
    return None


def _told(key: Key, held: Held, fact: Fact) -> str:
    live = live_value(key[0], fact)
    if held.claims:
        return f"{label(key)} is {show(held.value)}."
    if live == held.value:
        return f"{label(key)} is {show(held.value)} again and no longer held."
    left = "gone" if live is None else show(live)
    ours = held.value if held.expected is None else held.expected
    return f"{label(key)} is {left}, not our {show(ours)} any more, and is left alone."


def foreign_owner(draft: Draft, view: ServiceView, key: Key, fact: Fact) -> bool:
    """Whether a target carries the mark of another owner than this service."""
    mark = _mark(key, fact)
    return bool(mark) and mark != f"{draft.stage.project}/{draft.stage.name}/{view.name}"


def _mark(key: Key, fact: Fact) -> str:
    if isinstance(fact, NoFact):
        return ""
    mark = fact.mark
    if isinstance(fact, WorkloadFact) and fact.autoscaler is not None and fact.autoscaler.target == key[0]:
        mark = fact.autoscaler.mark
    return mark.owner if mark is not None else ""


def _unfinished(key: Key, held: Held, fact: Fact) -> str:
    live = live_value(key[0], fact)
    if live != held.value:
        if held.expected is not None and live != held.expected:
            return ""
        return f"{label(key)} is {show(live) if live is not None else 'unknown'}, not {show(held.value)}"
    if isinstance(fact, WorkloadFact) and not fact.settled:
        return fact.trouble or f"{fact.ready} of {fact.replicas} replicas are ready"
    return ""


def bounds_turn(draft: Draft, path: ServicePath) -> bool:
    """Lower what a bound that was changed since no longer allows, in a decision of its own."""
    view = draft.view(path)
    bounds = effective(draft.stage, view).bounds
    for key, held in sorted(view.desired.items(), key=lambda item: item[0]):
        if isinstance(held.value, bool) or not held.claims or key[1] == "enabled":
            continue
        value = _lowered(held, bounds.maximum)
        if value == held.value:
            continue
        owner = RemediationId(held.claims[-1].remediation)
        if owner not in view.remediations:
            raise BugError(f"{key[0]} is claimed by {owner}, which has no steps")
        draft.begin()
        desired = {**view.desired, key: _held_at(held, value, draft.sequence + 1, owner)}
        change = {"target": str(key[0]), "field": key[1], "before": held.value, "value": value, "base": held.base}
        data = {"action": f"bounds max {bounds.maximum}", "index": 1, "count": 1, "changes": [change]}
        subject = f"scale {held.value} → {value} (the bound is {bounds.maximum} now)"
        body = f"{label(key)} was held at {held.value}; service.yaml or stage.yaml allows {bounds.maximum}."
        return draft.add(view, owner, Note("decided", subject, body, data), desired=desired)
    return False


def _lowered(held: Held, maximum: int | None) -> int:
    """Return the value within the maximum; the base is never undercut."""
    value = int(held.value)
    return value if maximum is None else min(value, max(maximum, int(held.base)))


def _held_at(held: Held, value: int, sequence: int, by: RemediationId) -> Held:
    claims = tuple(
        Claim(c.remediation, c.step, c.sequence, c.by, value if c.set is not None else None) for c in held.claims
    )
    return Held(held.base, value, sequence, by, claims, held.through)
