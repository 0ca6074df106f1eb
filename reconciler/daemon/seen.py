"""What servers answered, as `decide` takes it: with what only the branch's history knows, and under every name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconciler.model.measures import MeasuresFact
from reconciler.model.targets import CallFact, Fact, Mark, NoFact, Want, WantWorkload, WorkloadFact
from reconciler.repo.stage import StageRepo


def as_seen(came: Mapping[Want, Fact], repo: StageRepo, own: str) -> dict[Want, Fact]:
    """Return facts with marks of steps that the branch has lost told as such. ``own`` is ``project/stage/``."""
    marks = {mark for fact in came.values() for mark in _marks(fact) if f"{mark.stage}/" == own}
    repo.expect_marks((mark.commit, mark.sequence) for mark in marks)
    lost = frozenset(mark for mark in marks if not repo.has_step(mark.commit, mark.sequence))
    told = {want: _with_history(fact, lost) for want, fact in came.items()} if lost else dict(came)
    return {**told, **_by_exact_name(told)}


def _marks(fact: Fact) -> Iterator[Mark]:
    """Yield the marks that a fact carries."""
    if isinstance(fact, NoFact | CallFact | MeasuresFact):
        return
    if fact.mark is not None:
        yield fact.mark
    if isinstance(fact, WorkloadFact) and fact.autoscaler is not None and fact.autoscaler.mark is not None:
        yield fact.autoscaler.mark


def _with_history(fact: Fact, lost: AbstractSet[Mark]) -> Fact:
    """Tell of a target's marks that the branch has lost the steps that wrote them."""
    if isinstance(fact, NoFact | CallFact | MeasuresFact):
        return fact
    if isinstance(fact, WorkloadFact) and fact.autoscaler is not None:
        scaler = fact.autoscaler
        fact = replace(fact, autoscaler=replace(scaler, mark=_told(scaler.mark, lost)))
    return replace(fact, mark=_told(fact.mark, lost))


def _told(mark: Mark | None, lost: AbstractSet[Mark]) -> Mark | None:
    return replace(mark, lost=True) if mark is not None and mark in lost else mark


def _by_exact_name(facts: Mapping[Want, Fact]) -> dict[Want, Fact]:
    """Return what was found under one of several names as the answer for just that name too."""
    return {
        WantWorkload(want.server, want.namespace, want.kind, (fact.target.name,)): fact
        for want, fact in facts.items()
        if isinstance(want, WantWorkload) and isinstance(fact, WorkloadFact) and len(want.names) > 1
    }
