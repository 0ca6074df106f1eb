"""What servers answered, as `decide` takes it: with what only the branch's history knows, and under every name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.model.measures import MeasuresFact
from reconciler.model.targets import CallFact, Fact, Mark, NoFact, Want, WantWorkload, WorkloadFact
from reconciler.repo.stage import StageRepo


def as_seen(came: Mapping[Want, Fact], repo: StageRepo, own: str) -> dict[Want, Fact]:
    """Return facts with marks of steps that the branch has lost told as such. ``own`` is ``project/stage/``."""
    marks = {(mark.commit, mark.sequence) for fact in came.values() for mark in _marks(fact) if _is_own(mark, own)}
    repo.expect_marks(marks)
    told = {want: _with_history(fact, repo, own) for want, fact in came.items()}
    return {**told, **_by_exact_name(told)}


def _marks(fact: Fact) -> Iterator[Mark]:
    """Yield the marks that a fact carries."""
    if isinstance(fact, NoFact | CallFact | MeasuresFact):
        return
    if fact.mark is not None:
        yield fact.mark
    if isinstance(fact, WorkloadFact) and fact.autoscaler is not None and fact.autoscaler.mark is not None:
        yield fact.autoscaler.mark


def _is_own(mark: Mark, own: str) -> bool:
    return f"{mark.stage}/" == own


def _with_history(fact: Fact, repo: StageRepo, own: str) -> Fact:
    """Add to a target's mark whether the branch has the step that wrote it."""
    if isinstance(fact, NoFact | CallFact | MeasuresFact):
        return fact
    if isinstance(fact, WorkloadFact) and fact.autoscaler is not None and _is_lost(fact.autoscaler.mark, repo, own):
        scaler = fact.autoscaler
        fact = replace(fact, autoscaler=replace(scaler, mark=scaler.mark and replace(scaler.mark, lost=True)))
    return replace(fact, mark=fact.mark and replace(fact.mark, lost=True)) if _is_lost(fact.mark, repo, own) else fact


def _is_lost(mark: Mark | None, repo: StageRepo, own: str) -> bool:
    return mark is not None and _is_own(mark, own) and not repo.has_step(mark.commit, mark.sequence)


def _by_exact_name(facts: Mapping[Want, Fact]) -> dict[Want, Fact]:
    """Return what was found under one of several names as the answer for just that name too."""
    return {
        WantWorkload(want.server, want.namespace, want.kind, (fact.target.name,)): fact
        for want, fact in facts.items()
        if isinstance(want, WantWorkload) and isinstance(fact, WorkloadFact) and len(want.names) > 1
    }
