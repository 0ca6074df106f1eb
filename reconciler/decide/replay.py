"""A step decided once more, from what it records: how anybody can check that a branch is what the rules make of it.

A step's file holds every fact that led to it, and what else was seen and is not in Git: a clock in doubt, a rewritten
branch. Together with the branch as it was before the step that is all of `decide`'s input (docs/laws.md, law 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.decide.draft import APART, BRANCH, CLOCK, CONFIG, SIGNATURES, Draft, Note
from reconciler.decide.engine import decide
from reconciler.decide.snapshot import CommandFile, FileRef, Rewritten, ServiceView, Snapshot
from reconciler.decide.turns import service_turns, stage_turns
from reconciler.model.copies import quick, replace
from reconciler.model.desired import Desired
from reconciler.model.facts import fact_from_data
from reconciler.model.instant import Instant
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
    return _first(before, service, remediation, recorded.now, recorded.data.get("facts", {}))


def _first(
    before: Snapshot, service: ServicePath | None, remediation: RemediationId | None, now: Instant,
    told: Mapping[str, Any],
) -> Step | None:  # fmt: skip
    before = _as_seen(before, told)
    services = () if service is None else (service,)
    decision = decide(before, _facts(told), now, services, only=remediation, timers=CLOCK not in told)
    return decision.steps[0] if decision.steps else None


@quick
@dataclass(frozen=True)
class Redone:
    """The first step that is decided, and its service after it; None where it is of no remediation."""

    step: Step
    view: ServiceView | None


def redo_first(
    before: Snapshot, service: ServicePath | None, remediation: RemediationId | None, now: Instant,
    told: Mapping[str, Any],
) -> Redone | None:  # fmt: skip
    """Return what `redo` does, with what it leads to, and stop there: a whole history is gone through so.

    ``told`` are the recorded facts. Raises as `redo` does.
    """
    if service is None:
        made = _first(before, None, remediation, now, told)
        return None if made is None else Redone(made, None)
    before = _as_seen(before, told)
    draft = _First(before, _facts(told), now, only=remediation, timers=CLOCK not in told)
    try:
        stage_turns(draft)
        service_turns(draft, service)
    except _MadeError:
        step = draft.steps[0]
        return Redone(step, None if step.remediation is None else draft.view(service))
    return None


class _MadeError(Exception):
    """There is a step; what would follow is the next one's business."""


class _First(Draft):
    """A draft that ends with its first step."""

    def add(
        self, view: ServiceView, remediation: RemediationId, note: Note, *,
        desired: Desired | None = None, files: Mapping[str, bytes | None] | None = None,
    ) -> bool:  # fmt: skip
        if super().add(view, remediation, note, desired=desired, files=files):
            raise _MadeError
        return False

    def add_to_stage(
        self, note: Note, *, about: FileRef | None = None, files: Mapping[str, bytes | None] | None = None,
        service: ServiceView | None = None, sequence: int | None = None,
    ) -> bool:  # fmt: skip
        if super().add_to_stage(note, about=about, files=files, service=service, sequence=sequence):
            raise _MadeError
        return False


def _as_seen(before: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    if APART.isdisjoint(told):
        return before
    stage = before.stage
    branch, unsigned = told.get(BRANCH), told.get(SIGNATURES)
    if branch is not None:
        stage = replace(stage, rewritten=Rewritten(CommitId(branch["before"]), int(branch["sequence"])))
    stage = replace(stage, held_config=told.get(CONFIG))
    before = replace(before, stage=stage)
    return before if unsigned is None else _judged(before, unsigned.get)


def unjudged(before: Snapshot) -> Snapshot:
    """Return a snapshot in which everybody's word counts, unless the step that is redone has recorded otherwise."""
    return _judged(before, lambda _path, _known: "")


def _judged(before: Snapshot, why: Callable[[str, str], str]) -> Snapshot:
    stage = replace(before.stage, commands=_commands(before.stage.commands, why))
    return replace(before, stage=stage, services=_Judged(before.services, why))


def _commands(commands: tuple[CommandFile, ...], why: Callable[[str, str], str]) -> tuple[CommandFile, ...]:
    return tuple(replace(each, unsigned=why(each.file.path, each.unsigned)) for each in commands)


class _Judged(Mapping[ServicePath, ServiceView]):
    """Services with other verdicts on people's words about them: ``why`` is told the path and what was said before."""

    def __init__(self, services: Mapping[ServicePath, ServiceView], why: Callable[[str, str], str]) -> None:
        self._services = services
        self._why = why

    def __getitem__(self, service: ServicePath) -> ServiceView:
        view = self._services[service]
        foreign = tuple(replace(each, unsigned=self._why(each.path, each.unsigned)) for each in view.foreign)
        return replace(view, commands=_commands(view.commands, self._why), foreign=foreign)

    def __iter__(self) -> Iterator[ServicePath]:
        return iter(self._services)

    def __len__(self) -> int:
        return len(self._services)


def _facts(told: Mapping[str, Any]) -> Mapping[Want, Fact]:
    return _ByName({name: fact_from_data(fact) for name, fact in told.items() if name not in APART})


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
