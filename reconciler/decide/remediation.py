"""A remediation's state and the phases that it goes through; `folding` makes it of the steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from reconciler.model.copies import quick
from reconciler.model.instant import Instant
from reconciler.model.names import ProblemId, RemediationId
from reconciler.model.step import Event
from reconciler.model.targets import Field, FieldValue, Target

Phase: TypeAlias = Literal["opened", "held", "refused", "decided", "applied", "evaluated", "failed", "ended"]
"""``opened``: matched, the action in hand is not decided · ``held``: waits for a condition · ``refused``: a file must
be mended first · ``decided``: the action in hand is pushed, not yet seen in the world · ``applied``: took effect, the
evaluation is waited for · ``evaluated``: it said how this ends, which is not committed yet · ``failed``: the last
action did not help, which is not escalated yet · ``ended``: nothing further is done."""

ENDINGS: frozenset[Event] = frozenset(
    {"remediated", "resolved", "unverified", "escalated", "unmatched", "aborted", "reverted", "orphaned"}
)


@quick
@dataclass(frozen=True)
class Attached:
    """A problem of the remediation. ``occurrence`` counts from 1; ``resolved``: a step has recorded its end.

    ``file`` is its file when it was taken up (`path@blob`).
    """

    id: ProblemId
    occurrence: int
    title: str
    resolved: bool = False
    file: str = ""


@dataclass(frozen=True)
class Approvable:
    """An effect that a person is asked to approve, or has approved.

    ``effect`` is its name, empty where it was not recorded: then none counts. ``expires`` None: it counts at any time.
    ``told`` is the proposal as its step tells it.
    """

    effect: str = ""
    expires: Instant | None = None
    told: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def covers(self, effect: str) -> bool:
        """Whether this is the effect that it is about."""
        return self.effect == effect != ""


@dataclass(frozen=True)
class Hold:
    """Why nothing is done and what lifts it; in which phase it came, and as which step.

    ``target`` is what somebody else changed although it is held, empty where that is not the reason. ``proposal`` is
    what a person is asked to approve.
    """

    condition: str
    reason: str
    lifts: str
    since: Phase
    number: int
    target: str = ""
    proposal: Approvable | None = None

    @property
    def is_ours_changed(self) -> bool:
        """Whether somebody changed what we hold: then nobody touches it until a person has said what shall be."""
        return bool(self.target)


@quick
@dataclass(frozen=True)
class Waiting:
    """The wait for an action's effect on the objectives: when they are evaluated, and over which span of time."""

    until: Instant
    start: Instant
    end: Instant


@dataclass(frozen=True)
class OnceDue:
    """Something to be done once by the action in hand; ``sequence`` is that of the deciding step."""

    target: Target
    field: Field
    value: FieldValue
    sequence: int
    payload: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@quick
@dataclass(frozen=True)
class Remediation:
    """What is done about the problems of one entry on one service.

    ``number`` is the newest step's. ``entry``, ``actions`` (plain data), ``pinned`` (files, `path@blob`) and ``labels``
    are pinned when opened; ``index`` is the action in hand, counted from 0, and ``tries`` how often it was done already
    without helping. ``reported`` is when its first problem came, ``since`` from when on
    the action in hand could have been decided, ``ended_at`` when it ended. ``offence`` is the
    file and blob that a `refused` names. ``pending``: something that a step of its changed (decided, set again, given
    back) is not yet seen in the world; ``pending_from`` is the first such step's sequence, ``decided_at`` when the
    newest was made.
    ``once`` is what the action in hand does once and is not yet seen to be done. ``waiting`` is for the next
    evaluation, ``length`` how many seconds there were from the step that began that wait to its first look, ``passed``
    and ``unmeasured`` count those of the action in hand that passed, and that had no data;
    ``then`` is what the newest one said that follows. ``result`` is the newest evaluation's, ``healed``: it passed.
    ``blank`` is why that had no values, where it had none.
    ``reason`` is why it ended as it did, or why the newest action failed, where its step says so.
    ``approved``: what a person has approved of the action in hand; ``insisted``: in spite of a mark of lost history;
    ``asked``: in spite of what was done about its entry lately, and of its age. ``begun``: since it was opened, or
    opened again, an action of it was decided. ``postponed`` counts how often the wait of the action in hand began anew.
    ``decisions`` are the numbers and moments of its actions, undone or not, ``repairs`` the moments of those of drift.
    ``answered`` are the command files that its steps name. ``opened_by`` and ``sequence`` are the first and the newest
    step's sequence, ``moved_at`` is when the newest was made.
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
    pending_from: int = 0
    once: tuple[OnceDue, ...] = ()
    waiting: Waiting | None = None
    length: int = 0
    passed: int = 0
    unmeasured: int = 0
    then: str = ""
    result: str = ""
    healed: bool = False
    blank: str = ""
    reason: str = ""
    tries: int = 0
    pinned: tuple[str, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    reported: Instant | None = None
    since: Instant | None = None
    ended_at: Instant | None = None
    approved: Approvable | None = None
    insisted: bool = False
    asked: bool = False
    begun: bool = False
    postponed: int = 0
    decided_at: Instant | None = None
    applied_at: Instant | None = None
    decisions: tuple[tuple[int, Instant], ...] = ()
    repairs: tuple[Instant, ...] = ()
    answered: frozenset[str] = frozenset()
    opened_by: int = 0
    sequence: int = 0
    moved_at: Instant = Instant(0)

    def awaits(self, sequence: int) -> bool:
        """Whether what the step with this sequence changed may not have been seen in the world yet."""
        return self.pending and sequence >= self.pending_from

    @property
    def about(self) -> str:
        """What people know it by: the title of its first problem, else its entry, else that problem's id."""
        return self.title or self.entry or next((problem.id for problem in self.problems), self.id)

    @property
    def has_more(self) -> bool:
        """Whether there is an action after the one in hand."""
        return self.index + 1 < len(self.actions)

    @property
    def ended(self) -> bool:
        """Whether nothing further will be done about its problems."""
        return self.phase == "ended"

    @property
    def stands_at(self) -> Phase:
        """The phase, and for one that is held, that in which it was."""
        return self.hold.since if self.hold is not None and self.phase == "held" else self.phase

    @property
    def taking_effect(self) -> bool:
        """Whether the action in hand is decided and was never yet seen in the world."""
        return self.pending and self.stands_at == "decided" and self.applied_at is None

    @property
    def is_judged(self) -> bool:
        """Whether its action took effect, so that the objectives say how it ends, at the planned time.

        Not where somebody changed what we hold: what would be measured then is not what was done.
        """
        mended = self.hold is None or not self.hold.is_ours_changed
        effective = self.stands_at in ("applied", "decided") and self.applied_at is not None
        return mended and (effective or self.stands_at == "evaluated")

    @property
    def acting(self) -> bool:
        """Whether it has decided something and has not ended: what the budget of services at once counts."""
        return not self.ended and self.decided_at is not None
