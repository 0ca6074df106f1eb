"""When a problem is over, and what becomes of what a remediation holds then."""

from __future__ import annotations

from reconciler.decide.claims import Dropping, Settled, fields_of, settle
from reconciler.decide.draft import Draft
from reconciler.decide.options import option
from reconciler.decide.policy import effective
from reconciler.decide.remediation import Attached, Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.copies import replace
from reconciler.model.desired import Desired
from reconciler.model.policy import OnResolve
from reconciler.model.problem import Problem

NOT_HEALED = "resolved, but not healed"
"""The subject of an end by the source while the objectives are missed: a person is told."""
ENDS = 100
"""Problems whose end one step records; the first such step ends the remediation, those after it only tell."""


def is_over(view: ServiceView, problem: Attached) -> bool:
    """Whether a problem's source has resolved it, by its file or by deleting it."""
    file = view.problems.get(problem.id)
    return file is None or (isinstance(file.problem, Problem) and file.problem.state == "resolved")


def all_over(view: ServiceView, remediation: Remediation) -> bool:
    """Whether every problem of a remediation is over, recorded or not."""
    return all(problem.resolved or is_over(view, problem) for problem in remediation.problems)


def let_go(draft: Draft, view: ServiceView, remediation: Remediation, how: OnResolve | None = None) -> Settled:
    """Drop all claims of a remediation whose problems are over, or that a person has ended.

    What never took effect is taken back; what earlier actions did stays or is given back: as ``how`` says, or as it is
    configured.
    """
    settled = Settled(view.desired)
    bounds = effective(draft.stage, view).bounds
    if remediation.taking_effect:
        settled = settle(settled.desired, newest_decision(draft, view, remediation))
    if not fields_of(view, remediation.id):
        return settled
    rest = settle(
        settled.desired,
        Dropping(remediation.id, how or how_to_drop(draft, view, remediation), bounds, draft.sequence + 1),
    )
    desired = {**_still_to_write(view.desired, settled.desired), **rest.desired}
    return Settled(desired, (*settled.told, *rest.told), (*settled.changes, *rest.changes))


def newest_decision(draft: Draft, view: ServiceView, remediation: Remediation) -> Dropping:
    """Return what takes back the action in hand alone."""
    first = remediation.decisions[-1][0] if remediation.decisions else 0
    bounds = effective(draft.stage, view).bounds
    return Dropping(remediation.id, "revert", bounds, draft.sequence + 1, first)


def _still_to_write(before: Desired, taken_back: Desired) -> Desired:
    """Return the fields that were taken back in part as fields that are given back: to what earlier actions made."""
    return {
        key: replace(held, base=held.value, claims=(), expected=before[key].value)
        for key, held in taken_back.items()
        if held.claims and held.value != before[key].value
    }


def how_to_drop(draft: Draft, view: ServiceView, remediation: Remediation) -> OnResolve:
    """Keep, as Keptn did, unless told otherwise; what is no lasting state is given back once it has healed.

    Giving back what was never seen to help could undo the one thing that keeps the service up: then it is kept.
    """
    if not remediation.healed:
        return "keep"
    explicit = _on_resolve(draft, view, remediation)
    if explicit is not None:
        return explicit
    passing = any(key[1] not in ("replicas", "enabled") for key in fields_of(view, remediation.id))
    return "revert" if passing else "keep"


def how_orphaned(draft: Draft, view: ServiceView, remediation: Remediation) -> OnResolve:
    """Keep, unless it is configured otherwise and the newest evaluation was good: nobody looks at it any more."""
    good = remediation.passed > 0 and remediation.unmeasured == 0
    return "revert" if good and _on_resolve(draft, view, remediation) == "revert" else "keep"


def _on_resolve(draft: Draft, view: ServiceView, remediation: Remediation) -> OnResolve | None:
    """Return what is configured for the action in hand, None where nothing is."""
    explicit = option(remediation, "onResolve") or effective(draft.stage, view).on_resolve
    return None if explicit is None else "revert" if explicit == "revert" else "keep"
