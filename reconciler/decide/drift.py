"""Drift: a held field was changed by somebody else.

`repair` writes our value again, `adopt` takes theirs as what we hold, `report` stops holding and tells. The default is
repair for a controller's change and report for a person's; three repairs within ten minutes mean that somebody else
wants the field, and become `held: conflict`. Nothing is written over what a step of ours did that
the branch does not have (any more): whose it is a person has to say. Only facts that happen to be there are looked at:
the sweep that brings them is the daemon's.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TypeAlias

from reconciler.decide.claims import fields_of, is_pending, label, live_value, mark_of, set_again, show, spoken, want_of
from reconciler.decide.draft import CLOCK, Draft, Note, titled
from reconciler.decide.evaluating import wait_data
from reconciler.decide.holding import go_on_above
from reconciler.decide.options import timing_of
from reconciler.decide.policy import REPAIR_WINDOW, REPAIRS, effective
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.copies import replace
from reconciler.model.desired import Held, Key
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.policy import DriftPolicy
from reconciler.model.targets import FieldValue, FlagFact, RouteFact, WorkloadFact

SeenFact: TypeAlias = WorkloadFact | FlagFact | RouteFact

_PEOPLE = re.compile(r"kubectl|k9s|lens|headlamp|openlens|dashboard|mozilla|octant|oc\b|user:", re.IGNORECASE)
"""Field managers of tools that a person sits at."""


def drift_turn(draft: Draft, path: ServicePath) -> bool:
    """Compare held fields with what was seen. Returns whether a step was made.

    Not while the files that hold the policy cannot be read.
    """
    view = draft.view(path)
    if effective(draft.stage, view).unreadable:
        return False
    holding = {claim.remediation for held in view.desired.values() for claim in held.claims}
    quiet = [
        each
        for each in view.remediations.values()
        if not each.pending and each.phase != "failed" and each.id in holding
    ]
    return draft.first(partial(_one, draft, view), quiet)


def _one(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    keys = [key for key in fields_of(view, remediation.id) if _answers_for(view, key) == remediation.id]
    changed: list[tuple[Key, Held, SeenFact, FieldValue]] = []
    unseen = not keys
    for key in keys:
        held = view.desired[key]
        fact = draft.glance(want_of(key, held))
        live = live_value(key, fact) if fact is not None else None
        if not isinstance(fact, SeenFact) or live is None:
            unseen = True
        elif live != held.value and not is_pending(view, held):
            changed.append((key, held, fact, live))
    hold = remediation.hold
    if hold is not None and hold.is_ours_changed:
        return not changed and not unseen and _released(draft, view, remediation)
    return bool(changed) and _react(draft, view, remediation, *changed[0])


def _answers_for(view: ServiceView, key: Key) -> RemediationId:
    """Return whose step tells of a field's drift: the newest claim's that is not ended, else the newest claim's."""
    claimants = [claim.remediation for claim in view.desired[key].claims]
    going = [name for name in claimants if name in view.remediations and not view.remediations[name].ended]
    return (going or claimants)[-1]


def _react(
    draft: Draft, view: ServiceView, remediation: Remediation, key: Key, held: Held, fact: SeenFact, live: FieldValue
) -> bool:  # fmt: skip
    manager = _manager(key, fact)
    policy = _policy(draft, view, fact, manager)
    who = manager or "somebody"
    changed = f"was changed {show(held.value)} → {show(live)} by {who}"
    mark = mark_of(key, fact)
    if mark is not None and mark.lost:
        changed = f"{changed}; it carries step {mark.sequence}, which the branch does not have"
        policy = "report" if policy == "repair" else policy
        if remediation.hold is None and not remediation.ended:
            go_on_above(draft, view, label(key), mark)
    text, told_so = f"{label(key)} {changed}", spoken(key, changed)
    told: dict[str, object] = {
        "target": str(key[0]),
        "field": key[1],
        "desired": held.value,
        "live": live,
        "manager": manager,
    }
    if policy == "repair":
        recent = [moment for moment in remediation.repairs if moment > draft.now - REPAIR_WINDOW]
        if len(recent) >= REPAIRS:
            reason = f"{changed}, for the {len(recent) + 1}th time within {REPAIR_WINDOW // 60} minutes"
            return _stop(draft, view, remediation, key, "conflict", reason, told)
        again = set_again(view, (key,), remediation.id, draft.sequence + 1)
        body = f"{told_so}. It is set to {show(held.value)} again."
        note = Note("drift", f"{text}; set again", body, {**told, "policy": policy, **again.data})
        return draft.add(view, remediation.id, note, desired=again.desired)
    if policy == "adopt":
        body = f"{told_so}. That is what is held from now on."
        note = Note("drift", f"{text}; adopted", body, {**told, "policy": policy})
        desired = {**view.desired, key: _adopted(held, live, draft.sequence + 1)}
        return draft.add(view, remediation.id, note, desired=desired)
    return _stop(draft, view, remediation, key, "drift", changed, told)


def _stop(
    draft: Draft, view: ServiceView, remediation: Remediation, key: Key, condition: str, reason: str,
    told: dict[str, object],
) -> bool:  # fmt: skip
    if remediation.hold is not None and remediation.hold.condition != CLOCK:
        return False  # it waits already, and what earlier actions left is looked at when the next one has been done
    if remediation.ended:
        desired = {other: held for other, held in view.desired.items() if other != key}
        body = f"{spoken(key, reason)}. The remediation has ended; it is left alone from now on."
        note = Note("drift", f"{label(key)} {reason}; left alone", body, {**told, "policy": "report"})
        return draft.add(view, remediation.id, note, desired=desired)
    reason = f"{label(key)} {reason}"
    lifts = f"{label(key)} being {show(view.desired[key].value)} again, or `reconciler retry`"
    data = {"condition": condition, "reason": reason, "lifts": lifts, **told}
    body = f"It waits ({condition}): {reason}.\nLifted by: {lifts}."
    return draft.add(view, remediation.id, Note("held", titled(f"held: {condition}", remediation.about), body, data))


def _released(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    """Go on where it stood; an effect that was interrupted is waited for from now on."""
    body, data = "What we hold is as we hold it again.", {}
    if remediation.stands_at == "applied":
        if not draft.at(draft.now):
            return False
        data = wait_data(timing_of(draft, view, remediation), draft.now)
        body = f"{body}\nWhether it helped is evaluated at {data['until']}."
    return draft.add(view, remediation.id, Note("released", titled("released", remediation.about), body, data))


def _adopted(held: Held, live: FieldValue, sequence: int) -> Held:
    """Return a field whose base is what stands there: nothing of it is ours to take back any more."""
    if any(claim.set is not None for claim in held.claims):
        claims = tuple(replace(claim, by=None, set=live) for claim in held.claims)
        return replace(held, base=live, value=live, claims=claims, sequence=sequence)
    claims = tuple(replace(claim, by=0) for claim in held.claims)
    return replace(held, base=live, value=live, claims=claims, sequence=sequence)


def _policy(draft: Draft, view: ServiceView, fact: SeenFact, manager: str) -> DriftPolicy:
    settings = effective(draft.stage, view)
    person = isinstance(fact, FlagFact) or not manager or bool(_PEOPLE.search(manager))
    policy = settings.on_person_drift if person else settings.on_controller_drift
    return "report" if policy == "repair" and settings.mode != "automated" else policy


def _manager(key: Key, fact: SeenFact) -> str:
    if isinstance(fact, WorkloadFact) and fact.autoscaler is not None and fact.autoscaler.target == key[0]:
        return fact.autoscaler.manager
    return fact.manager
