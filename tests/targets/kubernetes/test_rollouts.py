"""When a rollout is complete and what keeps it from it, judged from documents as servers send them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.targets.kubernetes.documents import manager, mark, selector
from reconciler.targets.kubernetes.resources import DEPLOYMENT, REPLICA_SET, STATEFUL_SET
from reconciler.targets.kubernetes.rollouts import pods_trouble, progress, ready_pods, scaled_progress

DONE = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


def item(status: dict[str, Any], replicas: int | None = 2, **spec: Any) -> dict[str, Any]:
    body = {**spec, **({} if replicas is None else {"replicas": replicas})}
    return {"metadata": {"name": "carts", "generation": 3}, "spec": body, "status": status}


@pytest.mark.parametrize(
    ("change", "settled"),
    [
        pytest.param({}, True, id="complete"),
        pytest.param({"observedGeneration": 2}, False, id="the new spec was not seen"),
        pytest.param({"observedGeneration": None}, False, id="nothing was seen"),
        pytest.param({"updatedReplicas": 1}, False, id="one pod has the old template"),
        pytest.param({"replicas": 3, "updatedReplicas": 2}, False, id="an old pod is still there"),
        pytest.param({"availableReplicas": 1}, False, id="one pod is not available"),
        pytest.param({"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}, False, id="scaling down goes on"),
    ],
)
def test_a_deployment(change: dict[str, Any], settled: bool) -> None:
    assert progress(DEPLOYMENT, item({**DONE, **change})).settled is settled


def test_counts_that_are_left_out_are_zero_and_replicas_one() -> None:
    state = progress(DEPLOYMENT, item({"observedGeneration": 3}, 0))
    assert (state.replicas, state.ready, state.settled) == (0, 0, True)
    assert progress(DEPLOYMENT, item({"observedGeneration": 3}, None)).replicas == 1
    assert not progress(DEPLOYMENT, {"metadata": {}, "spec": {}}).settled


@pytest.mark.parametrize(
    ("spec", "change", "settled"),
    [
        pytest.param({}, {}, True, id="complete"),
        pytest.param({}, {"updateRevision": "b"}, False, id="another revision is coming"),
        pytest.param({}, {"availableReplicas": 1}, False, id="a pod is not available"),
        pytest.param({}, {"replicas": 3}, False, id="scaling down goes on"),
        pytest.param(
            {"type": "OnDelete"}, {"updateRevision": "b"}, True, id="its pods are replaced only when they are deleted"
        ),
        pytest.param(
            {"rollingUpdate": {"partition": 1}},
            {"updateRevision": "b", "updatedReplicas": 1},
            True,
            id="all above the partition are updated",
        ),
        pytest.param(
            {"rollingUpdate": {"partition": 1}},
            {"updateRevision": "b", "updatedReplicas": 0},
            False,
            id="not all above the partition are updated",
        ),
    ],
)
def test_a_stateful_set(spec: dict[str, Any], change: dict[str, Any], settled: bool) -> None:
    status = {**DONE, "currentRevision": "a", "updateRevision": "a", **change}
    assert progress(STATEFUL_SET, item(status, updateStrategy=spec)).settled is settled


def test_a_stateful_set_of_a_server_that_does_not_tell_what_is_available_is_judged_by_what_is_ready() -> None:
    status = {**DONE, "currentRevision": "a", "updateRevision": "a"}
    status.pop("availableReplicas")
    assert progress(STATEFUL_SET, item(status)).settled


def test_a_replica_set() -> None:
    assert progress(REPLICA_SET, item(DONE)).settled
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    state = progress(REPLICA_SET, item({**DONE, "availableReplicas": 1, "conditions": [failure]}))
    assert (state.settled, state.trouble) == (False, "FailedCreate: exceeded quota")


def test_a_failure_that_is_over_is_no_trouble() -> None:
    failure = {"type": "ReplicaFailure", "status": "False", "reason": "FailedCreate", "message": "exceeded quota"}
    assert progress(DEPLOYMENT, item({**DONE, "availableReplicas": 1, "conditions": [failure]})).trouble == ""


@pytest.mark.parametrize(
    ("status", "ready", "settled"),
    [
        ({"observedGeneration": 3, "readyReplicas": 2}, None, True),
        ({"observedGeneration": "3", "readyReplicas": 2}, None, True),
        ({"observedGeneration": "2", "readyReplicas": 2}, None, False),
        ({"readyReplicas": 2}, None, True),
        ({"readyReplicas": 1}, None, False),
        ({"readyReplicas": 2, "updatedReplicas": 1}, None, False),
        ({}, 2, True),
        ({}, 1, False),
    ],
)
def test_any_other_kind(status: dict[str, Any], ready: int | None, settled: bool) -> None:
    scale = {"spec": {"replicas": 2}, "status": {"replicas": 2}}
    assert scaled_progress(item(status), scale, ready).settled is settled


def pod(name: str, reason: str = "", message: str = "", where: str = "containerStatuses") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}} if reason else {"running": {}}
    return {"metadata": {"name": name}, "status": {where: [{"name": "main", "state": state}]}}


def test_the_first_pod_in_trouble_is_told_in_words() -> None:
    pods = [pod("c", "ErrImagePull", "no such image"), pod("b", "CrashLoopBackOff"), pod("a", "ContainerCreating")]
    assert pods_trouble(pods) == "CrashLoopBackOff in container main of pod b"
    assert pods_trouble(pods[:1]) == "ErrImagePull in container main of pod c: no such image"
    assert pods_trouble(pods[2:]) == ""
    assert pods_trouble([pod("a", "ImagePullBackOff", where="initContainerStatuses")]).startswith("ImagePullBackOff")
    assert len(pods_trouble([pod("a", "CrashLoopBackOff", "x" * 1000)])) == 240


def test_pods_that_are_going_are_not_ready() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    going = {"metadata": {"name": "b", "deletionTimestamp": "now"}, "status": ready}
    assert ready_pods([{"metadata": {"name": "a"}, "status": ready}, going, pod("c")]) == 1


def test_a_selector_is_written_as_the_api_takes_it() -> None:
    rules = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "NotIn", "values": ["x"]},
        {"key": "app", "operator": "Exists"},
        {"key": "dead", "operator": "DoesNotExist"},
    ]
    spec = {"selector": {"matchLabels": {"b": "2", "a": "1"}, "matchExpressions": rules}}
    assert selector({"spec": spec}) == "a=1,b=2,tier in (a,b),old notin (x),app,!dead"


def owned(manager: str, time: str, *fields: str) -> dict[str, Any]:
    return {"manager": manager, "time": time, "fieldsV1": {"f:spec": {f"f:{field}": {} for field in fields}}}


def test_of_several_owners_the_last_one_is_told() -> None:
    entries = [
        owned("helm", "2026-01-01T00:00:00Z", "replicas", "template"),
        owned("argocd", "2026-01-02T00:00:00Z", "replicas"),
        owned("late", "2026-01-03T00:00:00Z", "template"),
    ]
    assert manager({"metadata": {"managedFields": entries}}, "replicas") == "argocd"
    assert manager({"metadata": {"managedFields": entries}}, "minReplicas") == ""
    assert manager({"metadata": {}}, "replicas") == ""


@pytest.mark.parametrize(
    ("step", "sequence", "commit"),
    [("12:abc", 12, "abc"), ("12:", 12, ""), ("x", 0, ""), ("-1:abc", 0, ""), ("1:xyz", 0, ""), ("", 0, "")],
)
def test_marks_are_read_strictly(step: str, sequence: int, commit: str) -> None:
    notes = {"reconciler.dev/owner": "a/b/c", "reconciler.dev/step": step}
    found = mark({"metadata": {"annotations": notes}})
    assert found is not None
    assert (found.sequence, found.commit) == (sequence, commit)
    assert mark({"metadata": {"annotations": {"reconciler.dev/step": step}}}) is None
