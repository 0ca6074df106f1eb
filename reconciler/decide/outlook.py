"""Remediations in a person's words: how one stands, whether it needs somebody, and what that person can do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.decide.progress import WAITING_FOR_A_PERSON
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView
from reconciler.model.errors import UserError
from reconciler.model.instant import format_instant
from reconciler.model.names import ProblemId, RemediationId

_FILE = re.compile(r"(\S.*?)@[0-9a-f]{40,}")
"""A file that a `refused` names, as `path@blob`."""
_AGAIN = "nothing further is done until `{retry}`"
_PHASES = {
    "refused": "refused, until the file that its step names is mended",
    "decided": "decided, and not yet seen to have taken effect",
    "applied": "applied, until its source resolves it",
}
"""What a phase without a hold or a moment waits for."""
_NEXT = {
    "escalated": "look at the service, then `{retry}`",
    "reverted": _AGAIN,
    "aborted": _AGAIN,
    "unverified": "look whether the service is healthy, then `{retry}` or resolve the problem",
    "unmatched": "add an entry to {path}/remediation.yaml, push it, then `{retry}`",
    "orphaned": "bring {path}/ back, or resolve the problem",
}
"""What a person does about a remediation that has ended while one of its problems is open."""


def standing(remediation: Remediation) -> str:
    """Return how it stands: its outcome, what it is held by, until when it waits, or its phase."""
    if remediation.ended and remediation.outcome:
        return f"{remediation.outcome}, not healed" if is_unhealed(remediation) else str(remediation.outcome)
    if remediation.hold is not None:
        return f"held: {remediation.hold.condition}"
    if remediation.waiting is not None and remediation.phase == "applied":
        return f"waits until {format_instant(remediation.waiting.until)} ({_looked_at(remediation)})"
    return remediation.phase


def awaited(remediation: Remediation) -> str:
    """Return what one that has not ended waits for: the hold and what lifts it, the evaluation, or its phase."""
    hold, waiting = remediation.hold, remediation.waiting
    if hold is not None:
        return f"held: {hold.condition}: {hold.reason}, lifted by {hold.lifts}"
    if waiting is not None and remediation.phase == "applied":
        because = f": {remediation.blank}" if remediation.blank else ""
        return f"evaluated at {format_instant(waiting.until)} ({_looked_at(remediation)}{because})"
    return _PHASES.get(remediation.phase, remediation.phase)


def _looked_at(remediation: Remediation) -> str:
    """Return why the service is measured at the end of the wait."""
    if remediation.unmeasured:
        return "measured again for want of data"
    if remediation.passed:
        return "looked at once more, since the problem is open"
    return "first evaluation"


def is_unhealed(remediation: Remediation) -> bool:
    """Whether its source resolved it although the objectives were missed."""
    return remediation.outcome == "resolved" and remediation.then == "resolved"


def listed(remediations: list[Remediation], most: int = 5) -> str:
    """Return the newest by id and standing: `p8 (escalated), p9 (held: budget)`."""
    newest = sorted(remediations, key=lambda each: each.opened_by)[-most:]
    more = len(remediations) - len(newest)
    names = ", ".join(f"{each.id} ({standing(each)})" for each in newest)
    return f"{names} and {more} older" if more else names


def still_open(view: ServiceView, remediation: Remediation) -> bool:
    """Whether a problem of it is open: its file says so and no step has recorded its end."""
    for each in remediation.problems:
        file = view.problems.get(each.id)
        if file is None or each.resolved:
            continue
        if isinstance(file.problem, UserError) or file.problem.state == "open":
            return True
    return False


def holds_claims(view: ServiceView, remediation: Remediation) -> bool:
    """Whether there is something of it to take back."""
    return any(claim.remediation == remediation.id for held in view.desired.values() for claim in held.claims)


def is_running(_view: ServiceView, remediation: Remediation) -> bool:
    """Whether it has not ended."""
    return not remediation.ended


def can_be_tried_again(view: ServiceView, remediation: Remediation) -> bool:
    """Whether it has ended while a problem of it is open, or its hold is one that only a person lifts."""
    hold = remediation.hold
    if hold is not None:
        return hold.is_ours_changed or hold.condition in WAITING_FOR_A_PERSON
    return remediation.ended and any(not each.resolved and each.id in view.problems for each in remediation.problems)


def waits_for_approval(_view: ServiceView, remediation: Remediation) -> bool:
    """Whether a person has to say yes or no."""
    return remediation.hold is not None and remediation.hold.condition == "approval"


def next_step(stage: str, view: ServiceView, remediation: Remediation) -> str:
    """Return what a person has to do about it, empty where nobody has to do anything."""
    about = f"--stage {stage} --remediation {remediation.id}"
    retry = f"reconciler retry {about}"
    if remediation.ended:
        said = _NEXT.get(str(remediation.outcome), "") if still_open(view, remediation) else ""
        because = f"{remediation.reason}; " if said and remediation.reason else ""
        return because + said.format(retry=retry, path=view.path)
    if remediation.phase == "refused":
        return f"mend {_offending(view, remediation)}; it is then tried again by itself"
    if waits_for_approval(view, remediation):
        return f"`reconciler approve {about}`, or `decline`"
    if remediation.hold is None:
        return ""
    if can_be_tried_again(view, remediation):
        return f"{remediation.hold.reason}: `{retry}` once that is looked at"
    return f"{remediation.hold.reason}; lifted by {remediation.hold.lifts}"


def _offending(view: ServiceView, remediation: Remediation) -> str:
    """Return the files that keep one refused, each with its line where it is known what is wrong there."""
    paths = _FILE.findall(remediation.offence)
    found = (view.config, view.playbook, *(file.problem for file in view.problems.values()))
    places = [each.place for each in found if isinstance(each, UserError) and each.place is not None]
    named = {path: next((str(place) for place in places if place.path == path), path) for path in paths}
    return " or ".join(named.values()) or "the file that is named in its step"


def newest_about(view: ServiceView) -> dict[ProblemId, RemediationId]:
    """Return the newest remediation that each problem belongs to."""
    in_order = sorted(view.remediations.values(), key=lambda each: each.opened_by)
    return {problem.id: each.id for each in in_order for problem in each.problems}


def is_left_open(view: ServiceView, remediation: Remediation, about: Mapping[ProblemId, RemediationId]) -> bool:
    """Whether it has ended and a problem of it is open all the same, with no newer remediation ``about`` that."""
    return still_open(view, remediation) and any(
        about.get(problem.id) == remediation.id for problem in remediation.problems
    )
