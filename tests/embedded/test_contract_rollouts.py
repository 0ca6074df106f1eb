"""What the embedded cluster promises of rollouts and revisions, as tests that a real cluster passes too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded.sandbox import MERGE, Sandbox, available, rolled_out, workload


def test_a_deployment_takes_its_pods_with_it(sandbox: Sandbox) -> None:
    sandbox.deployment("carts", 2)
    _, pods = sandbox.request("GET", sandbox.path("Pod"), labelSelector="app=carts")
    assert len(pods["items"]) == 2
    sandbox.delete("Deployment", "carts")
    sandbox.until(lambda: sandbox.request("GET", sandbox.path("Pod"))[1]["items"], lambda items: items == [])


def test_a_deployments_status_follows_its_spec(sandbox: Sandbox) -> None:
    sandbox.deployment("carts", 1)
    made = sandbox.patch("Deployment", "carts", {"spec": {"replicas": 3}})
    assert made["status"]["observedGeneration"] < made["metadata"]["generation"]
    item = sandbox.until(lambda: sandbox.get("Deployment", "carts"), lambda item: available(item) == 3)
    conditions = {one["type"]: (one["status"], one["reason"]) for one in item["status"]["conditions"]}
    assert conditions["Available"] == ("True", "MinimumReplicasAvailable")
    assert conditions["Progressing"] == ("True", "NewReplicaSetAvailable")


def note(sandbox: Sandbox, kind: str, value: str | None) -> dict[str, Any]:
    """Change the template by an annotation, and return the workload once its pods have followed."""
    template = {"metadata": {"annotations": {"note": value}}}
    sandbox.patch(kind, "carts", {"spec": {"template": template}})
    found: dict[str, Any] = sandbox.until(lambda: sandbox.get(kind, "carts"), rolled_out)
    return found


def listed(sandbox: Sandbox, kind: str) -> list[dict[str, Any]]:
    return list(sandbox.request("GET", sandbox.path(kind), labelSelector="app=carts")[1]["items"])


def test_a_deployment_keeps_a_replica_set_for_each_template(sandbox: Sandbox) -> None:
    sandbox.deployment("carts", 2)
    note(sandbox, "Deployment", "changed")

    def sets() -> dict[str, tuple[str, int]]:
        return {
            one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: (
                one["metadata"]["labels"]["pod-template-hash"],
                one["spec"]["replicas"],
            )
            for one in listed(sandbox, "ReplicaSet")
        }

    before = sandbox.until(sets, lambda found: sorted(count for _, count in found.values()) == [0, 2])
    (first, _), (second, count) = before["1"], before["2"]
    assert (len(before), first != second, count) == (2, True, 2)
    item = sandbox.get("Deployment", "carts")
    assert item["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    for one in listed(sandbox, "ReplicaSet"):
        number = one["metadata"]["labels"]["pod-template-hash"]
        assert one["metadata"]["name"] == f"carts-{number}"
        assert one["spec"]["template"]["metadata"]["labels"] == {"app": "carts", "pod-template-hash": number}
    pods = sandbox.until(lambda: listed(sandbox, "Pod"), lambda found: len(found) == 2)
    assert {pod["metadata"]["labels"]["pod-template-hash"] for pod in pods} == {second}
    # The first template again is the first replica set again, as a new revision that remembers its old number.
    note(sandbox, "Deployment", None)
    after = sandbox.until(sets, lambda found: sorted(count for _, count in found.values()) == [0, 2])
    assert {number: value[0] for number, value in after.items()} == {"2": second, "3": first}
    (again,) = (one for one in listed(sandbox, "ReplicaSet") if one["metadata"]["name"] == f"carts-{first}")
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


def test_a_deployment_forgets_the_oldest_replica_sets(sandbox: Sandbox) -> None:
    sandbox.deployment("carts", 1, revisionHistoryLimit=1)
    for value in "abc":
        note(sandbox, "Deployment", value)

    def revisions() -> list[str]:
        sets = listed(sandbox, "ReplicaSet")
        return sorted(one["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for one in sets)

    assert sandbox.until(revisions, lambda found: len(found) == 2) == ["3", "4"]


def test_a_paused_deployment_rolls_nothing_out(sandbox: Sandbox) -> None:
    sandbox.deployment("carts", 1)
    sandbox.patch("Deployment", "carts", {"spec": {"paused": True}})
    template = {"metadata": {"annotations": {"note": "later"}}}
    made = sandbox.patch("Deployment", "carts", {"spec": {"template": template}})

    def seen(item: dict[str, Any]) -> bool:
        return bool(item["status"]["observedGeneration"] >= made["metadata"]["generation"])

    item = sandbox.until(lambda: sandbox.get("Deployment", "carts"), seen)
    assert (item["status"].get("updatedReplicas", 0), item["status"]["replicas"]) == (0, 1)
    assert len(listed(sandbox, "ReplicaSet")) == 1
    sandbox.patch("Deployment", "carts", {"spec": {"paused": False}})
    sandbox.until(lambda: sandbox.get("Deployment", "carts"), rolled_out)
    assert len(listed(sandbox, "ReplicaSet")) == 2


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_controller_revisions_hold_the_templates(sandbox: Sandbox, kind: str) -> None:
    sandbox.create(workload(kind, "carts", 1))
    sandbox.until(lambda: sandbox.get(kind, "carts"), rolled_out)
    item = note(sandbox, kind, "changed")

    def revisions() -> dict[int, dict[str, Any]]:
        return {int(one["revision"]): one for one in listed(sandbox, "ControllerRevision")}

    found = sandbox.until(revisions, lambda found: sorted(found) == [1, 2])
    for number, one in found.items():
        template = one["data"]["spec"]["template"]
        assert template["$patch"] == "replace"
        assert (template["metadata"].get("annotations") or {}).get("note") == ("changed" if number == 2 else None)
        assert [owner["name"] for owner in one["metadata"]["ownerReferences"]] == ["carts"]
    name = found[2]["metadata"]["name"]
    pods = sandbox.until(
        lambda: listed(sandbox, "Pod"), lambda pods: all("deletionTimestamp" not in str(p) for p in pods)
    )
    marks = {pod["metadata"]["labels"]["controller-revision-hash"] for pod in pods}
    if kind == "StatefulSet":
        assert item["status"]["updateRevision"] == name
        assert marks == {name}
    else:
        assert marks == {found[2]["metadata"]["labels"]["controller-revision-hash"]}
        assert name.endswith(marks.pop())
    note(sandbox, kind, None)
    found = sandbox.until(revisions, lambda found: sorted(found) == [2, 3])
    assert not (found[3]["data"]["spec"]["template"]["metadata"].get("annotations") or {}).get("note")
    path = sandbox.path("ControllerRevision", found[3]["metadata"]["name"])
    assert sandbox.request("PATCH", path, {"data": {"spec": None}}, content=MERGE)[0] == 422


def test_a_quota_shows_as_a_replica_failure(sandbox: Sandbox) -> None:
    sandbox.deployment("carts", 1)
    sandbox.limit_pods(1)
    sandbox.patch("Deployment", "carts", {"spec": {"replicas": 3}})

    def failure() -> list[dict[str, Any]]:
        conditions = sandbox.get("Deployment", "carts")["status"]["conditions"]
        return [one for one in conditions if one["type"] == "ReplicaFailure" and one["status"] == "True"]

    (condition,) = sandbox.until(failure)
    assert condition["reason"] == "FailedCreate"
    assert "exceeded quota" in condition["message"]
