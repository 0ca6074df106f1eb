"""How workloads and pods look while they roll out: the `status` that Kubernetes' own controllers would write.

Zero counts are left out, as the API's JSON does. Reasons and messages are those of the deployment and replica set
controllers.
"""

from __future__ import annotations

from typing import Any

from reconciler.embedded.cluster.kinds import Kind
from reconciler.embedded.cluster.rollout import PodState, Progress
from reconciler.embedded.cluster.scaling import with_value
from reconciler.embedded.cluster.selectors import of_selector

NODES = 1
"""Nodes of the cluster, so pods of a DaemonSet."""


def counts(progress: Progress) -> dict[str, int]:
    """Return the counts that every workload's status has in some form."""
    ready = sum(pod.ready for pod in progress.pods)
    return {
        "replicas": len(progress.pods),
        "updatedReplicas": sum(pod.updated for pod in progress.pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
    }


def workload(kind: Kind, item: dict[str, Any], progress: Progress, revision: str, time: str) -> dict[str, Any]:
    """Return the object with the status that ``progress`` gives it; ``revision`` names its present template."""
    old = item.get("status") or {}
    numbers = counts(progress)
    generation = item["metadata"].get("generation")
    if not kind.builtin and kind.scale:
        status: dict[str, Any] = {**old, "observedGeneration": generation, **numbers}
        changed = with_value({**item, "status": status}, kind.scale.status, numbers["replicas"])
        selector = of_selector((item.get("spec") or {}).get("selector") or {})
        if kind.scale.selector and selector:
            changed = with_value(changed, kind.scale.selector, selector)
        return changed
    status = {"observedGeneration": generation, **{key: value for key, value in numbers.items() if value}}
    match kind.kind:
        case "Deployment":
            missing = item["spec"]["replicas"] - numbers["availableReplicas"]
            if missing > 0:
                status["unavailableReplicas"] = missing
            status["conditions"] = _deployment_conditions(item, progress, old.get("conditions") or [], time)
        case "StatefulSet":
            whole = all(pod.updated for pod in progress.pods)
            status |= {key: numbers[key] for key in ("replicas", "availableReplicas")}
            status["updateRevision"] = revision
            status["currentRevision"] = revision if whole else old.get("currentRevision", revision)
        case "DaemonSet":
            return {**item, "status": {"observedGeneration": generation, **_daemon_counts(numbers)}}
        case _:
            status.pop("updatedReplicas", None)
            status["replicas"] = numbers["replicas"]
            status["fullyLabeledReplicas"] = numbers["replicas"]
            if progress.refused:
                status["conditions"] = [
                    _condition([], "ReplicaFailure", "True", "FailedCreate", progress.refused, time)
                ]
    return {**item, "status": status}


def _daemon_counts(numbers: dict[str, int]) -> dict[str, int]:
    """Return the counts of a DaemonSet: it speaks of nodes, one pod each."""
    shown = {
        "currentNumberScheduled": numbers["replicas"],
        "desiredNumberScheduled": NODES,
        "numberMisscheduled": 0,
        "numberReady": numbers["readyReplicas"],
    }
    missing = NODES - numbers["availableReplicas"]
    other = {
        "numberAvailable": numbers["availableReplicas"],
        "numberUnavailable": missing,
        "updatedNumberScheduled": numbers["updatedReplicas"],
    }
    return shown | {key: value for key, value in other.items() if value}


def _deployment_conditions(
    item: dict[str, Any], progress: Progress, old: list[dict[str, Any]], time: str
) -> list[dict[str, Any]]:
    name, wanted = item["metadata"]["name"], item["spec"]["replicas"]
    numbers = counts(progress)
    # The deployment controller rounds maxUnavailable (25 %) down.
    enough = numbers["availableReplicas"] >= wanted - wanted // 4
    available = (
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        if enough
        else ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    )
    complete = numbers["updatedReplicas"] == numbers["replicas"] == numbers["availableReplicas"] == wanted
    if progress.late:
        going = ("False", "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.')
    elif complete:
        going = ("True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
    else:
        going = ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    conditions = [
        _condition(old, "Available", *available, time),
        _condition(old, "Progressing", *going, time),
    ]
    if progress.refused:
        conditions.append(_condition(old, "ReplicaFailure", "True", "FailedCreate", progress.refused, time))
    return conditions


def _condition(
    old: list[dict[str, Any]], kind: str, status: str, reason: str, message: str, time: str
) -> dict[str, Any]:
    before = next((condition for condition in old if condition["type"] == kind), None)
    same = before is not None and before["status"] == status
    if before is not None and same and (before["reason"], before["message"]) == (reason, message):
        return before
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": time,
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and same else time,
    }


def pod(template: dict[str, Any], state: PodState, time: str) -> dict[str, Any]:
    """Return the status of a pod."""
    restarts = 5 if state.reason == "CrashLoopBackOff" else 0
    waiting = {"reason": state.reason or "ContainerCreating", **({"message": state.message} if state.message else {})}
    containers = [
        {
            "name": container["name"],
            "image": container.get("image", ""),
            "imageID": "",
            "ready": state.ready,
            "started": state.ready,
            "restartCount": restarts,
            "state": {"running": {"startedAt": time}} if state.ready else {"waiting": waiting},
        }
        for container in template["spec"]["containers"]
    ]
    condition = {"type": "Ready", "status": "True" if state.ready else "False", "lastTransitionTime": time}
    phase = "Running" if state.ready or restarts else "Pending"
    return {"phase": phase, "conditions": [condition], "containerStatuses": containers, "startTime": time}
