"""The stage as it was at each recorded step: every remediation folded so far, and what the guards look at.

Guards look back an hour, a cooldown or a loop guard, never further, so of what others did only the recent part is
given. Steps that change nothing that is asked here are not folded: there are ten thousands of them.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.decide.evaluating import REMEMBERED
from reconciler.decide.evaluation.measured import Earlier
from reconciler.decide.folding import advance
from reconciler.decide.policy import HOUR
from reconciler.decide.remediation import ENDINGS, Remediation
from reconciler.decide.whatif.recorded import earlier_then
from reconciler.decide.whatif.side import Around
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.step import StepFile

_GOES_ON = frozenset({"retry", "action", "none"})
"""What an evaluation says where the action in hand is another one after it."""


@dataclass(frozen=True)
class Looks:
    """What the guards of a service look at: how many seconds back, and whether at how remediations ended."""

    back: int
    at_ends: bool


class Ledger:
    """Follows the steps of a stage in the order of their sequence. ``looks`` tells of a service's guards."""

    def __init__(self, looks: Callable[[ServicePath], Looks]) -> None:
        self._looks = looks
        self._states: dict[tuple[ServicePath, RemediationId], Remediation] = {}
        self._recent: dict[ServicePath, OrderedDict[RemediationId, Remediation]] = {}
        self._earlier: dict[ServicePath, deque[Earlier]] = {}
        self._acting: dict[ServicePath, set[RemediationId]] = {}
        self._acted: OrderedDict[ServicePath, tuple[Instant, ...]] = OrderedDict()

    def state(self, service: ServicePath, remediation: RemediationId) -> Remediation:
        """Return a remediation as its steps so far leave it."""
        known = self._states.get((service, remediation))
        return known if known is not None else Remediation(remediation)

    def earlier(self, service: ServicePath) -> deque[Earlier]:
        """Return the evaluations of a service so far that later ones compare themselves with, newest first."""
        return self._earlier.setdefault(service, deque(maxlen=REMEMBERED))

    def around(self, service: ServicePath, now: Instant) -> Around:
        """Return what else goes on at a moment."""
        while self._acted and next(iter(self._acted.values()))[0] <= now - HOUR:
            self._acted.popitem(last=False)
        recent = self._recent.get(service)
        if not recent:
            return Around({}, frozenset(self._acting), self._acted)
        oldest = now - max(HOUR, self._looks(service).back)
        while recent and _last(next(iter(recent.values()))) < oldest:
            recent.popitem(last=False)
        return Around(recent, frozenset(self._acting), self._acted)

    def take(self, service: ServicePath, remediation: RemediationId, step: StepFile) -> Remediation:
        """Fold one step in and return the state after it."""
        if step.event == "evaluated":
            if (found := earlier_then(step, remediation)) is not None:
                self.earlier(service).appendleft(found)
            if step.data["next"] not in _GOES_ON:
                return self.state(service, remediation)
        if step.event in ENDINGS and not step.data and not self._looks(service).at_ends:
            return self.state(service, remediation)
        state = advance(self.state(service, remediation), step)
        self._states[service, remediation] = state
        if state.decisions:
            recent = self._recent.setdefault(service, OrderedDict())
            recent[remediation] = state
            recent.move_to_end(remediation)
        self._count(service, state, step)
        return state

    def _count(self, service: ServicePath, state: Remediation, step: StepFile) -> None:
        if state.acting:
            self._acting.setdefault(service, set()).add(state.id)
        elif service in self._acting:
            self._acting[service].discard(state.id)
            if not self._acting[service]:
                del self._acting[service]
        if state.decisions and state.decisions[-1][0] == step.number:
            self._acted.pop(service, None)
            self._acted[service] = (step.now,)


def _last(state: Remediation) -> Instant:
    decided = state.decisions[-1][1] if state.decisions else Instant(0)
    return max(decided, state.ended_at or Instant(0))
