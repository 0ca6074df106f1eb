"""What is looked at about a stage and about a service, and in which order: the first with something to do makes a step.

The order is the rules': replaying one step goes through the very same turns as deciding about a whole stage.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from reconciler.decide.bounds import bounds_turn
from reconciler.decide.claims import Dropping, fields_of, settle
from reconciler.decide.commands import commands_turn, stage_commands_turn
from reconciler.decide.draft import BRANCH, Draft, Note, titled
from reconciler.decide.drift import drift_turn
from reconciler.decide.foreign import foreign_turn, stage_foreign_turn
from reconciler.decide.policy import effective
from reconciler.decide.problems import problems_turn
from reconciler.decide.progress import progress_turn
from reconciler.decide.remediation import Remediation
from reconciler.decide.resolution import how_orphaned
from reconciler.decide.snapshot import ServiceView
from reconciler.model.errors import BugError
from reconciler.model.names import ServicePath

_STEPS: Final = 16
"""Steps for each file and remediation of a service; a tick that makes more has two turns that undo each other."""


def stage_turns(draft: Draft) -> None:
    """Make every step that there is to make of no service: the branch was rewritten, files, commands."""
    rewritten = draft.stage.rewritten
    if rewritten is not None:
        draft.record(BRANCH, {"before": rewritten.before, "sequence": rewritten.sequence})
        told = f"The branch no longer contains {rewritten.before}; steps up to {rewritten.sequence} were seen."
        data = {"before": rewritten.before, "seen": rewritten.sequence}
        draft.add_to_stage(Note("rewritten", "the branch was rewritten", told, data), sequence=rewritten.sequence + 1)
    while draft.first(stage_foreign_turn, (draft,)):
        continue
    while stage_commands_turn(draft):
        continue


def service_turns(draft: Draft, service: ServicePath) -> None:
    """Make every step that there is to make of a service. Raises BugError where there is no end of them."""
    draft.about = service
    draft.dues.pop(service, None)
    view = draft.view(service)
    things = len(view.problems) + len(view.shadowed) + len(view.commands) + len(view.remediations) + len(view.foreign)
    for _ in range(_STEPS * (things + 1)):
        if not _one_turn(draft, service):
            return
    raise BugError(f"{service}: no end of steps; the last was {draft.steps[-1].path}")


def _orphaned_turn(draft: Draft, service: ServicePath) -> bool:
    """End the remediations of a service whose directory is gone."""
    view = draft.view(service)
    return not view.exists and draft.first(partial(_orphaned, draft, view), view.remediations.values())


def _orphaned(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    if remediation.phase == "refused" or (remediation.ended and not fields_of(view, remediation.id)):
        return False
    bounds = effective(draft.stage, view).bounds
    how = how_orphaned(draft, view, remediation)
    settled = settle(view.desired, Dropping(remediation.id, how, bounds, draft.sequence + 1))
    body = "\n".join([f"{view.path}/ is no longer a service on this stage.", *settled.told])
    note = Note("orphaned", titled("orphaned", remediation.about), body, settled.data)
    return draft.add(view, remediation.id, note, desired=settled.desired)


def _one_turn(draft: Draft, service: ServicePath) -> bool:
    turns: tuple[Callable[[Draft, ServicePath], bool], ...] = (
        foreign_turn, _orphaned_turn, commands_turn, problems_turn, bounds_turn, drift_turn, progress_turn,
    )  # fmt: skip
    for turn in turns:  # noqa: SIM110  (a replay does little else)
        if turn(draft, service):
            return True
    return False
