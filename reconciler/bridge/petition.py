"""What a person asks by a button: which of the verbs fit, and the request as whoever commits it gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.bridge.people import Person
from reconciler.decide.outlook import can_be_tried_again, holds_claims, is_running, waits_for_approval
from reconciler.decide.policy import effective
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import ServiceView, Stage
from reconciler.model.command import VERBS, Command, Verb
from reconciler.model.errors import UserError
from reconciler.model.names import CommitId, ServicePath, StageName

_REASON = 2000
"""Characters of a reason at the most."""


@dataclass(frozen=True)
class Petition:
    """A command that a person asks for. Without ``service`` it is about the whole stage."""

    stage: StageName
    service: ServicePath
    command: Command
    person: Person
    about: str = ""


@dataclass(frozen=True)
class Taken:
    """The commit of a petition. ``kept``: it is on the daemon's disk only, and acted on; the remote is away."""

    commit: CommitId
    kept: bool = False


Ask: TypeAlias = Callable[[Petition], "Future[Taken]"]
"""Commits and pushes a petition. The future fails with a ReconcilerError that says why it was not."""


@dataclass(frozen=True)
class Offer:
    """A button: what it asks for, and in which words."""

    verb: Verb
    label: str
    remediation: str = ""
    step: int = 0
    effect: str = ""
    asks: str = ""


def offers(view: ServiceView, remediation: Remediation) -> Iterator[Offer]:
    """Yield what can be asked about a remediation now."""
    about = str(remediation.id)
    if waits_for_approval(view, remediation) and remediation.hold is not None:
        proposal = remediation.hold.proposal
        effect = proposal.effect if proposal is not None else ""
        what = str(proposal.told.get("subject", "")) if proposal is not None else ""
        number = remediation.hold.number
        yield Offer("approve", f"Approve {what}".strip(), about, number, effect)
        yield Offer("decline", "Decline", about, number, effect)
    if can_be_tried_again(view, remediation):
        yield Offer("retry", "Try again", about)
    if holds_claims(view, remediation):
        yield Offer("undo", "Undo the newest action", about)
    if is_running(view, remediation):
        yield Offer("abort", "Abort the remediation", about)


def switches(stage: Stage, view: ServiceView) -> Iterator[Offer]:
    """Yield what can be asked about a service, or about the stage where the view is of no service."""
    what = f"remediation of {view.name}" if view.path else f"remediation in {stage.name}"
    if effective(stage, view).mode == "suspended":
        yield Offer("resume", f"Resume {what}")
    else:
        yield Offer("suspend", f"Suspend {what}")


def petition(form: Mapping[str, str], stage: StageName, person: Person) -> Petition:
    """Return what a form asks for.

    Raises:
        UserError: it is no form of ours.
    """
    verb, step = form.get("verb", ""), form.get("step", "") or "0"
    known = next((each for each in VERBS if each == verb), None)
    if known is None or not (step.isascii() and step.isdigit() and len(step) < 7):
        raise UserError("this form asks for nothing that there is", hint="open the page again, and send it from there")
    reason = " ".join(form.get("reason", "").split())[:_REASON]
    command = Command(known, form.get("remediation", ""), int(step), reason, form.get("effect", ""))
    return Petition(stage, ServicePath(form.get("service", "")), command, person, form.get("about", "")[:200])
