"""`decide(snapshot, facts, now)`: the whole engine's mind, pure and total.

It goes over the services it is asked about and always makes the first step that there is to make; every step is folded
in, and then it looks anew. So a step depends on nothing but what the branch holds before it and the facts that it
records: asked again with just these, `decide` gives the same step, byte for byte. That makes a branch replayable. What
it lacks it names as wants, and is asked again with the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.decide.archiving import archive_turn
from reconciler.decide.draft import Draft
from reconciler.decide.precedence import in_turn
from reconciler.decide.snapshot import Snapshot
from reconciler.decide.turns import service_turns, stage_turns
from reconciler.decide.waiting import woken_by_steps
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.step import Step
from reconciler.model.targets import Fact, Want


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
    stage_turns(draft)
    waiting = in_turn(draft, services)
    if not waiting and not draft.steps:
        draft.first(archive_turn, (draft,))
    while waiting:
        made = len(draft.steps)
        for service in waiting:
            service_turns(draft, service)
        # What one service lets go, another may be waiting for.
        again = waiting if len(draft.steps) > made else ()
        waiting = tuple(service for service in again if woken_by_steps(draft.view(service), draft.stage))
    return Decision(tuple(draft.steps), frozenset(draft.wants), draft.dues)
