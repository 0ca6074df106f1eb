"""A step decided once more, from what it records: how anybody can check that a branch is what the rules make of it.

A step's file holds every fact that led to it, and what else was seen and is not in Git: a clock in doubt, a rewritten
branch. Together with the branch as it was before the step that is all of `decide`'s input (DESIGN.md, law 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.decide.draft import BRANCH, CLOCK
from reconciler.decide.engine import decide
from reconciler.decide.snapshot import Rewritten, Snapshot
from reconciler.model.names import CommitId, RemediationId, ServicePath
from reconciler.model.step import Step, StepFile
from reconciler.model.targets import Want, WantFlag, WantWorkload, fact_from_data


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
    facts = {want_of_name(name): fact_from_data(fact) for name, fact in told.items() if name not in (BRANCH, CLOCK)}
    services = () if service is None else (service,)
    decision = decide(before, facts, recorded.now, services, only=remediation, timers=CLOCK not in told)
    return decision.steps[0] if decision.steps else None


def want_of_name(name: str) -> Want:
    """Return the want under whose name a fact is recorded. Raises ValueError for a name that is none."""
    server, rest = name.split("/", 1)
    scope, kind, last = rest.rsplit("/", 2)
    if kind == "Flag":
        project, environment = scope.split("/", 1)
        return WantFlag(server, project, environment, last)
    return WantWorkload(server, scope, kind, tuple(last.split("|")))
