"""A step decided once more, from what it records: how anybody can check that a branch is what the rules make of it.

A step's file holds every fact that led to it, and what else was seen and is not in Git: a clock in doubt, a rewritten
branch. Together with the branch as it was before the step that is all of `decide`'s input (DESIGN.md, law 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.decide.draft import BRANCH, CLOCK
from reconciler.decide.engine import decide
from reconciler.decide.snapshot import Rewritten, Snapshot
from reconciler.model.facts import fact_from_data
from reconciler.model.names import CommitId, RemediationId, ServicePath
from reconciler.model.step import Step, StepFile
from reconciler.model.targets import Fact, Want


def redo(
    before: Snapshot, service: ServicePath | None, remediation: RemediationId | None, recorded: StepFile
) -> Step | None:
    """Return the step that is decided on a snapshot with the facts of a recorded step; None where there is none.

    ``before`` is the stage as it was right before the step, with the tips that the step names; within one push, what
    others had changed stays foreign until one of its steps answers it. Raises KeyError, TypeError or ValueError where
    the recorded facts are none.
    """
    told: Mapping[str, Any] = recorded.data.get("facts", {})
    branch = told.get(BRANCH)
    if branch is not None:
        rewritten = Rewritten(CommitId(branch["before"]), int(branch["sequence"]))
        before = replace(before, stage=replace(before.stage, rewritten=rewritten))
    facts = _ByName({name: fact_from_data(fact) for name, fact in told.items() if name not in (BRANCH, CLOCK)})
    services = () if service is None else (service,)
    decision = decide(before, facts, recorded.now, services, only=remediation, timers=CLOCK not in told)
    return decision.steps[0] if decision.steps else None


class _ByName(Mapping[Want, Fact]):
    """Recorded facts, each found by the want whose text it was recorded under."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self._facts = facts

    def __getitem__(self, want: Want) -> Fact:
        return self._facts[str(want)]

    def __iter__(self) -> Iterator[Want]:
        raise TypeError("facts are looked up, never listed")

    def __len__(self) -> int:
        return len(self._facts)
