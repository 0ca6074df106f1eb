"""The stage as it was at each recorded step: every remediation folded so far, and what the guards look at.

Only what is recent is kept: guards look back an hour, a cooldown or a loop guard, never further.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from reconciler.decide.evaluating import REMEMBERED
from reconciler.decide.evaluation.measured import Earlier
from reconciler.decide.folding import advance
from reconciler.decide.policy import HOUR
from reconciler.decide.remediation import Remediation
from reconciler.decide.whatif.recorded import earlier_then
from reconciler.decide.whatif.side import Around
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.step import StepFile

_CROWD = 32
"""Remediations of a service that are kept without looking which of them are old."""


class Ledger:
    """Follows the steps of a stage in the order of their sequence. ``horizon`` is a service's, in seconds."""

    def __init__(self, horizon: Callable[[ServicePath], int]) -> None:
        self._horizon = horizon
        self._remediations: dict[ServicePath, dict[RemediationId, Remediation]] = {}
        self._earlier: dict[ServicePath, deque[Earlier]] = {}
        self._acting: dict[ServicePath, set[RemediationId]] = {}
        self._acted: OrderedDict[ServicePath, tuple[Instant, ...]] = OrderedDict()

    def state(self, service: ServicePath, remediation: RemediationId) -> Remediation:
        """Return a remediation as its steps so far leave it."""
        known = self._remediations.get(service, {}).get(remediation)
        return known if known is not None else Remediation(remediation)

    def earlier(self, service: ServicePath) -> deque[Earlier]:
        """Return the evaluations of a service so far that later ones compare themselves with, newest first."""
        return self._earlier.setdefault(service, deque(maxlen=REMEMBERED))

    def around(self, service: ServicePath, now: Instant) -> Around:
        """Return what else goes on at a moment."""
        while self._acted and next(iter(self._acted.values()))[0] <= now - HOUR:
            self._acted.popitem(last=False)
        return Around(self._remediations.get(service, {}), frozenset(self._acting), self._acted)

    def take(self, service: ServicePath, remediation: RemediationId, step: StepFile) -> Remediation:
        """Fold one step in and return the state after it."""
        state = advance(self.state(service, remediation), step)
        known = self._remediations.setdefault(service, {})
        known.pop(remediation, None)
        known[remediation] = state
        if len(known) > _CROWD:
            self._forget(service, known, step.now)
        self._count(service, state, step)
        if step.event == "evaluated" and (found := earlier_then(step, remediation)) is not None:
            self.earlier(service).appendleft(found)
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

    def _forget(self, service: ServicePath, known: dict[RemediationId, Remediation], now: Instant) -> None:
        oldest = now - max(HOUR, self._horizon(service))
        for name, each in list(known.items()):
            last = max((moment for _, moment in each.decisions), default=each.ended_at or now)
            if each.ended and each.ended_at is not None and max(each.ended_at, last) < oldest:
                del known[name]
