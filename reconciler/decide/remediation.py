"""A remediation's state as the fold of its steps, and the phases that it goes through.

The fold is the only way to a state: steps that `decide` has just made and steps read back from Git go through the same
function, so a restart cannot know more or less than the daemon that wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from reconciler.model.instant import Instant
from reconciler.model.names import ProblemId, RemediationId
from reconciler.model.step import Event, StepFile

Phase: TypeAlias = Literal["opened", "held", "refused", "decided", "applied", "failed", "ended"]
"""``opened``: matched, nothing decided · ``held``: waits for a condition · ``refused``: a file must be mended first ·
``decided``: pushed, not yet seen in the world · ``applied``: took effect · ``failed``: the action failed, what comes
next is not committed yet · ``ended``: nothing further is done."""

ENDINGS: frozenset[Event] = frozenset(
    {"remediated", "resolved", "unverified", "escalated", "unmatched", "aborted", "reverted", "orphaned"}
)


@dataclass(frozen=True)
class Attached:
    """A problem of the remediation. ``occurrence`` counts from 1; ``resolved``: a step has recorded its end."""

    id: ProblemId
    occurrence: int
    title: str
    resolved: bool = False


@dataclass(frozen=True)
class Hold:
    """Why nothing is done, in which phase it came, and what lifts it."""

    condition: str
    reason: str
    since: Phase
    number: int


@dataclass(frozen=True)
class Remediation:
    """What is done about the problems of one entry on one service.

    ``number`` is the newest step's. ``entry`` and ``actions`` (plain data) are pinned when opened; ``index`` is the
    action in hand, counted from 0. ``offence`` is the file and blob that a `refused` names. ``pending``: a decision
    of its is not yet seen in the world. ``decisions`` and ``repairs`` are the moments of those.
    ``answered`` are the command files that its steps name. ``opened_by`` and ``sequence`` are the first and the newest
    step's sequence.
    """

    id: RemediationId
    number: int = 0
    phase: Phase = "opened"
    outcome: Event | None = None
    entry: str = ""
    title: str = ""
    actions: tuple[Mapping[str, Any], ...] = ()
    index: int = 0
    problems: tuple[Attached, ...] = ()
    hold: Hold | None = None
    offence: str = ""
    pending: bool = False
    approved: int = 0
    decided_at: Instant | None = None
    applied_at: Instant | None = None
    decisions: tuple[Instant, ...] = ()
    repairs: tuple[Instant, ...] = ()
    answered: frozenset[str] = frozenset()
    opened_by: int = 0
    sequence: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing further will be done about its problems."""
        return self.phase == "ended"

    @property
    def acting(self) -> bool:
        """Whether it has decided something and has not ended: what the budget of services at once counts."""
        return not self.ended and self.decided_at is not None


def fold(remediation: RemediationId, steps: Iterable[StepFile]) -> Remediation:
    """Return the state after all steps, which come in the order of their numbers. Total: unknown data is ignored."""
    state = Remediation(remediation)
    for step in steps:
        state = advance(state, step)
    return state


def advance(state: Remediation, step: StepFile) -> Remediation:
    """Return the state after one more step."""
    data = step.data
    first = state.opened_by or step.sequence
    state = replace(state, number=step.number, sequence=step.sequence, opened_by=first)
    if isinstance(command := data.get("command"), str):
        state = replace(state, answered=state.answered | {command})
    if "problem" in data:
        state = _with_problem(state, data)
    if "entry" in data:
        state = replace(state, entry=data["entry"], actions=tuple(data.get("actions", ())))
    return _by_event(state, step)


def _with_problem(state: Remediation, data: Mapping[str, Any]) -> Remediation:
    told = data["problem"]
    problem = Attached(ProblemId(told["id"]), int(told["occurrence"]), str(told.get("title", "")))
    others = tuple(known for known in state.problems if known.id != problem.id)
    return replace(state, problems=(*others, problem), title=state.title or problem.title)


def _by_event(state: Remediation, step: StepFile) -> Remediation:
    moved = _pending(state, step)
    if state.ended and step.event not in ("reopened", "resolved"):
        return moved
    return _phase(moved, step)


def _pending(state: Remediation, step: StepFile) -> Remediation:
    """Follow what is decided and not yet seen in the world; an ended remediation's claims still have such moments."""
    if step.data.get("changes"):
        state = replace(state, pending=True, decided_at=step.now)
        if step.event == "decided":
            return replace(state, decisions=(*state.decisions, step.now))
        if step.event == "drift":
            return replace(state, repairs=(*state.repairs, step.now))
        return state
    if step.event in ENDINGS or step.event in ("applied", "failed"):
        return replace(state, pending=False)
    return state


def _phase(state: Remediation, step: StepFile) -> Remediation:  # noqa: C901  (a table, one row an event)
    data = step.data
    match step.event:
        case "opened":
            return replace(state, phase="opened", offence="", hold=None)
        case "reopened":
            return replace(state, phase="opened", outcome=None, hold=None, index=0, approved=0, applied_at=None)
        case "refused":
            return replace(state, phase="refused", offence=str(data.get("offence", "")))
        case "held":
            since = state.hold.since if state.phase == "held" and state.hold else state.phase
            hold = Hold(str(data.get("condition", "")), str(data.get("reason", "")), since, step.number)
            return replace(state, phase="held", hold=hold, offence="")
        case "released":
            back: Phase = state.hold.since if state.hold else "opened"
            approved = step.number if data.get("approved") else state.approved
            phase: Phase = "decided" if data.get("changes") else "opened" if back == "refused" else back
            return replace(state, phase=phase, hold=None, approved=approved)
        case "decided":
            return replace(state, phase="decided", hold=None)
        case "drift" if data.get("policy") == "repair":
            return replace(state, phase="decided")
        case "applied":
            return replace(state, phase="applied", applied_at=step.now)
        case "failed":
            return replace(state, phase="failed", hold=None)
        case "resolved":
            ended = tuple(data.get("resolved", ()))
            problems = tuple(replace(p, resolved=True) if p.id in ended else p for p in state.problems)
            outcome = state.outcome or "resolved"
            return replace(state, problems=problems, phase="ended", outcome=outcome, hold=None)
        case event if event in ENDINGS:
            return replace(state, phase="ended", outcome=event, hold=None)
        case _:
            return state
