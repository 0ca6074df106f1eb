"""The simulated controllers: pods, replica sets and status follow what is wanted, as trouble or a hook has it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.embedded.cluster import (
    SCALED_OBJECTS,
    VIRTUAL_SERVICES,
    ApiError,
    EmbeddedCluster,
    Failing,
    Kind,
    Manual,
    PodState,
    Progress,
    ScalePaths,
    WorkloadKey,
)
from tests.embedded.sandbox import MERGE, autoscaler, put, workload

ROLLOUTS = Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout", scale=ScalePaths(selector=("status", "selector")))


def test_a_rollout_can_fail_pod_by_pod(cluster: EmbeddedCluster) -> None:
    cluster.rollout = Failing("CrashLoopBackOff", "back-off", healthy=1, late=True)
    put(cluster, workload("Deployment", "carts", 3))
    status = cluster.get("Deployment", "shop", "carts")["status"]
    assert (status["replicas"], status["availableReplicas"], status["unavailableReplicas"]) == (3, 1, 2)
    reasons = {one["type"]: one["reason"] for one in status["conditions"]}
    assert reasons == {"Available": "MinimumReplicasUnavailable", "Progressing": "ProgressDeadlineExceeded"}
    waiting = [
        one["status"]["containerStatuses"][0]["state"].get("waiting", {}).get("reason")
        for one in cluster.items("Pod", "shop")
    ]
    assert sorted(waiting, key=str) == ["CrashLoopBackOff", "CrashLoopBackOff", None]


def test_a_hook_is_told_and_reports_when_it_likes(cluster: EmbeddedCluster) -> None:
    hook = Manual()
    cluster.rollout = hook
    put(cluster, workload("Deployment", "carts"))
    key = WorkloadKey("deployments.apps", "shop", "carts")
    hook.report(key, Progress.ready(1))
    cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 2}}, subresource="scale")
    cluster.idle()
    assert hook.wanted[key].replicas == 2
    assert cluster.get("Deployment", "shop", "carts")["status"]["observedGeneration"] == 1
    hook.report(key, Progress((PodState(), PodState(ready=False))))
    status = cluster.get("Deployment", "shop", "carts")["status"]
    assert (status["observedGeneration"], status["replicas"], status["readyReplicas"]) == (2, 2, 1)
    cluster.delete("Deployment", "shop", "carts")
    cluster.idle()
    assert hook.wanted == {}
    assert cluster.items("Pod", "shop") == []


def test_pods_are_kept_when_scaling_and_exchanged_when_the_template_changes(cluster: EmbeddedCluster) -> None:
    put(cluster, workload("Deployment", "carts", 2))

    def pods() -> set[str]:
        cluster.idle()
        return {pod["metadata"]["name"] for pod in cluster.items("Pod", "shop")}

    first = pods()
    cluster.patch("Deployment", "shop", "carts", {"spec": {"replicas": 3}})
    second = pods()
    assert (len(second), first < second) == (3, True)
    note = {"metadata": {"annotations": {"restarted": "now"}}}
    cluster.patch("Deployment", "shop", "carts", {"spec": {"template": note}})
    third = pods()
    assert (len(third), third & second) == (3, set())
    sets = {
        one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: one for one in cluster.items("ReplicaSet")
    }
    assert {revision: one["spec"]["replicas"] for revision, one in sets.items()} == {"1": 0, "2": 3}


def test_a_deleted_pod_comes_back(cluster: EmbeddedCluster) -> None:
    put(cluster, workload("StatefulSet", "carts", 2))
    cluster.delete("Pod", "shop", "carts-0")
    cluster.idle()
    assert {pod["metadata"]["name"] for pod in cluster.items("Pod", "shop")} == {"carts-0", "carts-1"}


def test_a_custom_resource_scales_only_by_merge_and_json_patches(cluster: EmbeddedCluster, http: Any) -> None:
    cluster.declare(ROLLOUTS)
    spec = workload("Deployment", "carts")["spec"]
    put(cluster, {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "carts"}, "spec": spec})
    path = f"{cluster.url}/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/carts"
    body = b'{"spec": {"replicas": 3}}'
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}
    assert http.request("PATCH", path, headers=strategic, body=body).status == 415
    scaled = http.request("PATCH", f"{path}/scale", headers={"Content-Type": MERGE}, body=body)
    assert scaled.json()["spec"] == {"replicas": 3}
    cluster.idle()
    scale = http.request("GET", f"{path}/scale").json()
    assert scale["status"] == {"replicas": 3, "selector": "app=carts"}
    item = cluster.get("Rollout", "shop", "carts")
    assert item["status"]["observedGeneration"] == item["metadata"]["generation"] == 2


def route(**parts: Any) -> dict[str, Any]:
    return {"route": [{"destination": {"host": "carts"}}], **parts}


def virtual_service(*routes: dict[str, Any]) -> dict[str, Any]:
    head = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "carts"}}
    return {**head, "spec": {"hosts": ["carts"], "http": list(routes)}}


def test_a_virtual_services_routes_are_one_value(cluster: EmbeddedCluster, http: Any) -> None:
    cluster.declare(VIRTUAL_SERVICES)
    made = put(cluster, virtual_service(route(name="a"), route(name="b")))
    path = f"{cluster.url}/apis/networking.istio.io/v1/namespaces/shop/virtualservices/carts"
    body = b'{"spec": {"http": [{"name": "c", "route": [{"destination": {"host": "carts"}}]}]}}'
    answer = http.request("PATCH", f"{path}?fieldManager=me", headers={"Content-Type": MERGE}, body=body)
    changed = answer.json()
    assert [one["name"] for one in changed["spec"]["http"]] == ["c"]
    assert changed["metadata"]["generation"] == made["metadata"]["generation"] + 1
    owner = {one["manager"]: one["fieldsV1"].get("f:spec", {}) for one in changed["metadata"]["managedFields"]}
    assert owner == {"kubectl-create": {"f:hosts": {}}, "me": {"f:http": {}}}


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"fault": {"delay": {"fixedDelay": "soon", "percentage": {"value": 50}}}}, "invalid duration"),
        ({"fault": {"abort": {"httpStatus": 99}}}, "HTTP status 99"),
        ({"fault": {"delay": {"fixedDelay": "5s", "percentage": {"value": 101}}}}, "percentage 101"),
        ({"fault": {}}, "must have an abort and/or a delay"),
        ({"redirect": {"uri": "/"}}, "cannot contain both route and redirect"),
        ({"route": [], "redirect": {"uri": "/"}, "fault": {"abort": {"httpStatus": 503}}}, "both fault and redirect"),
        ({"route": []}, "is required"),
    ],
)
def test_istio_refuses_what_it_would_refuse(cluster: EmbeddedCluster, bad: dict[str, Any], told: str) -> None:
    cluster.declare(VIRTUAL_SERVICES)
    with pytest.raises(ApiError, match=told) as refused:
        put(cluster, virtual_service(route(**bad)))
    assert refused.value.code == 400
    with pytest.raises(ApiError, match="must be provided"):
        put(cluster, virtual_service())


def test_a_report_about_an_older_template_makes_no_new_pods(cluster: EmbeddedCluster) -> None:
    hook = Manual()
    cluster.rollout = hook
    put(cluster, workload("Deployment", "carts", 2))
    key = WorkloadKey("deployments.apps", "shop", "carts")
    hook.report(key, Progress.ready(2))
    older = hook.reports[key]
    revision = hook.wanted[key].revision
    cluster.patch("Deployment", "shop", "carts", {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}})
    cluster.idle()
    assert hook.wanted[key].revision != revision
    older(Progress.ready(2))
    assert "updatedReplicas" not in cluster.get("Deployment", "shop", "carts")["status"]
    hook.report(key, Progress((PodState(ready=False), PodState(updated=False))))
    status = cluster.get("Deployment", "shop", "carts")["status"]
    assert (status["replicas"], status["updatedReplicas"], status["readyReplicas"]) == (2, 1, 1)
    sizes = sorted(
        (one["spec"]["replicas"], one["status"].get("readyReplicas", 0)) for one in cluster.items("ReplicaSet")
    )
    assert sizes == [(1, 0), (1, 1)]


def test_a_scaled_object_works_through_an_autoscaler_of_its_own(cluster: EmbeddedCluster) -> None:
    cluster.declare(SCALED_OBJECTS)
    put(cluster, workload("Deployment", "carts"))
    spec = {"scaleTargetRef": {"name": "carts"}, "minReplicaCount": 2, "maxReplicaCount": 5}
    head = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "carts"}}
    put(cluster, {**head, "spec": spec})
    hpa = cluster.get("HorizontalPodAutoscaler", "shop", "keda-hpa-carts")
    assert hpa["metadata"]["ownerReferences"][0]["kind"] == "ScaledObject"
    assert cluster.get("Deployment", "shop", "carts")["spec"]["replicas"] == 2
    cluster.patch("ScaledObject", "shop", "carts", {"spec": {"minReplicaCount": 4}})
    cluster.idle()
    assert cluster.get("Deployment", "shop", "carts")["spec"]["replicas"] == 4


def test_an_autoscaler_leaves_a_workload_at_zero(cluster: EmbeddedCluster) -> None:
    put(cluster, workload("Deployment", "carts", 0))
    put(cluster, autoscaler("carts", "carts", 2, 3))
    assert cluster.get("Deployment", "shop", "carts")["spec"]["replicas"] == 0


def test_deleting_a_namespace_deletes_what_is_in_it(cluster: EmbeddedCluster) -> None:
    put(cluster, workload("Deployment", "carts"))
    cluster.delete("Namespace", "", "shop")
    cluster.idle()
    assert cluster.items("Deployment") == cluster.items("Pod") == []
    with pytest.raises(ApiError):
        cluster.get("Namespace", "", "shop")
