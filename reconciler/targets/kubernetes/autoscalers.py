"""Finding the autoscaler of a workload: whoever writes `spec.replicas` beside one is in a fight.

Which autoscaler targets what is only known from listing them, so a list is kept for a second and serves all workloads
of its namespace; the autoscaler that was found is read again when its numbers matter. Without KEDA its list is a 404,
which is remembered for longer, since KEDA would also show by an HPA that belongs to a ScaledObject.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reconciler.model.targets import Autoscaler, Field, NoFact, Target
from reconciler.targets.kubernetes.documents import (
    controller,
    deleting,
    dig,
    items,
    manager,
    mark,
    name,
    number,
    text,
)
from reconciler.targets.kubernetes.patience import Budget
from reconciler.targets.kubernetes.reading import Reader, ResultT
from reconciler.targets.kubernetes.refusals import Refusal, Unusable
from reconciler.targets.kubernetes.resources import HPA, SCALED_OBJECT, Resource, kind_of

_FRESH = 1.0
_ABSENT = 300.0
_MAXIMUM_OF_KEDA = 100
FIELDS: dict[str, Field] = {HPA.kind: "minReplicas", SCALED_OBJECT.kind: "minReplicaCount"}


@dataclass(frozen=True)
class Found:
    """An autoscaler as it was listed or read."""

    resource: Resource
    item: dict[str, Any]


@dataclass(frozen=True)
class _Listed:
    taken: float
    by_target: dict[tuple[str, str], tuple[Found, ...]]


def minimum_of(resource: Resource, item: dict[str, Any]) -> int:
    """Return the minimum that holds, defaults included (autoscaling/v2: 1; KEDA: 0)."""
    return number(item, "spec", FIELDS[resource.kind], default=1 if resource is HPA else 0)


def maximum_of(resource: Resource, item: dict[str, Any]) -> int:
    """Return the maximum that holds, defaults included (KEDA: 100)."""
    if resource is HPA:
        return number(item, "spec", "maxReplicas")
    return number(item, "spec", "maxReplicaCount", default=_MAXIMUM_OF_KEDA)


def target_of(item: dict[str, Any]) -> tuple[str, str]:
    """Return kind (as people write it) and name of the workload that an autoscaler targets."""
    reference = dig(item, "spec", "scaleTargetRef")
    return kind_of(text(reference, "apiVersion") or "apps/v1", text(reference, "kind") or "Deployment"), text(
        reference, "name"
    )


def describe(found: Found, server: str) -> Autoscaler:
    """Return what is told of an autoscaler."""
    field = FIELDS[found.resource.kind]
    namespace = text(found.item, "metadata", "namespace")
    return Autoscaler(
        Target(server, namespace, found.resource.kind, name(found.item)),
        field,
        minimum_of(found.resource, found.item),
        maximum_of(found.resource, found.item),
        mark(found.item),
        manager(found.item, field),
    )


class Autoscalers:
    """The autoscalers of each namespace. Safe to use from several threads."""

    def __init__(self, reader: Reader, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._clock = clock
        self._listed: dict[str, _Listed] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._without_keda = 0.0
        self._keda_refused: Refusal | None = None

    def beside(
        self,
        jobs: Sequence[Callable[[], ResultT]],
        namespace: str,
        kind: str,
        names: tuple[str, ...],
        budget: Budget,
    ) -> tuple[list[ResultT], dict[str, Found]]:
        """Run jobs, and at the same time find the autoscalers as `of` does; return the results of both."""
        known = self._listed.get(namespace)
        if known and self._fresh(known) and not any((kind, one) in known.by_target for one in names):
            return self._reader.together(jobs), {}
        return self._reader.beside(jobs, partial(self.of, namespace, kind, names, budget))

    def of(self, namespace: str, kind: str, names: tuple[str, ...], budget: Budget) -> dict[str, Found]:
        """Return the autoscaler of each of the workloads that has one, as it is now.

        Raises:
            Unusable: several claim one workload, or the one there is going.
            Refusal, Unreachable: they could not be read.
        """
        before = self._listed.get(namespace)
        listed = self._list(namespace, budget)
        result: dict[str, Found] = {}
        for workload in names:
            chosen = self._choose(namespace, kind, workload, listed.by_target.get((kind, workload), ()), budget)
            if chosen and listed is before:
                item = self._reader.find(chosen.resource.call("get", namespace, name(chosen.item)), budget)
                if item is None or target_of(item) != (kind, workload):
                    return self._again(namespace, kind, names, budget)
                chosen = Found(chosen.resource, item)
            if chosen and deleting(chosen.item):
                label = f"{chosen.resource.kind} {name(chosen.item)}"
                message = f"{label}, which scales {workload}, is being deleted"
                raise Unusable(NoFact("invalid", message, hint="wait until it is gone"))
            if chosen:
                result[workload] = chosen
        return result

    def _again(self, namespace: str, kind: str, names: tuple[str, ...], budget: Budget) -> dict[str, Found]:
        """Look once more after what was listed turned out to be gone."""
        self._listed.pop(namespace, None)
        return self.of(namespace, kind, names, budget)

    def _choose(
        self, namespace: str, kind: str, workload: str, found: tuple[Found, ...], budget: Budget
    ) -> Found | None:
        scaled = [one for one in found if one.resource is SCALED_OBJECT]
        plain = [one for one in found if one.resource is HPA and controller(one.item)[0] != "ScaledObject"]
        if len(found) > len(scaled) + len(plain) and not scaled:
            scaled = [self._owner(namespace, kind, workload, budget)]
        rivals = [*scaled, *plain]
        if len(rivals) > 1:
            labels = " and ".join(f"{one.resource.kind} {name(one.item)}" for one in rivals)
            raise Unusable(
                NoFact("invalid", f"{labels} both scale {kind} {workload}", hint="leave one autoscaler per workload")
            )
        return rivals[0] if rivals else None

    def _owner(self, namespace: str, kind: str, workload: str, budget: Budget) -> Found:
        """Return the ScaledObject whose HPA was seen although KEDA was thought to be away, or closed to us."""
        self._without_keda = 0.0
        self._listed.pop(namespace, None)
        listed = self._list(namespace, budget)
        for one in listed.by_target.get((kind, workload), ()):
            if one.resource is SCALED_OBJECT:
                return one
        if self._keda_refused is not None:
            raise self._keda_refused
        message = f"the HorizontalPodAutoscaler of {kind} {workload} belongs to a ScaledObject that is not there"
        raise Unusable(NoFact("invalid", message, hint="delete it, or create the ScaledObject again"))

    def _list(self, namespace: str, budget: Budget) -> _Listed:
        """Return a list that is fresh enough; callers at the same time share one."""
        with self._locks[namespace]:
            known = self._listed.get(namespace)
            if known and self._fresh(known):
                return known
            listed = self._fetch(namespace, budget)
            self._listed[namespace] = listed
            return listed

    def _fresh(self, listed: _Listed) -> bool:
        return self._clock() - listed.taken < _FRESH

    def _fetch(self, namespace: str, budget: Budget) -> _Listed:
        taken = self._clock()
        lists = [lambda: self._items(HPA, namespace, budget)]
        if taken >= self._without_keda:
            lists.append(lambda: self._scaled_objects(namespace, budget))
        by_target: defaultdict[tuple[str, str], tuple[Found, ...]] = defaultdict(tuple)
        for group in self._reader.together(lists):
            for found in group:
                by_target[target_of(found.item)] += (found,)
        return _Listed(taken, dict(by_target))

    def _items(self, resource: Resource, namespace: str, budget: Budget) -> list[Found]:
        answer = self._reader.get(resource.call("list", namespace), budget)
        return [Found(resource, item) for item in items(answer, "items")]

    def _scaled_objects(self, namespace: str, budget: Budget) -> list[Found]:
        try:
            found = self._items(SCALED_OBJECT, namespace, budget)
        except Refusal as refusal:
            # Access is decided before existence, so without a rule for KEDA's group a cluster without KEDA says 403.
            if refusal.status not in (403, 404):
                raise
            self._keda_refused = refusal if refusal.status == 403 else None
            self._without_keda = self._clock() + _ABSENT
            return []
        self._keda_refused = None
        return found
