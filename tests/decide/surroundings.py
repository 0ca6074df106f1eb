"""The world that is acted upon, in memory: workloads, flags, and who cannot be seen just now."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.decide.claims import live_value, mark_of
from reconciler.decide.effects import Due
from reconciler.model.measures import Measure, MeasuresFact, WantMeasures
from reconciler.model.targets import (
    ENDPOINTS,
    Autoscaler,
    CallFact,
    Fact,
    FlagFact,
    Mark,
    NoFact,
    Target,
    TemplateFact,
    Want,
    WantCall,
    WantFlag,
    WantRoute,
    WantTemplate,
    WantWorkload,
    WorkloadFact,
)

NAMESPACE = "sockshop-production"


@dataclass
class Workload:
    """A workload of the fake cluster; ``slow``: a rollout stays unready until `settle` is called."""

    replicas: int = 1
    slow: bool = False
    settled: bool = True
    trouble: str = ""
    mark: Mark | None = None
    manager: str = "helm"
    autoscaler: Autoscaler | None = None
    restarted_at: str = ""
    revision: str = "r2"
    previous: str = "r1"


@dataclass
class Flag:
    """A flag of the fake flag server."""

    enabled: bool = False
    caveat: str = ""
    mark: Mark | None = None
    manager: str = ""


@dataclass
class Surroundings:
    """The world that is acted upon: workloads, flags, and who cannot be seen. Writes are counted."""

    workloads: dict[str, Workload] = field(default_factory=lambda: {"carts-primary": Workload()})
    flags: dict[str, Flag] = field(default_factory=dict)
    troubles: dict[str, NoFact] = field(default_factory=dict)
    near: dict[str, tuple[str, ...]] = field(default_factory=dict)
    writes: list[tuple[str, object]] = field(default_factory=list)
    calls: dict[str, Mapping[str, object]] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    asked: list[WantMeasures] = field(default_factory=list)

    def observe(self, want: Want) -> Fact:
        if isinstance(want, WantFlag):
            flag = self.flags.get(want.flag)
            if want.server in self.troubles or want.flag in self.troubles:
                return self.troubles.get(want.flag) or self.troubles[want.server]
            if flag is None:
                return NoFact("missing", f"there is no flag {want.flag}", near=self.near.get(want.flag, ()))
            target = Target(want.server, f"{want.project}/{want.environment}", "Flag", want.flag)
            return FlagFact(target, flag.enabled, flag.caveat, flag.mark, flag.manager)
        if isinstance(want, WantMeasures):
            return self._measured(want)
        if isinstance(want, WantCall):
            called = Target(ENDPOINTS, "", "Endpoint", want.endpoint)
            return self.troubles.get(want.endpoint) or CallFact(called, want.key, want.key in self.calls)
        if want.server in self.troubles:
            return self.troubles[want.server]
        if isinstance(want, WantRoute):
            return NoFact("missing", f"no route {' or '.join(want.names)}")
        for name in want.names:
            if name in self.troubles:
                return self.troubles[name]
            if (found := self.workloads.get(name)) is not None and want.namespace == NAMESPACE:
                target = Target(want.server, want.namespace, want.kind, name)
                return self._template(target, found) if isinstance(want, WantTemplate) else self._seen(target, found)
        return NoFact("missing", f"no {want.kind} {' or '.join(want.names)}", near=self.near.get(want.names[-1], ()))

    @staticmethod
    def _template(target: Target, found: Workload) -> TemplateFact:
        return TemplateFact(
            target, found.restarted_at, found.revision, found.previous, found.settled, found.trouble, found.mark
        )

    def _measured(self, want: WantMeasures) -> Fact:
        """Answer with the values that were set, for everything that is asked; what has none was not measured."""
        self.asked.append(want)
        if "evidence" in self.troubles:
            return self.troubles["evidence"]
        values = {query.sli: self.values.get(query.sli) for query in want.queries}
        return MeasuresFact(
            tuple(Measure(sli, value, "" if value is not None else "no data") for sli, value in values.items())
        )

    @staticmethod
    def _seen(target: Target, found: Workload) -> WorkloadFact:
        ready = found.replicas if found.settled else 0
        return WorkloadFact(
            target, found.replicas, ready, found.settled, found.trouble, found.mark, found.manager, found.autoscaler
        )

    def apply(self, due: Due, commit: str) -> Fact:
        """Write as the target servers do: not what holds already, not over another owner's or a newer mark."""
        seen = self.observe(due.want)
        live = live_value(due.key, seen)
        mark = mark_of(due.key, seen)
        ours = Mark(due.owner, due.sequence, commit)
        if not due.stands(live) or (mark is not None and not mark.yields_to(ours)):
            return seen
        self._write(due, ours, changed=live != due.value)
        return self.observe(due.want)

    def _write(self, due: Due, mark: Mark, *, changed: bool) -> None:
        target, value = due.key[0], due.value
        if changed:
            self.writes.append((target.name, value))
        if due.key[1] == "call":
            self.calls[str(value)] = due.payload
        elif isinstance(due.want, WantTemplate):
            self._roll(self.workloads[target.name], due, mark)
        elif target.kind == "Flag":
            self.flags[target.name] = dataclasses.replace(
                self.flags[target.name], enabled=bool(value), mark=mark, manager="reconciler"
            )
        elif due.through:
            assert isinstance(due.want, WantWorkload)
            workload = self.workloads[due.want.names[0]]
            assert workload.autoscaler is not None
            workload.autoscaler = dataclasses.replace(
                workload.autoscaler, minimum=int(value), mark=mark, manager="reconciler"
            )
            workload.replicas = max(workload.replicas, int(value))
        else:
            workload = self.workloads[target.name]
            workload.mark, workload.manager = mark, "reconciler"
            if changed:
                workload.replicas, workload.settled = int(value), not workload.slow

    @staticmethod
    def _roll(workload: Workload, due: Due, mark: Mark) -> None:
        workload.mark, workload.settled = mark, not workload.slow
        if due.key[1] == "restartedAt":
            workload.restarted_at = str(due.value)
        else:
            workload.revision, workload.previous = str(due.value), workload.revision


def by_exact_name(facts: Mapping[Want, Fact]) -> dict[Want, Fact]:
    """Return what was found under one of several names as the answer for just that name too, as the daemon does."""
    return {
        dataclasses.replace(want, names=(fact.target.name,)): fact
        for want, fact in facts.items()
        if isinstance(want, WantWorkload) and isinstance(fact, WorkloadFact)
    }
