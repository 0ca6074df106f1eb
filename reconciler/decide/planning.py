"""What the action in hand would do now, or why it may not: mode, budget, approval, facts, conflicts, in this order."""

from __future__ import annotations

from reconciler.decide.actions.protocol import Context, Failure, Plan, Wait
from reconciler.decide.actions.registry import unpin
from reconciler.decide.claims import label
from reconciler.decide.draft import Draft
from reconciler.decide.policy import HOUR, Effective, effective
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant


def attempt(draft: Draft, view: ServiceView, remediation: Remediation) -> Plan | Failure | Wait:
    """Return the plan of the action in hand, why it failed, or what it waits for. Raises UnseenError."""
    settings = effective(draft.stage, view)
    if settings.mode == "suspended":
        return Wait("suspended", "reconciler is suspended here", "a `resume` command or `mode: automated`")
    if remediation.index >= len(remediation.actions):
        return Failure("the playbook entry has no action")
    pinned = remediation.actions[remediation.index]
    try:
        spec = unpin(pinned, view.playbook_file.path if view.playbook_file else "remediation.yaml")
    except UserError as error:
        return Failure(error.message, error.hint)
    if settings.mode == "shadow":
        return Wait("shadow", _would(spec.written, _plan(draft, view, settings, remediation)), "`mode: automated`")
    needs_approval = settings.approval or (pinned.get("options") or {}).get("approval") == "required"
    if needs_approval and not remediation.approved:
        return Wait("approval", f"{spec.written} needs a person's approval", f"`reconciler approve {remediation.id}`")
    return _budget(draft, view, settings) or _plan(draft, view, settings, remediation)


def _would(written: str, result: Plan | Failure | Wait) -> str:
    match result:
        case Plan():
            return f"would {result.subject} ({written})"
        case Failure():
            return f"{written} would fail: {result.reason}"
        case Wait():
            return f"{written} would wait: {result.reason}"


def _budget(draft: Draft, view: ServiceView, settings: Effective) -> Wait | None:
    per_hour = settings.budgets.actions_per_hour
    if per_hour is not None:
        recent = sorted(
            moment
            for remediation in view.remediations.values()
            for moment in remediation.decisions
            if moment > draft.now - HOUR
        )
        if len(recent) >= per_hour and not draft.at(Instant(recent[-per_hour] + HOUR)):
            reason = f"{len(recent)} of {per_hour} actions this hour are used"
            return Wait("budget", reason, "the hour going by, or a higher `budgets.actionsPerHour`")
    at_once = settings.budgets.services_at_once
    acting = draft.acting() - {view.path}
    if at_once is not None and len(acting) >= at_once:
        reason = f"{len(acting)} of {at_once} services are being remediated"
        return Wait("budget", reason, "one of them ending, or a higher `budgets.servicesAtOnce`")
    return None


def _plan(draft: Draft, view: ServiceView, settings: Effective, remediation: Remediation) -> Plan | Failure | Wait:
    context = Context(
        project=draft.stage.project, stage=draft.stage.name, service=view.name, namespace=settings.namespace,
        workload=settings.workload, bounds=settings.bounds, flags=settings.flags, held=view.desired, see=draft.see,
    )  # fmt: skip
    spec = unpin(remediation.actions[remediation.index], "remediation.yaml")
    plan = spec.plan(context)
    if not isinstance(plan, Plan):
        return plan
    return _conflict(draft, view, context.owner, plan) or plan


def _conflict(draft: Draft, view: ServiceView, owner: str, plan: Plan) -> Wait | None:
    for wish in plan.wishes:
        key = (wish.target, wish.field)
        if wish.mark is not None and wish.mark.owner != owner:
            return Wait(
                "conflict", f"{label(key)} belongs to {wish.mark.owner}", "that owner giving it back"
            )  # fmt: skip
        others = draft.claimants(key) - {view.path}
        if others:
            return Wait("conflict", f"{label(key)} is claimed by {', '.join(sorted(others))}", "that claim ending")
        held = view.desired.get(key)
        for claim in held.claims if held else ():
            if claim.set != wish.set or (claim.by is None) != (wish.by is None):
                return Wait(
                    "conflict", f"{label(key)} is claimed otherwise by {claim.remediation}", "that claim ending"
                )
        if wish.mark is not None and wish.mark.lost:
            draft.beyond = max(draft.beyond, wish.mark.sequence)
            return Wait(
                "drift",
                f"{label(key)} was last changed by step {wish.mark.sequence}, which the branch does not have",
                "`reconciler retry` once a person has looked",
            )
    return None
