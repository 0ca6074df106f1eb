"""Whose a workload is: taken over within a stage, given back, taken by another stage, never by an older step."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.embedded.cluster import SCALED_OBJECTS
from reconciler.model.targets import Mark, WorkloadFact
from tests.embedded.sandbox import autoscaler, workload
from tests.targets.kubernetes.conftest import COMMIT, OWNER, Bench, effect, want, workload_of
from tests.targets.kubernetes.test_observe import ROLLOUTS, rollout, scaled_object

ORDERS, STAGE, STAGING = "sockshop/production/orders", "sockshop/production", "sockshop/staging/carts"
WAYS: dict[str, dict[str, Any]] = {
    "deployment": {},
    "stateful set": {"kind": "StatefulSet"},
    "custom resource": {"kind": "Rollout.argoproj.io"},
    "autoscaler": {"kind": "HorizontalPodAutoscaler", "field": "minReplicas"},
    "keda": {"name": "carts-so", "kind": "ScaledObject.keda.sh", "field": "minReplicaCount"},
}
"""Everything that a number of replicas is written on."""


class Owned:
    """Something with a number of replicas, in short words."""

    def __init__(self, bench: Bench, way: str) -> None:
        self.bench = bench
        self.way = WAYS[way]
        self.scaler = way in ("autoscaler", "keda")
        bench.cluster.declare(ROLLOUTS)
        bench.cluster.declare(SCALED_OBJECTS)
        kind = self.way.get("kind", "Deployment")
        bench.put(rollout() if "Rollout" in kind else workload("Deployment" if self.scaler else kind, "carts"))
        if self.scaler:
            bench.put(scaled_object() if way == "keda" else autoscaler("carts", "carts", 1, 5))

    def told(self, fact: WorkloadFact) -> tuple[int, Mark | None]:
        if self.scaler:
            assert fact.autoscaler is not None
            return fact.autoscaler.minimum, fact.autoscaler.mark
        return fact.replicas, fact.mark

    def apply(self, value: int, sequence: int, owner: str = OWNER) -> tuple[int, Mark | None]:
        self.bench.settle()
        one = effect(value=value, sequence=sequence, owner=owner, **self.way)
        return self.told(workload_of(self.bench.server.apply(one)))

    def seen(self) -> tuple[int, Mark | None]:
        self.bench.settle()
        kind = "Deployment" if self.scaler else self.way.get("kind", "Deployment")
        return self.told(workload_of(self.bench.server.observe(want("carts", kind=kind))))


@pytest.fixture(params=list(WAYS))
def owned(request: pytest.FixtureRequest, bench: Bench) -> Owned:
    return Owned(bench, request.param)


def test_another_service_of_the_stage_takes_it_over_by_a_later_step(owned: Owned) -> None:
    owned.apply(2, 128)
    assert owned.apply(3, 129, ORDERS) == (3, Mark(ORDERS, 129, COMMIT))
    assert owned.apply(2, 128) == (3, Mark(ORDERS, 129, COMMIT))
    # With the number that it has, only its owner changes.
    assert owned.apply(3, 130) == (3, Mark(OWNER, 130, COMMIT))
    assert owned.seen() == (3, Mark(OWNER, 130, COMMIT))


def test_given_back_it_carries_the_stage_alone_and_still_fences_older_steps(owned: Owned) -> None:
    owned.apply(3, 128)
    assert owned.apply(1, 140, STAGE) == (1, Mark(STAGE, 140, COMMIT))
    for value, sequence, owner in ((3, 128, OWNER), (3, 139, OWNER), (3, 139, ORDERS)):
        assert owned.apply(value, sequence, owner) == (1, Mark(STAGE, 140, COMMIT))
    assert owned.apply(2, 141) == (2, Mark(OWNER, 141, COMMIT))


def test_given_back_another_stage_may_take_it_with_a_lower_number(owned: Owned) -> None:
    owned.apply(3, 900)
    assert owned.apply(2, 3, STAGING) == (3, Mark(OWNER, 900, COMMIT))
    owned.apply(1, 901, STAGE)
    assert owned.apply(2, 3, STAGING) == (2, Mark(STAGING, 3, COMMIT))
    assert owned.apply(4, 950) == (2, Mark(STAGING, 3, COMMIT))
    assert owned.seen() == (2, Mark(STAGING, 3, COMMIT))


def test_a_replica_set_is_given_back_as_well(bench: Bench) -> None:
    bench.put(workload("ReplicaSet", "carts"))
    bench.server.apply(effect(value=2, kind="ReplicaSet"))
    fact = workload_of(bench.server.apply(effect(value=1, sequence=8, owner=STAGE, kind="ReplicaSet")))
    assert (fact.replicas, fact.mark) == (1, Mark(STAGE, 8, COMMIT))
