"""`decide(snapshot, facts, now)`: the whole engine's mind, pure and total.

It goes over the services it is asked about and always makes the first step that there is to make; every step is folded
in, and then it looks anew. So a step depends on nothing but what the branch holds before it and the facts that it
records: asked again with just these, `decide` gives the same step, byte for byte. That makes a branch replayable. What
it lacks it names as wants, and is asked again with the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from reconciler.decide.archiving import archive_turn
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
from reconciler.decide.snapshot import ServiceView, Snapshot
from reconciler.decide.waiting import woken_by_steps
from reconciler.model.errors import BugError
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.policy import StageConfig
from reconciler.model.step import Step
from reconciler.model.targets import Fact, Want

_STEPS = 16
"""Steps for each file and remediation of a service; a tick that makes more has two turns that undo each other."""


@dataclass(frozen=True)
class Decision:
    """Steps to commit in this order, wants that would let more be decided, and when time alone may bring more.

    ``dues`` has the next such moment of each service that has one; under the empty path, the stage's own.
    """

    steps: tuple[Step, ...]
    wants: frozenset[Want]
    dues: Mapping[ServicePath, Instant]

    @property
    def due(self) -> Instant | None:
        """The first of these moments."""
        return min(self.dues.values(), default=None)


def decide(
    snapshot: Snapshot, facts: Mapping[Want, Fact], now: Instant, services: Iterable[ServicePath],
    *, only: RemediationId | None = None, timers: bool = True,
) -> Decision:  # fmt: skip
    """Return the decision about ``services`` (others are not looked at); ``only`` restricts it to one remediation.

    Asked about no service, it is about the stage alone; then, where nothing else is to be done, what is over for good
    is archived.

    ``timers`` False: the clock is in doubt and nothing is decided because time went by (law 3).

    Raises BugError where the rules contradict themselves; every other trouble is a step.
    """
    draft = Draft(snapshot, facts, now, only=only, timers=timers)
    _stage_turns(draft)
    waiting = _oldest_first(draft, services)
    if not waiting and not draft.steps:
        draft.first(archive_turn, (draft,))
    while waiting:
        made = len(draft.steps)
        for service in waiting:
            _service(draft, service)
        # What one service lets go, another may be waiting for.
        again = waiting if len(draft.steps) > made else ()
        waiting = tuple(service for service in again if woken_by_steps(draft.view(service), draft.stage))
    return Decision(tuple(draft.steps), frozenset(draft.wants), draft.dues)


def _oldest_first(draft: Draft, services: Iterable[ServicePath]) -> tuple[ServicePath, ...]:
    """Return the services in the order in which they get what is limited for the stage: the oldest problem first."""
    limits = draft.stage.config.budgets if isinstance(draft.stage.config, StageConfig) else None
    if limits is None or (limits.services_at_once is None and limits.services_per_hour is None):
        return tuple(services)
    return tuple(sorted(services, key=lambda path: (_waits_since(draft, path), path)))


def _waits_since(draft: Draft, path: ServicePath) -> Instant:
    """Return when the oldest problem came about which nothing was done yet; now where there is none."""
    view = draft.view(path)
    known = {problem.id for each in view.remediations.values() for problem in each.problems}
    came = [draft.arrived(each.file) for each in view.problems.values() if each.id not in known]
    waiting = (each for each in view.remediations.values() if not each.ended and not each.decisions)
    return min([*came, *(each.reported for each in waiting if each.reported is not None)], default=draft.now)


def _stage_turns(draft: Draft) -> None:
    rewritten = draft.stage.rewritten
    if rewritten is not None:
        draft.record(BRANCH, {"before": rewritten.before, "sequence": rewritten.sequence})
        told = f"The branch no longer contains {rewritten.before}; steps up to {rewritten.sequence} were seen."
        data = {"before": rewritten.before, "seen": rewritten.sequence}
        draft.add_to_stage(Note("rewritten", "the branch was rewritten", told, data), sequence=rewritten.sequence + 1)
    while draft.first(lambda turn: turn(draft), (stage_foreign_turn,)):
        continue
    while stage_commands_turn(draft):
        continue


def _service(draft: Draft, service: ServicePath) -> None:
    draft.about = service
    draft.dues.pop(service, None)
    turns: tuple[Callable[[Draft, ServicePath], bool], ...] = (
        foreign_turn, _orphaned_turn, commands_turn, problems_turn, bounds_turn, drift_turn, progress_turn,
    )  # fmt: skip
    view = draft.view(service)
    things = len(view.problems) + len(view.shadowed) + len(view.commands) + len(view.remediations) + len(view.foreign)
    for _ in range(_STEPS * (things + 1)):
        if not any(turn(draft, service) for turn in turns):
            return
    raise BugError(f"{service}: no end of steps; the last was {draft.steps[-1].path}")


def _orphaned_turn(draft: Draft, service: ServicePath) -> bool:
    """End the remediations of a service whose directory is gone; what they did stays."""
    view = draft.view(service)
    return not view.exists and draft.first(partial(_orphaned, draft, view), view.remediations.values())


def _orphaned(draft: Draft, view: ServiceView, remediation: Remediation) -> bool:
    if remediation.phase == "refused" or (remediation.ended and not fields_of(view, remediation.id)):
        return False
    bounds = effective(draft.stage, view).bounds
    settled = settle(view.desired, Dropping(remediation.id, "keep", bounds, draft.sequence + 1))
    body = "\n".join([f"{view.path}/ is no longer a service on this stage.", *settled.told])
    note = Note("orphaned", titled("orphaned", remediation.about), body)
    return draft.add(view, remediation.id, note, desired=settled.desired)
