"""The world that is acted upon, in memory: workloads, flags, and who cannot be seen just now."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.decide.claims import live_value
from reconciler.decide.effects import Due
from reconciler.model.desired import Key
from reconciler.model.targets import (
    Autoscaler,
    Fact,
    FlagFact,
    Mark,
    NoFact,
    Target,
    Want,
    WantFlag,
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

    def observe(self, want: Want) -> Fact:
        if isinstance(want, WantFlag):
            flag = self.flags.get(want.flag)
            if want.server in self.troubles or want.flag in self.troubles:
                return self.troubles.get(want.flag) or self.troubles[want.server]
            if flag is None:
                return NoFact("missing", f"there is no flag {want.flag}", near=self.near.get(want.flag, ()))
            target = Target(want.server, f"{want.project}/{want.environment}", "Flag", want.flag)
            return FlagFact(target, flag.enabled, flag.caveat, flag.mark, flag.manager)
        if want.server in self.troubles:
            return self.troubles[want.server]
        for name in want.names:
            if name in self.troubles:
                return self.troubles[name]
            if (found := self.workloads.get(name)) is not None and want.namespace == NAMESPACE:
                return self._seen(Target(want.server, want.namespace, want.kind, name), found)
        return NoFact("missing", f"no {want.kind} {' or '.join(want.names)}", near=self.near.get(want.names[-1], ()))

    @staticmethod
    def _seen(target: Target, found: Workload) -> WorkloadFact:
        ready = found.replicas if found.settled else 0
        return WorkloadFact(
            target, found.replicas, ready, found.settled, found.trouble, found.mark, found.manager, found.autoscaler
        )

    def apply(self, due: Due, commit: str) -> Fact:
        """Write as the target servers do: not what holds already, not over another owner's or a newer mark."""
        seen = self.observe(due.want)
        live = live_value(due.key[0], seen)
        mark = _mark_of(due.key, seen)
        if live is None or (due.held.expected is not None and (live == due.held.value or not due.stands(live))):
            return seen
        if mark is not None and (mark.owner != due.owner or mark.sequence > due.held.sequence):
            return seen
        self._write(due, Mark(due.owner, due.held.sequence, commit), changed=live != due.held.value)
        return self.observe(due.want)

    def _write(self, due: Due, mark: Mark, *, changed: bool) -> None:
        target, value = due.key[0], due.held.value
        if changed:
            self.writes.append((target.name, value))
        if target.kind == "Flag":
            self.flags[target.name] = dataclasses.replace(
                self.flags[target.name], enabled=bool(value), mark=mark, manager="reconciler"
            )
        elif due.held.through is not None:
            workload = self.workloads[due.held.through.name]
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


def _mark_of(key: Key, fact: Fact) -> Mark | None:
    if isinstance(fact, NoFact):
        return None
    if isinstance(fact, WorkloadFact) and fact.autoscaler is not None and fact.autoscaler.target == key[0]:
        return fact.autoscaler.mark
    return fact.mark


def by_exact_name(facts: Mapping[Want, Fact]) -> dict[Want, Fact]:
    """Return what was found under one of several names as the answer for just that name too, as the daemon does."""
    return {
        dataclasses.replace(want, names=(fact.target.name,)): fact
        for want, fact in facts.items()
        if isinstance(want, WantWorkload) and isinstance(fact, WorkloadFact)
    }
