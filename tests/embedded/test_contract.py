"""What the embedded cluster promises, as tests that a real API server passes too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded.sandbox import IMAGE, JSON, MERGE, STRATEGIC, Sandbox, autoscaler, workload


def owners(item: dict[str, Any], field: str) -> list[tuple[str, str]]:
    """Who owns `spec.<field>`: manager and subresource."""
    return [
        (entry["manager"], entry.get("subresource", ""))
        for entry in item["metadata"]["managedFields"]
        if f"f:{field}" in entry["fieldsV1"].get("f:spec", {})
    ]


def observed(item: dict[str, Any]) -> bool:
    return bool(item["status"].get("observedGeneration"))


def test_a_created_object_has_identity_version_and_defaults(sandbox: Sandbox) -> None:
    made = sandbox.create(workload("Deployment", "carts"))
    assert made["metadata"]["uid"]
    assert int(made["metadata"]["resourceVersion"]) > 0
    assert made["metadata"]["generation"] == 1
    assert made["spec"]["progressDeadlineSeconds"] == 600
    assert sandbox.get("Deployment", "carts")["metadata"]["uid"] == made["metadata"]["uid"]


def test_creating_twice_is_a_conflict(sandbox: Sandbox) -> None:
    sandbox.create(workload("Deployment", "carts"))
    status, answer = sandbox.request("POST", sandbox.path("Deployment"), workload("Deployment", "carts"))
    assert (status, answer["reason"], answer["kind"]) == (409, "AlreadyExists", "Status")
    assert answer["message"] == 'deployments.apps "carts" already exists'


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"kind": "StatefulSet"}, 400, ""),
        ({"metadata": {"name": "carts", "namespace": "elsewhere"}}, 400, "namespace"),
        ({"metadata": {"name": "carts", "resourceVersion": "1"}}, 400, "resourceVersion should not be set"),
        ({"metadata": {"name": "-Carts"}}, 422, "metadata.name: Invalid value"),
        ({"spec": {}}, 422, "spec.selector: Required value"),
    ],
)
def test_a_creation_that_is_not_valid_is_refused(
    sandbox: Sandbox, change: dict[str, Any], code: int, word: str
) -> None:
    body = {**workload("Deployment", "carts"), **change}
    status, answer = sandbox.request("POST", sandbox.path("Deployment"), body)
    assert (status, word in answer["message"]) == (code, True), answer
    assert sandbox.request("GET", sandbox.path("Deployment", "carts"))[0] == 404


def test_a_creation_needs_its_namespace(sandbox: Sandbox) -> None:
    path = "/apis/apps/v1/namespaces/nowhere-at-all/deployments"
    status, answer = sandbox.request("POST", path, workload("Deployment", "carts"))
    assert (status, answer["message"]) == (404, 'namespaces "nowhere-at-all" not found')


def test_a_name_can_be_left_to_the_server(sandbox: Sandbox) -> None:
    item = workload("Deployment", "carts", 0)
    item["metadata"] = {"generateName": "carts-"}
    names = {sandbox.create(item)["metadata"]["name"] for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("carts-") for name in names)


def test_a_deletion_has_preconditions(sandbox: Sandbox) -> None:
    made = sandbox.create(workload("Deployment", "carts", 0))
    path = sandbox.path("Deployment", "carts")
    status, answer = sandbox.request("DELETE", path, {"preconditions": {"uid": "another"}})
    assert (status, answer["reason"]) == (409, "Conflict")
    assert sandbox.request("DELETE", path, dryRun="All")[0] == 200
    assert sandbox.get("Deployment", "carts")["metadata"]["uid"] == made["metadata"]["uid"]
    options = {"preconditions": {"uid": made["metadata"]["uid"]}, "propagationPolicy": "Background"}
    assert sandbox.request("DELETE", path, options)[0] == 200
    assert sandbox.request("DELETE", path)[0] == 404


def test_an_object_keeps_its_identity(sandbox: Sandbox) -> None:
    made = sandbox.create(workload("StatefulSet", "carts", 0))
    path = sandbox.path("StatefulSet", "carts")
    for patch in ({"metadata": {"name": "other"}}, {"metadata": {"namespace": "other"}}):
        assert sandbox.request("PATCH", path, patch, content=MERGE)[0] == 400
    assert sandbox.request("PATCH", path, {"metadata": {"uid": "other"}}, content=MERGE)[0] == 409
    now = sandbox.patch("StatefulSet", "carts", {"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}})
    for key in ("uid", "creationTimestamp"):
        assert now["metadata"][key] == made["metadata"][key]


def test_what_is_not_there_is_not_found(sandbox: Sandbox) -> None:
    status, answer = sandbox.request("GET", sandbox.path("Deployment", "none"))
    assert (status, answer["reason"]) == (404, "NotFound")
    assert answer["message"] == 'deployments.apps "none" not found'
    assert answer["details"] == {"name": "none", "group": "apps", "kind": "deployments"}


def test_a_replacement_of_an_older_version_is_a_conflict(sandbox: Sandbox) -> None:
    sandbox.deployment("carts")
    old = sandbox.get("Deployment", "carts")
    sandbox.patch("Deployment", "carts", {"metadata": {"labels": {"a": "b"}}})
    old["spec"]["replicas"] = 3
    status, answer = sandbox.request("PUT", sandbox.path("Deployment", "carts"), old)
    assert (status, answer["reason"]) == (409, "Conflict")
    assert answer["message"] == (
        'Operation cannot be fulfilled on deployments.apps "carts": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert sandbox.get("Deployment", "carts")["spec"]["replicas"] == 1


def test_a_replacement_without_a_version_is_unconditional(sandbox: Sandbox) -> None:
    sandbox.deployment("carts")
    status, made = sandbox.request("PUT", sandbox.path("Deployment", "carts"), workload("Deployment", "carts", 2))
    assert (status, made["spec"]["replicas"]) == (200, 2)


@pytest.mark.parametrize("below", ["", "scale"])
def test_a_patch_with_another_version_is_a_conflict(sandbox: Sandbox, below: str) -> None:
    old = sandbox.deployment("carts")["metadata"]["resourceVersion"]
    sandbox.patch("Deployment", "carts", {"metadata": {"labels": {"a": "b"}}})
    patch = {"metadata": {"resourceVersion": old}, "spec": {"replicas": 3}}
    status, answer = sandbox.request("PATCH", sandbox.path("Deployment", "carts", below), patch, content=MERGE)
    assert (status, answer["reason"]) == (409, "Conflict")
    now = sandbox.get("Deployment", "carts")["metadata"]["resourceVersion"]
    patch["metadata"] = {"resourceVersion": now}
    status, answer = sandbox.request("PATCH", sandbox.path("Deployment", "carts", below), patch, content=MERGE)
    assert status == 200, answer
    assert sandbox.get("Deployment", "carts")["spec"]["replicas"] == 3


def test_a_merge_patch_deletes_by_null_and_replaces_lists(sandbox: Sandbox) -> None:
    sandbox.deployment("carts")
    sandbox.patch("Deployment", "carts", {"metadata": {"labels": {"a": "1", "b": "2"}}})
    made = sandbox.patch("Deployment", "carts", {"metadata": {"labels": {"a": None}}})
    assert made["metadata"]["labels"] == {"b": "2"}


def test_a_strategic_patch_merges_containers_by_name(sandbox: Sandbox) -> None:
    sandbox.deployment("carts")
    side = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": IMAGE}]}}}}
    made = sandbox.patch("Deployment", "carts", side, content=STRATEGIC)
    assert {one["name"] for one in made["spec"]["template"]["spec"]["containers"]} == {"main", "side"}
    gone = {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}
    made = sandbox.patch("Deployment", "carts", gone, content=STRATEGIC)
    assert [one["name"] for one in made["spec"]["template"]["spec"]["containers"]] == ["main"]


def test_a_json_patch_tests_before_it_changes(sandbox: Sandbox) -> None:
    sandbox.deployment("carts")
    good = [
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
    ]
    assert sandbox.patch("Deployment", "carts", good, content=JSON)["spec"]["replicas"] == 2
    status, _ = sandbox.request("PATCH", sandbox.path("Deployment", "carts"), good, content=JSON)
    assert status == 422
    assert sandbox.get("Deployment", "carts")["spec"]["replicas"] == 2


def test_an_unknown_patch_type_is_refused(sandbox: Sandbox) -> None:
    sandbox.deployment("carts")
    status, answer = sandbox.request("PATCH", sandbox.path("Deployment", "carts"), "x", content="text/plain")
    assert (status, answer["reason"]) == (415, "UnsupportedMediaType")


def test_the_scale_and_the_object_stay_in_step(sandbox: Sandbox) -> None:
    made = sandbox.deployment("carts", 2)
    scale = sandbox.get("Deployment", "carts", "scale")
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 2, "selector": "app=carts"})
    sandbox.patch("Deployment", "carts", {"spec": {"replicas": 1}}, "scale")
    assert sandbox.get("Deployment", "carts")["spec"]["replicas"] == 1
    sandbox.patch("Deployment", "carts", {"spec": {"replicas": 2}})
    assert sandbox.get("Deployment", "carts", "scale")["spec"]["replicas"] == 2


def test_a_scale_can_be_replaced(sandbox: Sandbox) -> None:
    sandbox.deployment("carts")
    scale = sandbox.get("Deployment", "carts", "scale")
    scale["spec"]["replicas"] = 2
    status, made = sandbox.request("PUT", sandbox.path("Deployment", "carts", "scale"), scale)
    assert (status, made["spec"]["replicas"]) == (200, 2)
    scale["spec"]["replicas"] = 3
    assert sandbox.request("PUT", sandbox.path("Deployment", "carts", "scale"), scale)[0] == 409


def test_zero_replicas_are_left_out_of_a_scale(sandbox: Sandbox) -> None:
    sandbox.create(workload("Deployment", "carts", 0))
    assert sandbox.get("Deployment", "carts", "scale")["spec"].get("replicas", 0) == 0


@pytest.mark.parametrize(("kind", "bumps"), [("Deployment", True), ("StatefulSet", False)])
def test_generation_follows_the_spec_and_a_deployments_annotations(sandbox: Sandbox, kind: str, bumps: bool) -> None:
    sandbox.create(workload(kind, "carts"))
    before = sandbox.get(kind, "carts")["metadata"]["generation"]
    sandbox.patch(kind, "carts", {"metadata": {"labels": {"a": "b"}}})
    assert sandbox.get(kind, "carts")["metadata"]["generation"] == before
    sandbox.patch(kind, "carts", {"metadata": {"annotations": {"a": "b"}}})
    assert sandbox.get(kind, "carts")["metadata"]["generation"] == before + bumps
    sandbox.patch(kind, "carts", {"spec": {"replicas": 0}})
    assert sandbox.get(kind, "carts")["metadata"]["generation"] == before + bumps + 1


def test_a_patch_that_changes_nothing_makes_no_version(sandbox: Sandbox) -> None:
    sandbox.create(workload("StatefulSet", "carts", 0))
    sandbox.until(lambda: sandbox.get("StatefulSet", "carts"), observed)
    before = sandbox.get("StatefulSet", "carts")["metadata"]["resourceVersion"]
    sandbox.patch("StatefulSet", "carts", {"spec": {"replicas": 0}})
    assert sandbox.get("StatefulSet", "carts")["metadata"]["resourceVersion"] == before


def test_whoever_changes_a_field_owns_it(sandbox: Sandbox) -> None:
    sandbox.create(workload("Deployment", "carts", 0))
    assert owners(sandbox.get("Deployment", "carts"), "replicas") == [("kubectl-edit", "")]
    path = sandbox.path("Deployment", "carts")
    sandbox.request("PATCH", path, {"spec": {"replicas": 1}}, content=MERGE, fieldManager="somebody")
    assert owners(sandbox.get("Deployment", "carts"), "replicas") == [("somebody", "")]
    sandbox.request("PATCH", f"{path}/scale", {"spec": {"replicas": 2}}, content=MERGE, fieldManager="scaler")
    assert owners(sandbox.get("Deployment", "carts"), "replicas") == [("scaler", "scale")]
    sandbox.request("PATCH", path, {"spec": {"replicas": 2}}, content=MERGE, fieldManager="late")
    assert owners(sandbox.get("Deployment", "carts"), "replicas") == [("scaler", "scale")]


def test_the_status_is_written_only_through_its_subresource(sandbox: Sandbox) -> None:
    sandbox.create(autoscaler("carts", "nothing", 1, 3))
    sandbox.patch("HorizontalPodAutoscaler", "carts", {"status": {"desiredReplicas": 77}})
    assert sandbox.get("HorizontalPodAutoscaler", "carts").get("status", {}).get("desiredReplicas") != 77
    sandbox.patch("HorizontalPodAutoscaler", "carts", {"spec": {"maxReplicas": 9}}, "status")
    assert sandbox.get("HorizontalPodAutoscaler", "carts")["spec"]["maxReplicas"] == 3


def test_a_dry_run_keeps_nothing(sandbox: Sandbox) -> None:
    body = workload("Deployment", "ghost")
    status, made = sandbox.request("POST", sandbox.path("Deployment"), body, dryRun="All")
    assert (status, made["spec"]["replicas"]) == (201, 1)
    assert sandbox.request("GET", sandbox.path("Deployment", "ghost"))[0] == 404
    sandbox.create(workload("StatefulSet", "carts"))
    path = sandbox.path("StatefulSet", "carts")
    status, made = sandbox.request("PATCH", path, {"spec": {"replicas": 5}}, content=MERGE, dryRun="All")
    assert (status, made["spec"]["replicas"]) == (200, 5)
    assert sandbox.get("StatefulSet", "carts")["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    ("patch", "code", "word"),
    [
        ({"spec": {"replicas": -1}}, 422, "spec.replicas: Invalid value: -1"),
        ({"spec": {"selector": {"matchLabels": {"app": "other"}}}}, 422, "field is immutable"),
        ({"spec": {"replicas": "two"}}, 400, ""),
    ],
)
def test_what_is_not_valid_is_refused(sandbox: Sandbox, patch: dict[str, Any], code: int, word: str) -> None:
    sandbox.deployment("carts")
    status, answer = sandbox.request("PATCH", sandbox.path("Deployment", "carts"), patch, content=MERGE)
    assert status == code, answer
    assert word in answer["message"]


def test_an_autoscalers_minimum_stays_within_its_maximum(sandbox: Sandbox) -> None:
    sandbox.create(autoscaler("carts", "carts", 1, 3))
    path = sandbox.path("HorizontalPodAutoscaler", "carts")
    status, answer = sandbox.request("PATCH", path, {"spec": {"minReplicas": 4}}, content=MERGE)
    assert (status, answer["reason"]) == (422, "Invalid")


def test_an_autoscaler_brings_its_workload_up_to_the_minimum(sandbox: Sandbox) -> None:
    sandbox.deployment("carts", 1)
    sandbox.create(autoscaler("carts", "carts", 2, 3))
    item = sandbox.until(lambda: sandbox.get("Deployment", "carts"), lambda item: item["spec"]["replicas"] == 2)
    assert owners(item, "replicas") == [("kube-controller-manager", "scale")]


def test_lists_choose_by_label_and_by_name(sandbox: Sandbox) -> None:
    for name, tier in (("a", "front"), ("b", "back"), ("c", "back")):
        item = workload("Deployment", name, 0)
        item["metadata"]["labels"] = {"tier": tier}
        sandbox.create(item)

    def names(**query: str) -> list[str]:
        status, answer = sandbox.request("GET", sandbox.path("Deployment"), **query)
        assert (status, answer["kind"]) == (200, "DeploymentList")
        return [item["metadata"]["name"] for item in answer["items"]]

    assert names(labelSelector="tier=back") == ["b", "c"]
    assert names(labelSelector="tier in (front, other)") == ["a"]
    assert names(labelSelector="tier!=back,tier") == ["a"]
    assert names(labelSelector="!tier") == []
    assert names(fieldSelector="metadata.name=b") == ["b"]
    assert sandbox.request("GET", sandbox.path("Deployment"), fieldSelector="spec.replicas=0")[0] == 400


def test_lists_come_in_pages(sandbox: Sandbox) -> None:
    for name in "abc":
        sandbox.create(workload("Deployment", name, 0))
    status, first = sandbox.request("GET", sandbox.path("Deployment"), limit="2")
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    query = {"limit": "2", "continue": first["metadata"]["continue"]}
    _, rest = sandbox.request("GET", sandbox.path("Deployment"), **query)
    assert (status, [item["metadata"]["name"] for item in rest["items"]]) == (200, ["c"])
    assert not rest["metadata"].get("continue")


def test_with_a_finalizer_deletion_is_only_marked(sandbox: Sandbox) -> None:
    item = workload("Deployment", "carts", 0)
    item["metadata"]["finalizers"] = ["example.com/hold"]
    sandbox.create(item)
    sandbox.delete("Deployment", "carts")
    assert "deletionTimestamp" in sandbox.get("Deployment", "carts")["metadata"]
    sandbox.patch("Deployment", "carts", {"metadata": {"finalizers": None}})
    sandbox.until(lambda: sandbox.request("GET", sandbox.path("Deployment", "carts"))[0], lambda status: status == 404)


def test_a_lease_needs_the_version_that_it_replaces(sandbox: Sandbox) -> None:
    head = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader"}}
    made = sandbox.create({**head, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}})
    stolen = {**made, "spec": {"holderIdentity": "b", "leaseDurationSeconds": 15}}
    assert sandbox.request("PUT", sandbox.path("Lease", "leader"), stolen)[0] == 200
    assert sandbox.request("PUT", sandbox.path("Lease", "leader"), made)[0] == 409
    bare = {**head, "spec": {"holderIdentity": "c"}}
    assert sandbox.request("PUT", sandbox.path("Lease", "leader"), bare)[0] == 422


def test_discovery_tells_what_is_served(sandbox: Sandbox) -> None:
    assert sandbox.request("GET", "/version")[1]["major"] == "1"
    groups = {group["name"] for group in sandbox.request("GET", "/apis")[1]["groups"]}
    assert {"apps", "autoscaling", "coordination.k8s.io"} <= groups
    assert sandbox.request("GET", "/apis/apps")[1]["preferredVersion"]["groupVersion"] == "apps/v1"
    resources = {entry["name"]: entry for entry in sandbox.request("GET", "/apis/apps/v1")[1]["resources"]}
    assert resources["deployments"]["kind"] == "Deployment"
    assert resources["deployments/scale"]["kind"] == "Scale"
    assert sandbox.request("GET", "/apis/nothing.example.com/v1")[0] == 404
