"""`decide(snapshot, facts, now)`: the whole engine's mind, pure and total.

It goes over the services it is asked about, turn by turn, until nothing is left to say; every step is folded in before
the next is made. What it lacks it names as wants, and is asked again with the facts. The same snapshot, facts and
moment give the same steps, byte for byte: that is what makes a branch replayable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reconciler.decide.claims import Dropping, settle
from reconciler.decide.commands import commands_turn, stage_commands_turn
from reconciler.decide.draft import Draft, Note, UnseenError
from reconciler.decide.drift import drift_turn
from reconciler.decide.foreign import foreign_turn, stage_foreign_turn
from reconciler.decide.policy import effective
from reconciler.decide.problems import problems_turn
from reconciler.decide.progress import bounds_turn, progress_turn
from reconciler.decide.snapshot import Snapshot
from reconciler.model.errors import BugError
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.step import Step
from reconciler.model.targets import Fact, Want

_PASSES = 64
"""Far more than any remediation needs in one tick; reaching it means that two turns undo each other."""


@dataclass(frozen=True)
class Decision:
    """Steps to commit in this order, wants that would let more be decided, and when time alone may bring more."""

    steps: tuple[Step, ...]
    wants: frozenset[Want]
    due: Instant | None


def decide(
    snapshot: Snapshot, facts: Mapping[Want, Fact], now: Instant, services: Iterable[ServicePath],
    *, only: RemediationId | None = None, timers: bool = True,
) -> Decision:  # fmt: skip
    """Return the decision about ``services`` (others are not looked at); ``only`` restricts it to one remediation.

    ``timers`` False: the clock is in doubt and nothing is decided because time went by (law 3).

    Raises BugError where the rules contradict themselves; every other trouble is a step.
    """
    draft = Draft(snapshot, facts, now, only=only, timers=timers)
    _stage_turns(draft)
    for service in services:
        _service(draft, service)
    _note_lost_history(draft)
    return Decision(tuple(draft.steps), frozenset(draft.wants), draft.due)


def _stage_turns(draft: Draft) -> None:
    rewritten = draft.stage.rewritten
    if rewritten is not None:
        draft.begin()
        told = f"The branch no longer contains {rewritten.before}; steps up to {rewritten.sequence} were seen."
        data = {"before": rewritten.before, "seen": rewritten.sequence}
        draft.add_to_stage(Note("rewritten", "the branch was rewritten", told, data), sequence=rewritten.sequence + 1)
    stage_foreign_turn(draft)
    stage_commands_turn(draft)


def _note_lost_history(draft: Draft) -> None:
    """Go on above the highest sequence that any target carries, so that what we decide from now on counts there."""
    if draft.beyond < draft.sequence or not draft.beyond:
        return
    draft.begin()
    told = f"A target carries step {draft.beyond}, which the branch does not have: it was rewritten."
    note = Note("rewritten", "the branch was rewritten", told, {"before": "", "seen": draft.beyond})
    draft.add_to_stage(note, sequence=draft.beyond + 1)


def _service(draft: Draft, service: ServicePath) -> None:
    turns: tuple[Callable[[Draft, ServicePath], bool], ...] = (
        foreign_turn, _orphaned_turn, commands_turn, problems_turn, bounds_turn,
        drift_turn, progress_turn,
    )  # fmt: skip
    for _ in range(_PASSES):
        made = False
        for turn in turns:
            try:
                made |= turn(draft, service)
            except UnseenError:
                continue
        if not made:
            return
    raise BugError(f"{service}: no end of steps; the last was {draft.steps[-1].path}")


def _orphaned_turn(draft: Draft, service: ServicePath) -> bool:
    """End the remediations of a service whose directory is gone; what they did stays."""
    view = draft.view(service)
    if view.exists:
        return False
    for remediation in view.remediations.values():
        if remediation.ended or remediation.phase == "refused":
            continue
        draft.begin()
        bounds = effective(draft.stage, view).bounds
        settled = settle(view.desired, Dropping(remediation.id, "keep", bounds, draft.sequence + 1))
        body = "\n".join([f"{service}/ is no longer a service on this stage.", *settled.told])
        note = Note("orphaned", f"orphaned ({remediation.title})", body)
        return draft.add(view, remediation.id, note, desired=settled.desired)
    return False
