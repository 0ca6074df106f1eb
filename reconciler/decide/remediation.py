"""A remediation's state as the fold of its steps, and the phases that it goes through.

The fold is the only way to a state: steps that `decide` has just made and steps read back from Git go through the same
function, so a restart cannot know more or less than the daemon that wrote them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from reconciler.model.instant import Instant, parse_instant
from reconciler.model.names import ProblemId, RemediationId
from reconciler.model.step import Event, StepFile
from reconciler.model.targets import Field, FieldValue, Target

Phase: TypeAlias = Literal["opened", "held", "refused", "decided", "applied", "failed", "ended"]
"""``opened``: matched, nothing decided · ``held``: waits for a condition · ``refused``: a file must be mended first ·
``decided``: the action in hand is pushed, not yet seen in the world · ``applied``: took effect · ``failed``: the action
failed, what comes next is not committed yet · ``ended``: nothing further is done."""

ENDINGS: frozenset[Event] = frozenset(
    {"remediated", "resolved", "unverified", "escalated", "unmatched", "aborted", "reverted", "orphaned"}
)

_AFTER_THE_END: tuple[Event, ...] = ("reopened", "resolved", "reverted")
_BACK: tuple[Event, ...] = ("refused", "unmatched")
"""What an orphaned remediation may come to when its service is there again, apart from `reopened`."""


@dataclass(frozen=True)
class Attached:
    """A problem of the remediation. ``occurrence`` counts from 1; ``resolved``: a step has recorded its end."""

    id: ProblemId
    occurrence: int
    title: str
    resolved: bool = False


@dataclass(frozen=True)
class Hold:
    """Why nothing is done and what lifts it; in which phase it came, and as which step."""

    condition: str
    reason: str
    lifts: str
    since: Phase
    number: int


@dataclass(frozen=True)
class OnceDue:
    """Something to be done once by the action in hand; ``sequence`` is that of the deciding step."""

    target: Target
    field: Field
    value: FieldValue
    sequence: int
    payload: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Remediation:
    """What is done about the problems of one entry on one service.

    ``number`` is the newest step's. ``entry`` and ``actions`` (plain data) are pinned when opened; ``index`` is the
    action in hand, counted from 0. ``offence`` is the file and blob that a `refused` names. ``pending``: something
    that a step of its changed (decided, set again, given back) is not yet seen in the world; ``decided_at`` is when.
    ``approved``: a person has approved the action in hand; ``insisted``: in spite of a mark of lost history.
    ``decisions`` are the numbers and moments of its actions, undone or not, ``repairs`` the moments of those of drift.
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
    once: tuple[OnceDue, ...] = ()
    approved: bool = False
    insisted: bool = False
    decided_at: Instant | None = None
    applied_at: Instant | None = None
    decisions: tuple[tuple[int, Instant], ...] = ()
    repairs: tuple[Instant, ...] = ()
    answered: frozenset[str] = frozenset()
    opened_by: int = 0
    sequence: int = 0

    @property
    def about(self) -> str:
        """What people know it by: the title of its first problem, else its entry, else that problem's id."""
        return self.title or self.entry or next((problem.id for problem in self.problems), self.id)

    @property
    def ended(self) -> bool:
        """Whether nothing further will be done about its problems."""
        return self.phase == "ended"

    @property
    def taking_effect(self) -> bool:
        """Whether the action in hand is decided and was never yet seen in the world."""
        return self.pending and self.phase == "decided" and self.applied_at is None

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
    kept = tuple(problem if known.id == problem.id else known for known in state.problems)
    problems = kept if problem in kept else (*kept, problem)
    return replace(state, problems=problems, title=state.title or problem.title)


def _by_event(state: Remediation, step: StepFile) -> Remediation:
    going_on = (*_AFTER_THE_END, *(_BACK if state.outcome == "orphaned" else ()))
    if state.ended and step.event not in going_on:
        return _effect(state, step)
    return _phase(_effect(state, step), step)


def _effect(state: Remediation, step: StepFile) -> Remediation:
    """Follow what changed and is not yet seen in the world; an ended remediation has such moments too."""
    if gone := step.data.get("gone"):
        known = dict(state.decisions) | {int(each["step"]): parse_instant(each["now"]) for each in gone}
        state = replace(state, decisions=tuple(sorted(known.items())))
    if step.data.get("changes"):
        state = replace(state, pending=True, decided_at=step.now)
        if step.event == "decided" and "bound" not in step.data:
            return replace(state, decisions=(*state.decisions, (step.number, step.now)))
        return replace(state, repairs=(*state.repairs, step.now)) if step.event == "drift" else state
    if step.event == "applied" or (step.event == "failed" and step.data.get("effect")):
        return replace(state, pending=False)
    return state


def _phase(state: Remediation, step: StepFile) -> Remediation:  # noqa: C901  (a table, one row an event)
    data = step.data
    match step.event:
        case "opened":
            return replace(state, phase="opened", offence="", hold=None)
        case "reopened":
            return _anew(state)
        case "refused":
            return replace(state, phase="refused", outcome=None, offence=str(data.get("offence", "")))
        case "held":
            return replace(state, phase="held", hold=_hold(state, step), offence="")
        case "released":
            back: Phase = state.hold.since if state.hold else "opened"
            approved, insisted = bool(data.get("approved")), bool(data.get("insisted"))
            phase: Phase = "decided" if data.get("changes") else back
            state = replace(state, approved=state.approved or approved, insisted=state.insisted or insisted)
            return replace(state, phase=phase, hold=None)
        case "decided" if "bound" not in data:
            return replace(state, phase="decided", hold=None, approved=False, insisted=False, applied_at=None)
        case "decided" | "drift" if data.get("changes"):
            return replace(state, phase="decided") if state.phase == "applied" else state
        case "applied":
            return replace(state, phase="applied", applied_at=step.now) if state.phase == "decided" else state
        case "failed":
            given_back = data.get("effect") and state.phase != "decided"
            return state if given_back else replace(state, phase="failed", hold=None, approved=False)
        case "resolved":
            ended = tuple(data.get("resolved", ()))
            problems = tuple(replace(p, resolved=True) if p.id in ended else p for p in state.problems)
            return replace(state, problems=problems, phase="ended", outcome=state.outcome or "resolved", hold=None)
        case event if event in ENDINGS:
            return replace(state, phase="ended", outcome=event, hold=None)
        case _:
            return state


def _hold(state: Remediation, step: StepFile) -> Hold:
    """Return the hold; what was refused until now is where it would be if it had been readable at once."""
    since: Phase = "opened" if state.phase == "refused" else state.phase
    if state.phase == "held" and state.hold is not None:
        since = state.hold.since
    condition, reason, lifts = (str(step.data.get(key, "")) for key in ("condition", "reason", "lifts"))
    return Hold(condition, reason, lifts, since, step.number)


def _anew(state: Remediation) -> Remediation:
    """Return the state of a remediation that begins again; what it holds, and what is on its way, stays."""
    decided_at = state.decided_at if state.pending else None
    return replace(
        state, phase="opened", outcome=None, hold=None, offence="", index=0, approved=False, insisted=False,
        decided_at=decided_at, applied_at=None,
    )  # fmt: skip
