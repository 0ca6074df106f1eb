"""What an action that needs a person's approval would do: shown in the step that waits, and pinned by the approval.

What is approved is an effect, the absolute values that would hold afterwards and all that would be told, and not the
action: `scaling +1` approved when it meant 1 → 2 is not approved as 4 → 5. So the effect is worked out before anybody
is asked, and once more when the approval is there; where the two differ, it is proposed anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.decide.actions.protocol import Plan, Wait
from reconciler.decide.claims import with_wish
from reconciler.decide.draft import Draft, UnseenError
from reconciler.decide.policy import effective
from reconciler.decide.remediation import Approvable, Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.desired import Claim, Desired
from reconciler.model.instant import Instant, format_instant

LASTS: Final = 86_400
"""Seconds for which a proposal may be approved, and its approval counts; then it is proposed anew, as things stand."""
_OF_THE_MOMENT: Final = frozenset({"restartedAt", "call"})
"""What is done once and carries its own moment or key as value, another one each time that it is decided."""
_KEY: Final = "key"
"""Where what is told carries that key too."""


def planned(
    draft: Draft, view: ServiceView, remediation: Remediation, plan: Plan
) -> tuple[Desired, dict[str, list[dict[str, Any]]]]:
    """Return what would be held with a plan's wishes claimed, and the plan as a step tells it."""
    bounds = effective(draft.stage, view).bounds
    desired: Desired = view.desired
    changes: list[dict[str, Any]] = []
    for wish in plan.wishes:
        claim = Claim(remediation.id, remediation.number + 1, draft.sequence + 1, wish.by, wish.set)
        desired = with_wish(desired, wish, claim, bounds)
        key = (wish.target, wish.field)
        wished = {"by": wish.by} if wish.by is not None else {"set": wish.set}
        target = {"target": str(wish.target), "field": wish.field, "base": desired[key].base}
        changes.append({**target, **wished, "before": wish.before, "value": desired[key].value})
    once = [
        {"target": str(each.target), "field": each.field, "value": each.value}
        | ({"payload": dict(each.payload)} if each.payload else {})
        for each in plan.once
    ]
    return desired, {**({"changes": changes} if changes else {}), **({"once": once} if once else {})}


def asked(draft: Draft, view: ServiceView, remediation: Remediation, written: str, plan: Plan) -> Wait | None:
    """Return the wait for a person's approval of a plan; None where just this was approved and the approval counts."""
    _, told = planned(draft, view, remediation, plan)
    effect = effect_of(told)
    approved = remediation.approved
    if approved is not None and approved.covers(effect) and not expired(draft, approved):
        return None
    pending = remediation.hold.proposal if remediation.hold is not None else None
    if pending is not None and pending.covers(effect) and not expired(draft, pending):
        expires = pending.expires
    else:
        expires = Instant(draft.now + LASTS)
    proposal = {"subject": plan.subject, "effect": effect, "expires": format_instant(expires or draft.now), **told}
    body = f"Proposed: {plan.subject}.\n{plan.body}\nIt can be approved until {proposal['expires']}.\n"
    reason = f"{written} needs a person's approval"
    return Wait("approval", reason, f"`reconciler approve {remediation.id}`", proposal=proposal, told=body)


def still_asked(remediation: Remediation) -> Wait | None:
    """Return what a person is asked already; what cannot be worked out for a moment takes no question back."""
    hold = remediation.hold
    if hold is None or hold.proposal is None:
        return None
    return Wait(hold.condition, hold.reason, hold.lifts, proposal=hold.proposal.told)


def expired(draft: Draft, proposal: Approvable) -> bool:
    """Whether a proposal's time is over.

    Raises:
        UnseenError: the clock says so and is in doubt; until it is not, the proposal is neither refused nor acted on.
    """
    if proposal.expires is None or draft.at(proposal.expires):
        return proposal.expires is not None
    if draft.now >= proposal.expires:
        raise UnseenError
    return False


def effect_of(told: Mapping[str, Iterable[Mapping[str, Any]]]) -> str:
    """Return a name for what would be so afterwards: 16 hexadecimal digits, the same for the same effect only."""
    changes = [[each["target"], each["field"], each["value"]] for each in told.get("changes", ())]
    once = [
        [each["target"], each["field"], "" if each["field"] in _OF_THE_MOMENT else each["value"], *_said(each)]
        for each in told.get("once", ())
    ]
    text = json.dumps([sorted(changes, key=str), sorted(once, key=str)], separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _said(once: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what an endpoint would be told, without the key of the moment."""
    payload = once.get("payload")
    return [{name: value for name, value in payload.items() if name != _KEY}] if payload else []
