"""What the action in hand would do now, or why it may not: mode, guards, facts, conflicts, in this order.

Where a person has to approve it, the plan comes before the guards: what is asked for is the effect.
"""

from __future__ import annotations

from reconciler.decide.actions.protocol import Answer, Context, Escalation, Failure, Once, Plan, Spec, Wait, Wish
from reconciler.decide.actions.registry import unpin
from reconciler.decide.claims import label
from reconciler.decide.draft import Draft
from reconciler.decide.guards import guard
from reconciler.decide.holding import go_on_above
from reconciler.decide.policy import Effective, effective
from reconciler.decide.proposing import asked, still_asked
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.decide.wording import listed
from reconciler.model.desired import Key
from reconciler.model.errors import UserError
from reconciler.model.targets import Mark

ONCE_FIELDS = ("restartedAt", "revision")
"""What is done to a workload's pod template once; the one is not done while the other is under way."""
VALUES = 200
"""Claims and values that one service holds at most, so that its `desired.yaml` stays one that can be read."""


def attempt(draft: Draft, view: ServiceView, remediation: Remediation) -> Answer:
    """Return the plan of the action in hand, why it failed, or what it waits for. Raises UnseenError."""
    settings = effective(draft.stage, view)
    if settings.unreadable:
        return Wait("blind", f"{settings.unreadable} cannot be read", "a version of it that can be read")
    if view.clash:
        return Wait("conflict", f"{view.clash} is called {view.name} too", "another name for one of the two")
    if settings.mode == "suspended":
        return Wait("suspended", settings.suspended, "`reconciler resume`, or `mode: automated`")
    if remediation.index >= len(remediation.actions):
        return Failure("the playbook entry has no action")
    pinned = remediation.actions[remediation.index]
    try:
        spec = unpin(pinned, view.playbook_file.path if view.playbook_file else "remediation.yaml")
    except UserError as error:
        return Failure(error.message, error.hint)
    if settings.mode == "shadow":
        return Wait(
            "shadow", _would(spec.written, _plan(draft, view, settings, remediation, spec)), "`mode: automated`"
        )
    if not (settings.approval or (pinned.get("options") or {}).get("approval") == "required"):
        return guard(draft, view, remediation, settings) or _plan(draft, view, settings, remediation, spec)
    plan = _plan(draft, view, settings, remediation, spec)
    if isinstance(plan, Wait):
        return still_asked(remediation) or plan
    if not isinstance(plan, Plan):
        return plan
    return asked(draft, view, remediation, spec.written, plan) or guard(draft, view, remediation, settings) or plan


def _would(written: str, result: Answer) -> str:
    match result:
        case Plan():
            return f"would {result.subject} ({written})"
        case Failure():
            return f"{written} would fail: {result.reason}"
        case Escalation():
            return f"would escalate: {result.reason}"
        case Wait():
            return f"{written} would wait: {result.reason}"


def _plan(
    draft: Draft, view: ServiceView, settings: Effective, remediation: Remediation, spec: Spec
) -> Answer:  # fmt: skip
    context = Context(
        project=draft.stage.project, stage=draft.stage.name, service=view.name, namespace=settings.namespace,
        workload=settings.workload, bounds=settings.bounds, flags=settings.flags, held=view.desired, now=draft.now,
        identity=f"{draft.stage.owner}/{view.name}/{remediation.id}/{remediation.number + 1}", title=remediation.title,
        labels=remediation.labels, see=draft.see,
    )  # fmt: skip
    plan = spec.plan(context)
    if not isinstance(plan, Plan):
        return plan
    waits = (
        *(_conflict(draft, view, remediation, wish) for wish in plan.wishes),
        *(_owned(draft, view, remediation, once) for once in plan.once),
    )
    return next((wait for wait in waits if wait is not None), None) or _too_many(view, plan) or plan


def _too_many(view: ServiceView, plan: Plan) -> Wait | None:
    held = sum(max(len(each.claims), 1) for each in view.desired.values())
    if held + len(plan.wishes) <= VALUES:
        return None
    reason = f"{view.name} holds {held} values, and with {len(plan.wishes)} more it would be over {VALUES}"
    return Wait("budget", reason, "a remediation that holds some of them ending")


def _conflict(draft: Draft, view: ServiceView, remediation: Remediation, wish: Wish) -> Wait | None:
    key = (wish.target, wish.field)
    if wish.mark is not None and wish.mark.stage != draft.stage.owner and not wish.mark.released:
        return Wait("conflict", f"{label(key)} belongs to {wish.mark.owner}", "that owner giving it back")
    others = draft.claimants(key) - {view.path}
    if others:
        return Wait("conflict", f"{label(key)} is claimed by {listed(sorted(others))}", "that claim ending")
    held = view.desired.get(key)
    for claim in held.claims if held else ():
        if claim.remediation == remediation.id:
            continue
        stopped = view.remediations[claim.remediation].hold if claim.remediation in view.remediations else None
        if stopped is not None and stopped.is_ours_changed:
            return Wait("conflict", f"{claim.remediation} is held: {stopped.reason}", "that hold being lifted")
        if claim.set != wish.set or (claim.by is None) != (wish.by is None):
            return Wait("conflict", f"{label(key)} is claimed otherwise by {claim.remediation}", "that claim ending")
    if wish.mark is not None and wish.mark.lost and not remediation.insisted:
        return _lost(draft, view, key, wish.mark)
    return None


def _owned(draft: Draft, view: ServiceView, remediation: Remediation, once: Once) -> Wait | None:
    key = (once.target, once.field)
    if once.mark is not None and once.mark.stage != draft.stage.owner and not once.mark.released:
        return Wait("conflict", f"{once.target.name} belongs to {once.mark.owner}", "that owner giving it back")
    if once.mark is not None and once.mark.lost and not remediation.insisted:
        return _lost(draft, view, key, once.mark)
    if once.field == "call":
        return None
    for other in view.remediations.values():
        if other.id != remediation.id and other.pending and any(each.target == once.target for each in other.once):
            return Wait("conflict", f"{once.target.name} is being changed for {other.id}", "that having taken effect")
    others = frozenset().union(*(draft.claimants((once.target, field)) for field in ONCE_FIELDS)) - {view.path}
    if others:
        told = f"{once.target.name} is being changed for {listed(sorted(others))}"
        return Wait("conflict", told, "that having taken effect")
    return None


def _lost(draft: Draft, view: ServiceView, key: Key, mark: Mark) -> Wait:
    """Do nothing that may have been done already."""
    go_on_above(draft, view, label(key), mark)
    return Wait(
        "drift",
        f"{label(key)} was last changed by step {mark.sequence}, which the branch does not have",
        "`reconciler retry` once a person has looked",
    )
