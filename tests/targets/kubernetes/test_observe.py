"""Looking: what is told of a workload, what it costs, and what is said when there is nothing to tell."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.embedded.cluster import (
    SCALED_OBJECTS,
    Failing,
    Kind,
    Manual,
    Progress,
    Rule,
    ScalePaths,
    User,
    WorkloadKey,
)
from reconciler.embedded.cluster.kinds import AUTOSCALERS, DEPLOYMENTS
from reconciler.embedded.cluster.revisions import owner_reference
from reconciler.model.errors import TerminalError
from reconciler.model.facts import fact_data, fact_from_data
from tests.embedded.sandbox import autoscaler, workload
from tests.targets.kubernetes.conftest import Bench, effect, make, nothing_of, want, workload_of

GROUP = "argoproj.io"
ROLLOUTS = Kind(GROUP, "v1alpha1", "rollouts", "Rollout", scale=ScalePaths(selector=("status", "selector")))


def rollout(replicas: int = 1) -> dict[str, Any]:
    spec = workload("Deployment", "carts", replicas)["spec"]
    return {"apiVersion": ROLLOUTS.api_version, "kind": "Rollout", "metadata": {"name": "carts"}, "spec": spec}


def scaled_object(least: int = 0, **metadata: Any) -> dict[str, Any]:
    spec = {"scaleTargetRef": {"name": "carts"}, "minReplicaCount": least, "maxReplicaCount": 5}
    head = {
        "apiVersion": SCALED_OBJECTS.api_version,
        "kind": "ScaledObject",
        "metadata": {"name": "carts-so", **metadata},
    }
    return {**head, "spec": spec}


# What it costs


def test_a_look_is_one_round_of_calls_and_then_fewer(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    both = want("carts-primary", "carts")
    bench.server.observe(both)
    assert bench.calls() == [
        "GET shop/deployments/carts",
        "GET shop/deployments/carts-primary",
        "GET shop/horizontalpodautoscalers",
        "GET shop/scaledobjects",
    ]
    bench.server.observe(both)
    assert bench.calls() == ["GET shop/deployments/carts", "GET shop/deployments/carts-primary"]
    bench.clock.now += 2
    bench.server.observe(both)
    assert bench.calls()[-1] == "GET shop/horizontalpodautoscalers"
    bench.clock.now += 400
    bench.server.observe(both)
    assert bench.calls()[-1] == "GET shop/scaledobjects"


def test_names_after_the_one_that_exists_are_not_asked_for_again(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts-primary"))
    both = want("carts-primary", "carts")
    bench.server.observe(both)
    bench.calls()
    bench.server.observe(both)
    assert bench.calls() == ["GET shop/deployments/carts-primary"]
    bench.cluster.delete("Deployment", "shop", "carts-primary")
    bench.put(workload("Deployment", "carts"))
    assert workload_of(bench.server.observe(both)).target.name == "carts"


def test_services_of_one_namespace_share_the_list_of_autoscalers(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.put(workload("Deployment", name))
    bench.put(autoscaler("b", "b", 1, 3))
    facts = [workload_of(bench.server.observe(want(name))) for name in ("a", "b", "c")]
    assert [bool(fact.autoscaler) for fact in facts] == [False, True, False]
    assert [call for call in bench.calls() if "autoscaler" in call] == [
        "GET shop/horizontalpodautoscalers",
        "GET shop/horizontalpodautoscalers/b",
    ]


# Kinds


def test_a_custom_resource_is_found_by_discovery(bench: Bench) -> None:
    bench.cluster.declare(ROLLOUTS)
    bench.put(rollout(2))
    fact = workload_of(bench.server.observe(want("carts", kind="Rollout.argoproj.io")))
    assert (fact.target.kind, fact.replicas, fact.ready, fact.settled) == ("Rollout.argoproj.io", 2, 2, True)
    calls = bench.calls()
    assert "GET /apis/argoproj.io" in calls
    assert "GET shop/rollouts/carts/scale" in calls
    bench.server.observe(want("carts", kind="Rollout.argoproj.io"))
    assert bench.calls() == ["GET shop/rollouts/carts", "GET shop/rollouts/carts/scale"]


def test_pods_are_counted_where_a_custom_resource_does_not(bench: Bench) -> None:
    bench.cluster.declare(ROLLOUTS)
    bench.cluster.rollout = Failing("CrashLoopBackOff", "back-off 5m0s", healthy=1)
    bench.put(rollout(2))
    bench.cluster.patch("Rollout", "shop", "carts", {"status": {"readyReplicas": None}}, subresource="status")
    fact = workload_of(bench.server.observe(want("carts", kind="Rollout.argoproj.io")))
    assert (fact.ready, fact.settled) == (1, False)
    assert "CrashLoopBackOff" in fact.trouble


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("CronJob", "CronJob is not a kind that reconciler scales"),
        ("Rollout.nothing.io", "the cluster has no API group nothing.io"),
        ("Nothing.argoproj.io", "the API group argoproj.io has no kind Nothing"),
        ("Report.argoproj.io", "Report.argoproj.io has no scale subresource"),
        ("Rollout.-x/../y", "'-x/../y' cannot be the name of a Kubernetes object"),
    ],
)
def test_a_kind_that_cannot_be_used_is_invalid(bench: Bench, kind: str, message: str) -> None:
    bench.cluster.declare(ROLLOUTS)
    bench.cluster.declare(Kind(GROUP, "v1alpha1", "reports", "Report"))
    fact = nothing_of(bench.server.observe(want("carts", kind=kind)))
    assert (fact.trouble, fact.message) == ("invalid", message)
    assert fact.hint


def test_a_group_may_be_written_for_built_in_kinds(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    assert workload_of(bench.server.observe(want("carts", kind="Deployment.apps"))).target.kind == "Deployment"


@pytest.mark.parametrize("name", ["../pods", "a/b", "", "A", "x" * 254, "a..b", "a?b"])
def test_what_is_no_name_never_becomes_a_path(bench: Bench, name: str) -> None:
    fact = nothing_of(bench.server.observe(want(name)))
    assert fact.trouble == "invalid"
    assert nothing_of(bench.server.observe(want("carts", namespace=name))).trouble == "invalid"
    assert bench.calls() == []


# K3: who else is there


def test_k3_a_replica_set_of_a_deployment_is_not_scaled(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    (found,) = bench.cluster.items("ReplicaSet", "shop")
    fact = nothing_of(bench.server.observe(want(found["metadata"]["name"], kind="ReplicaSet")))
    assert (fact.trouble, fact.hint) == ("invalid", "name Deployment carts in service.yaml")


def test_k3_a_paused_deployment_with_a_new_template_says_so(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.cluster.rollout = Manual()
    bench.cluster.patch(
        "Deployment", "shop", "carts", {"spec": {"paused": True, "template": {"metadata": {"annotations": {"v": "2"}}}}}
    )
    bench.settle()
    status = {"status": {"observedGeneration": 2, "updatedReplicas": None}}
    bench.cluster.patch("Deployment", "shop", "carts", status, subresource="status")
    fact = workload_of(bench.server.observe(want("carts")))
    assert (fact.settled, fact.trouble) == (
        False,
        "Deployment carts is paused, so its present template is not rolled out",
    )


def test_k3_a_mark_that_cannot_be_read_is_the_lowest(bench: Bench) -> None:
    item = workload("Deployment", "carts")
    item["metadata"]["annotations"] = {"reconciler.dev/owner": "a/b/c", "reconciler.dev/step": "nonsense"}
    bench.put(item)
    mark = workload_of(bench.server.observe(want("carts"))).mark
    assert mark is not None
    assert (mark.owner, mark.sequence, mark.commit) == ("a/b/c", 0, "")


# K4: autoscalers


def test_k4_the_scaled_object_wins_over_the_autoscaler_that_it_makes(bench: Bench) -> None:
    bench.cluster.declare(SCALED_OBJECTS)
    bench.put(workload("Deployment", "carts"))
    bench.put(scaled_object(1))
    assert bench.cluster.get("HorizontalPodAutoscaler", "shop", "keda-hpa-carts-so")
    scaler = workload_of(bench.server.observe(want("carts"))).autoscaler
    assert scaler is not None
    assert str(scaler.target) == "kubernetes/shop/ScaledObject.keda.sh/carts-so"
    assert (scaler.field, scaler.minimum, scaler.maximum) == ("minReplicaCount", 1, 5)


def test_k4_keda_that_comes_later_is_noticed_by_its_autoscaler(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    assert workload_of(bench.server.observe(want("carts"))).autoscaler is None
    bench.cluster.declare(SCALED_OBJECTS)
    bench.put(scaled_object())
    scaler = workload_of(bench.server.observe(want("carts"))).autoscaler
    assert scaler is not None
    assert scaler.target.kind == "ScaledObject.keda.sh"


def test_k4_two_autoscalers_on_one_workload_are_invalid(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.put(autoscaler("one", "carts", 1, 3))
    bench.put(autoscaler("two", "carts", 1, 3))
    fact = nothing_of(bench.server.observe(want("carts")))
    assert (fact.trouble, fact.message) == (
        "invalid",
        "HorizontalPodAutoscaler one and HorizontalPodAutoscaler two both scale Deployment carts",
    )


def test_k4_an_autoscaler_of_another_kind_or_name_is_not_ours(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.put(autoscaler("one", "carts", 1, 3, kind="StatefulSet"))
    bench.put(autoscaler("two", "orders", 1, 3))
    assert workload_of(bench.server.observe(want("carts"))).autoscaler is None


def test_k4_a_workload_below_the_minimum_is_not_settled(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts", 0))
    bench.put(autoscaler("carts", "carts", 2, 3))
    fact = workload_of(bench.server.observe(want("carts")))
    assert (fact.settled, fact.trouble) == (False, "0 replicas switch HorizontalPodAutoscaler carts off")


def test_k4_a_paused_scaled_object_says_so(bench: Bench) -> None:
    bench.cluster.declare(SCALED_OBJECTS)
    bench.put(workload("Deployment", "carts"))
    bench.put(scaled_object(3, annotations={"autoscaling.keda.sh/paused": "true"}))
    fact = workload_of(bench.server.observe(want("carts")))
    assert (fact.settled, fact.trouble) == (False, "ScaledObject carts-so is paused")


def test_k4_an_autoscaler_that_was_deleted_since_it_was_listed_is_none(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.put(autoscaler("carts", "carts", 1, 3))
    assert workload_of(bench.server.observe(want("carts"))).autoscaler is not None
    bench.cluster.delete("HorizontalPodAutoscaler", "shop", "carts")
    assert workload_of(bench.server.observe(want("carts"))).autoscaler is None


def test_k4_an_autoscaler_that_is_being_deleted_is_waited_for(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    item = autoscaler("carts", "carts", 1, 3)
    item["metadata"]["finalizers"] = ["example.com/hold"]
    bench.put(item)
    bench.cluster.delete("HorizontalPodAutoscaler", "shop", "carts")
    fact = nothing_of(bench.server.observe(want("carts")))
    assert (fact.trouble, fact.message) == (
        "invalid",
        "HorizontalPodAutoscaler carts, which scales carts, is being deleted",
    )
    with pytest.raises(TerminalError, match="is being deleted"):
        bench.server.apply(effect("carts", 2, kind="HorizontalPodAutoscaler", field="minReplicas"))


def test_k4_an_autoscaler_whose_scaled_object_is_gone_is_invalid(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    item = autoscaler("keda-hpa-x", "carts", 1, 3)
    owner = {**owner_reference(AUTOSCALERS, {"metadata": {"name": "x", "uid": "1"}}), "kind": "ScaledObject"}
    item["metadata"]["ownerReferences"] = [owner]
    bench.put(item)
    assert nothing_of(bench.server.observe(want("carts"))).trouble == "invalid"


# K5: rollouts that do not get there


@pytest.mark.parametrize(
    "reason", ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "InvalidImageName"]
)
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet"])
def test_k5_pods_that_never_start_are_trouble(bench: Bench, kind: str, reason: str) -> None:
    bench.cluster.rollout = Failing(reason, "why", healthy=1)
    bench.put(workload(kind, "carts", 2))
    fact = workload_of(bench.server.observe(want("carts", kind=kind)))
    assert (fact.replicas, fact.ready, fact.settled) == (2, 1, False)
    assert fact.trouble.startswith(f"{reason} in container main of pod carts-")
    assert fact.trouble.endswith(": why")


def test_k5_pods_that_are_only_slow_are_no_trouble(bench: Bench) -> None:
    bench.cluster.rollout = Failing(healthy=0)
    bench.put(workload("Deployment", "carts"))
    fact = workload_of(bench.server.observe(want("carts")))
    assert (fact.settled, fact.trouble) == (False, "")


def test_k5_a_passed_deadline_is_trouble(bench: Bench) -> None:
    bench.cluster.rollout = Failing(healthy=0, late=True)
    bench.put(workload("Deployment", "carts"))
    fact = workload_of(bench.server.observe(want("carts")))
    assert fact.trouble == 'ProgressDeadlineExceeded: ReplicaSet "carts" has timed out progressing.'


def test_k5_it_is_not_settled_before_the_new_spec_was_seen(bench: Bench) -> None:
    hook = Manual()
    bench.cluster.rollout = hook
    bench.put(workload("Deployment", "carts"))
    key = WorkloadKey("deployments.apps", "shop", "carts")
    hook.report(key, Progress.ready(1))
    assert workload_of(bench.server.observe(want("carts"))).settled
    bench.server.apply(effect(value=2))
    assert not workload_of(bench.server.observe(want("carts"))).settled
    bench.settle()
    hook.report(key, Progress.ready(3))
    assert not workload_of(bench.server.observe(want("carts"))).settled
    hook.report(key, Progress.ready(2))
    assert workload_of(bench.server.observe(want("carts"))).settled


def test_pods_are_looked_at_only_when_something_is_not_right(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.server.observe(want("carts"))
    assert not [call for call in bench.calls() if "pods" in call]


# Access


def rules(*more: Rule) -> tuple[Rule, ...]:
    return (Rule(("get",), ("deployments.apps",)), *more)


def test_k1_what_is_forbidden_names_what_the_role_needs(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.cluster.users["t"] = User("bot", ())
    assert nothing_of(bench.server.observe(want("carts"))).trouble == "forbidden"


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ((), 'the verb "get" on "deployments" of API group "apps"'),
        (rules(), 'the verb "list" on "horizontalpodautoscalers" of API group "autoscaling"'),
    ],
)
def test_k1_a_missing_right_is_named(bench: Bench, tmp_path: Any, given: tuple[Rule, ...], needed: str) -> None:
    from reconciler.targets.kubernetes import TokenFile

    bench.put(workload("Deployment", "carts"))
    listing = Rule(("list",), ("horizontalpodautoscalers.autoscaling",))
    bench.cluster.users["t0ken"] = User("bot", given or (listing,))
    (tmp_path / "token").write_text("t0ken\n")
    server = make(TokenFile(bench.cluster.url, str(tmp_path / "token")), bench.clock)
    fact = nothing_of(server.observe(want("carts")))
    server.close()
    assert fact.trouble == "forbidden"
    assert fact.hint == f"give the Role in namespace shop {needed}"
    assert "t0ken" not in repr(fact)


def test_k1_without_rights_on_keda_and_pods_it_works_as_far_as_it_can(
    bench: Bench, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from reconciler.targets.kubernetes import TokenFile

    bench.cluster.rollout = Failing("CrashLoopBackOff", healthy=0)
    bench.put(workload("Deployment", "carts"))
    bench.cluster.users["t"] = User("bot", rules(Rule(("list",), ("horizontalpodautoscalers.autoscaling",))))
    (tmp_path / "token").write_text("t")
    server = make(TokenFile(bench.cluster.url, str(tmp_path / "token")), bench.clock)
    fact = workload_of(server.observe(want("carts")))
    assert (fact.settled, fact.trouble, fact.autoscaler) == (False, "", None)
    assert "not allowed to list pods in shop" in caplog.text
    bench.cluster.declare(SCALED_OBJECTS)
    bench.put(scaled_object())
    refused = nothing_of(server.observe(want("carts")))
    server.close()
    assert refused.trouble == "forbidden"
    assert '"scaledobjects" of API group "keda.sh"' in refused.hint


def test_a_missing_workload_without_the_right_to_list_is_just_missing(bench: Bench, tmp_path: Any) -> None:
    from reconciler.targets.kubernetes import TokenFile

    bench.put(workload("Deployment", "carts"))
    bench.cluster.users["t"] = User("bot", rules(Rule(("list",), ("horizontalpodautoscalers.autoscaling",))))
    (tmp_path / "token").write_text("t")
    server = make(TokenFile(bench.cluster.url, str(tmp_path / "token")), bench.clock)
    fact = nothing_of(server.observe(want("cart")))
    server.close()
    assert (fact.trouble, fact.near) == ("missing", ())


def test_facts_travel_as_data(bench: Bench) -> None:
    bench.put(workload("Deployment", "carts"))
    bench.put(autoscaler("carts", "carts", 1, 3))
    bench.server.apply(effect("carts", 2, kind="HorizontalPodAutoscaler", field="minReplicas"))
    bench.settle()
    fact = bench.server.observe(want("carts"))
    assert fact_from_data(fact_data(fact)) == fact
    assert DEPLOYMENTS.kind == workload_of(fact).target.kind
