"""Changing: what is written, what is left alone, and what is refused."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest

from reconciler.embedded.cluster import SCALED_OBJECTS, Before, matching
from reconciler.model.errors import BugError, TerminalError
from reconciler.model.targets import Effect, Mark, Target
from reconciler.targets.kubernetes import TokenFile
from tests.embedded.sandbox import autoscaler, workload
from tests.targets.kubernetes.conftest import COMMIT, OWNER, Bench, effect, make, want, workload_of
from tests.targets.kubernetes.test_observe import ROLLOUTS, rollout, scaled_object

HPA: dict[str, Any] = {"kind": "HorizontalPodAutoscaler", "field": "minReplicas"}
KEDA: dict[str, Any] = {"name": "carts-so", "kind": "ScaledObject.keda.sh", "field": "minReplicaCount"}
CUSTOM: dict[str, Any] = {"kind": "Rollout.argoproj.io"}


def writes(bench: Bench) -> list[Any]:
    """What was written since the last look; waits for the controllers, whose status would conflict with what comes."""
    bench.cluster.idle()
    found = [(one.path.partition("/shop/")[2], one.manager, one.body) for one in bench.cluster.journal.writes()]
    bench.cluster.journal.clear()
    return found


def test_value_and_mark_go_in_one_patch_on_what_was_read(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    version = bench.cluster.get("Deployment", "shop", "carts")["metadata"]["resourceVersion"]
    bench.server.apply(effect())
    assert writes(bench) == [
        (
            "deployments/carts",
            "reconciler",
            {
                "metadata": {
                    "resourceVersion": version,
                    "annotations": {"reconciler.dev/owner": OWNER, "reconciler.dev/step": f"7:{COMMIT}"},
                },
                "spec": {"replicas": 2},
            },
        )
    ]


def test_converged_means_no_write(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.server.apply(effect())
    writes(bench)
    fact = workload_of(bench.server.apply(effect()))
    assert fact.replicas == 2
    assert writes(bench) == []


def test_a_value_that_holds_under_an_older_mark_gets_only_the_newer_mark(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.server.apply(effect(sequence=7))
    writes(bench)
    fact = workload_of(bench.server.apply(effect(sequence=8)))
    assert fact.mark == Mark(OWNER, 8, COMMIT)
    ((_, _, body),) = writes(bench)
    assert "spec" not in body
    bench.server.apply(effect(value=5, sequence=7))
    assert writes(bench) == []


def test_a_value_that_holds_without_a_mark_is_marked(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts", 2))
    assert workload_of(bench.server.apply(effect(value=2))).mark == Mark(OWNER, 7, COMMIT)
    assert len(writes(bench)) == 1


@pytest.mark.parametrize(
    ("sequence", "owner"),
    [(8, "shop/production/carts"), (8, "sockshop/staging/carts"), (6, OWNER), (6, "sockshop/production/orders")],
)
def test_a_newer_mark_and_another_owner_are_left_alone(bench: Bench, sequence: int, owner: str) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.server.apply(effect(value=3))
    writes(bench)
    fact = workload_of(bench.server.apply(effect(value=1, sequence=sequence, owner=owner)))
    assert (fact.replicas, fact.mark) == (3, Mark(OWNER, 7, COMMIT))
    assert writes(bench) == []


def test_two_daemons_and_an_older_one_that_wakes_up_late(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    newer = make_other(bench)
    # The newer decision lands between the older daemon's read and its write.
    bench.cluster.faults.add(Before(lambda: newer.apply(effect(value=4, sequence=9))), when=matching("PATCH"))
    fact = workload_of(bench.server.apply(effect(value=2, sequence=8)))
    newer.close()
    assert (fact.replicas, fact.mark) == (4, Mark(OWNER, 9, COMMIT))
    assert bench.cluster.get("Deployment", "shop", "carts")["spec"]["replicas"] == 4


def make_other(bench: Bench) -> Any:

    return make(TokenFile(bench.cluster.url), bench.clock)


@pytest.mark.parametrize("value", [True, "2", 2.0])
def test_only_whole_numbers_are_replicas(bench: Bench, value: Any) -> None:
    bad = Effect(Target("kubernetes", "shop", "Deployment", "carts"), "replicas", value, Mark(OWNER, 1, COMMIT))
    with pytest.raises(BugError):
        bench.server.apply(bad)


def test_a_field_belongs_to_its_kind(bench: Bench) -> None:
    with pytest.raises(BugError):
        bench.server.apply(effect(field="minReplicas"))
    with pytest.raises(BugError):
        bench.server.apply(effect(field="enabled"))
    with pytest.raises(TerminalError, match="cannot be -1"):
        bench.server.apply(effect(value=-1))
    assert bench.calls() == []


def test_k3_what_is_not_there_is_never_created(bench: Bench) -> None:
    for options in ({}, HPA):
        with pytest.raises(TerminalError) as refused:
            bench.server.apply(effect(**options))
        assert "404" in refused.value.message
        assert refused.value.hint
    assert writes(bench) == []
    assert bench.cluster.items("Deployment", "shop") == []


def test_k3_a_name_that_is_none_is_refused(bench: Bench) -> None:
    with pytest.raises(TerminalError, match="cannot be the name"):
        bench.server.apply(effect("../carts"))
    assert bench.calls() == []


def test_k3_a_replica_set_of_a_deployment_is_refused(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    (found,) = bench.cluster.items("ReplicaSet", "shop")
    with pytest.raises(TerminalError, match="belongs to Deployment carts"):
        bench.server.apply(effect(found["metadata"]["name"], kind="ReplicaSet"))


# Kinds whose replicas can only be reached through the scale subresource


def test_a_custom_resource_is_marked_and_then_scaled(bench: Bench) -> None:
    bench.cluster.declare(ROLLOUTS)
    bench.put(rollout())
    before = bench.cluster.get("Rollout", "shop", "carts")
    fact = workload_of(bench.server.apply(effect(**CUSTOM)))
    assert (fact.replicas, fact.settled, fact.mark) == (2, False, Mark(OWNER, 7, COMMIT))
    (mark, scale) = writes(bench)
    assert (mark[0], sorted(mark[2]), sorted(mark[2]["metadata"])) == (
        "rollouts/carts",
        ["metadata"],
        ["annotations", "resourceVersion"],
    )
    assert (scale[0], sorted(scale[2]), scale[2]["spec"]) == (
        "rollouts/carts/scale",
        ["metadata", "spec"],
        {"replicas": 2},
    )
    assert int(scale[2]["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    bench.settle()
    fact = workload_of(bench.server.observe(want("carts", **CUSTOM)))
    assert (fact.settled, fact.ready, fact.manager) == (True, 2, "reconciler")
    bench.server.apply(effect(**CUSTOM))
    assert writes(bench) == []


def test_a_custom_resource_whose_value_was_changed_by_hand_is_only_scaled(bench: Bench) -> None:
    bench.cluster.declare(ROLLOUTS)
    bench.put(rollout())
    bench.server.apply(effect(**CUSTOM))
    bench.cluster.patch("Rollout", "shop", "carts", {"spec": {"replicas": 5}})
    bench.settle()
    writes(bench)
    assert workload_of(bench.server.apply(effect(**CUSTOM))).replicas == 2
    assert [path for path, _, _ in writes(bench)] == ["rollouts/carts/scale"]


def test_a_custom_resource_that_changes_between_mark_and_scale_is_looked_at_again(bench: Bench) -> None:
    bench.cluster.declare(ROLLOUTS)
    bench.put(rollout())

    def newer() -> None:
        notes = {"annotations": {"reconciler.dev/owner": OWNER, "reconciler.dev/step": f"9:{COMMIT}"}}
        bench.cluster.patch("Rollout", "shop", "carts", {"metadata": notes})

    bench.cluster.faults.add(Before(newer), when=matching("PATCH", "/scale"))
    fact = workload_of(bench.server.apply(effect(sequence=8, **CUSTOM)))
    assert fact.mark == Mark(OWNER, 9, COMMIT)
    assert bench.cluster.get("Rollout", "shop", "carts")["spec"]["replicas"] == 1


# K4: autoscalers


def test_k4_a_minimum_is_written_and_nothing_else(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.put(autoscaler("carts", "carts", 1, 3))

    def rest() -> Any:
        item = copy.deepcopy(bench.cluster.get("HorizontalPodAutoscaler", "shop", "carts"))
        item.pop("status")
        return {**item, "metadata": {**item["metadata"], "resourceVersion": "", "managedFields": []}}

    before = rest()
    fact = workload_of(bench.server.apply(effect(value=2, **HPA)))
    assert fact.autoscaler is not None
    assert fact.autoscaler.minimum == 2
    ((path, _, body),) = writes(bench)
    assert (path, body["spec"]) == ("horizontalpodautoscalers/carts", {"minReplicas": 2})
    bench.settle()
    after = rest()
    assert after["spec"].pop("minReplicas") == 2
    assert before["spec"].pop("minReplicas") == 1
    assert set(after["metadata"].pop("annotations")) == {"reconciler.dev/owner", "reconciler.dev/step"}
    assert after == before
    fact = workload_of(bench.server.observe(want("carts")))
    assert (fact.settled, fact.replicas, fact.ready, fact.manager) == (True, 2, 2, "kube-controller-manager")


def test_k4_keda_gets_its_minimum_and_passes_it_on(bench: Bench) -> None:
    bench.cluster.declare(SCALED_OBJECTS)
    bench.put(workload("Deployment", "carts"))
    bench.put(scaled_object())
    bench.server.apply(effect(value=3, **KEDA))
    bench.settle()
    fact = workload_of(bench.server.observe(want("carts")))
    assert fact.autoscaler is not None
    assert (fact.autoscaler.minimum, fact.autoscaler.manager, fact.replicas) == (3, "reconciler", 3)
    with pytest.raises(TerminalError, match=r"more than the maximum 5 of ScaledObject\.keda\.sh carts-so"):
        bench.server.apply(effect(value=6, sequence=8, **KEDA))


def test_k4_the_autoscaler_of_a_scaled_object_is_not_written(bench: Bench) -> None:
    bench.cluster.declare(SCALED_OBJECTS)
    bench.put(workload("Deployment", "carts"))
    bench.put(scaled_object(1))
    with pytest.raises(TerminalError, match="belongs to ScaledObject carts-so"):
        bench.server.apply(effect("keda-hpa-carts-so", 2, **HPA))
    assert writes(bench) == []


def test_k4_replicas_are_not_written_beside_an_autoscaler_that_came_since(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.server.apply(effect(value=2))
    bench.put(autoscaler("carts", "carts", 1, 9))
    writes(bench)
    with pytest.raises(TerminalError, match="HorizontalPodAutoscaler carts sets the replicas"):
        bench.server.apply(effect(value=3, sequence=8))
    assert writes(bench) == []
    assert workload_of(bench.server.apply(effect(value=2))).replicas == 2


def test_k4_a_minimum_that_holds_above_a_lowered_maximum_is_no_error(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.put(autoscaler("carts", "carts", 1, 5))
    bench.server.apply(effect(value=4, **HPA))
    assert workload_of(bench.server.apply(effect(value=4, **HPA))).autoscaler is not None
    bench.cluster.patch("HorizontalPodAutoscaler", "shop", "carts", {"spec": {"minReplicas": 1, "maxReplicas": 3}})
    with pytest.raises(TerminalError, match="more than the maximum 3"):
        bench.server.apply(effect(value=4, **HPA))


def test_k4_an_autoscaler_without_its_workload_says_so(bench: Bench) -> None:
    bench.put(autoscaler("carts", "carts", 1, 5))
    with pytest.raises(TerminalError, match="404 to get deployments"):
        bench.server.apply(effect(value=2, **HPA))


def test_many_threads_share_one_server(bench: Bench) -> None:
    names = [f"svc-{number}" for number in range(12)]
    for name in names:
        bench.put(workload("Deployment", name))
    seen: dict[str, int] = {}

    def work(name: str) -> None:
        bench.server.observe(want(name))
        seen[name] = workload_of(bench.server.apply(effect(name, 3))).replicas

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == dict.fromkeys(names, 3)
    assert all(item["spec"]["replicas"] == 3 for item in bench.cluster.items("Deployment", "shop"))
