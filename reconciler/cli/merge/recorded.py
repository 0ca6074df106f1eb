"""Facts where no server is asked: what steps recorded last about the same thing, and nothing else.

A fact of this kind is as old as its step, which is told beside what follows from it. What was changed since by a
decision of ours, and what could not be seen then, is not known now either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.daemon.seen import as_seen
from reconciler.decide.draft import APART
from reconciler.model.errors import UserError
from reconciler.model.facts import fact_from_data
from reconciler.model.instant import Instant, format_instant
from reconciler.model.measures import MeasuresFact, WantMeasures
from reconciler.model.names import ServicePath, StageName
from reconciler.model.step import StepFile, load_step
from reconciler.model.targets import CallFact, Fact, NoFact, Target, Want
from reconciler.repo.layout import ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import FILE
from reconciler.repo.stage import StageRepo


@dataclass(frozen=True)
class _Record:
    """A fact as a step has it."""

    fact: Fact
    sequence: int
    when: Instant


@dataclass
class RecordedFacts:
    """One stage's, as its branch is. ``used`` tells of each want that was answered when it was seen, by which step."""

    mirror: Mirror
    repo: StageRepo
    stage: StageName
    own: str
    used: dict[str, str] = field(default_factory=dict)
    _by_name: dict[str, _Record] = field(default_factory=dict)
    _by_target: dict[tuple[str, Target], _Record] = field(default_factory=dict)
    _changed: dict[Target, int] = field(default_factory=dict)
    _read: set[ServicePath] = field(default_factory=set)

    def observe(self, wants: Iterable[Want], services: Iterable[ServicePath]) -> Mapping[Want, Fact]:
        """Return the newest recorded fact of each want, as one of these services' steps has it."""
        for service in services:
            self._take_in(service)
        came: dict[Want, Fact] = {}
        for want in wants:
            record = self._newest(want)
            if record is not None:
                came[want] = record.fact
                self.used[str(want)] = f"{format_instant(record.when)} (step {record.sequence})"
        return as_seen(came, self.repo, self.own)

    def _newest(self, want: Want) -> _Record | None:
        named = self._by_name.get(str(want))
        if named is None or isinstance(want, WantMeasures):
            return _measured(want, named)
        target = getattr(named.fact, "target", None)
        if target is None:
            return None
        record = self._by_target[named.fact.kind, target]
        # A step's facts are from before it: the one that changes the target saw it as it was.
        return record if record.sequence > self._changed.get(target, 0) else None

    def _take_in(self, service: ServicePath) -> None:
        if service in self._read:
            return
        self._read.add(service)
        for step in self._steps(f"{ops_prefix(self.stage)}/{service}/remediations"):
            for name, data in step.data.get("facts", {}).items():
                fact = None if name in APART else _understood(data)
                if fact is not None:
                    self._keep(name, _Record(fact, step.sequence, step.now))
        for (target, _), held in self.repo.view(service).desired.items():
            for changed in {target, held.through or target}:
                self._changed[changed] = max(self._changed.get(changed, 0), held.sequence)

    def _keep(self, name: str, record: _Record) -> None:
        if name not in self._by_name or self._by_name[name].sequence < record.sequence:
            self._by_name[name] = record
        if (target := getattr(record.fact, "target", None)) is not None:
            key = (record.fact.kind, target)
            if key not in self._by_target or self._by_target[key].sequence < record.sequence:
                self._by_target[key] = record

    def _steps(self, folder: str) -> Iterator[StepFile]:
        tips = self.repo.tips
        entries = list(self.mirror.entries(tips.ops, folder)) if tips is not None else []
        files = [each for each in entries if each.path is not None and each.mode == FILE]
        blobs = self.mirror.blobs([each.blob for each in files])
        for entry in files:
            content = blobs[entry.blob]
            if isinstance(content, bytes) and b"\nfacts:" in content:
                try:
                    yield load_step(content, str(entry.path))
                except UserError:
                    continue  # somebody wrote into a machine's file; what it says was not seen by us


def _measured(want: Want, record: _Record | None) -> _Record | None:
    """Return what was measured of just these queries over just this window, which is as true now as it was then."""
    if record is None or not isinstance(want, WantMeasures) or not isinstance(record.fact, MeasuresFact):
        return None
    found = {each.sli: each for each in record.fact.measures}
    if not all(query.sli in found for query in want.queries):
        return None
    return _Record(MeasuresFact(tuple(found[query.sli] for query in want.queries)), record.sequence, record.when)


def _understood(data: Any) -> Fact | None:
    try:
        fact = fact_from_data(data)
    except (KeyError, TypeError, ValueError):
        return None
    unseen = isinstance(fact, NoFact) or (isinstance(fact, CallFact) and not fact.answered)
    return None if unseen else fact
