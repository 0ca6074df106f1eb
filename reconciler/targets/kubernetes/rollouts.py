"""Whether a workload has become what its spec says, and if not, what stands in the way.

Deployments, StatefulSets and DaemonSets are judged as `kubectl rollout status` does
(`polymorphichelpers/rollout_status.go`), and stricter in one point: the number of pods must be the number asked for, so
that a scale-down is over only when it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.targets.kubernetes.documents import dig, items, name, number, text
from reconciler.targets.kubernetes.resources import DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Resource

HOPELESS = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""Why a container waits when nobody will come to help it."""
_LONGEST = 240


@dataclass(frozen=True)
class Progress:
    """How far a workload is. ``ready`` counts pods that are updated and available."""

    replicas: int
    ready: int
    settled: bool
    trouble: str = ""


def progress(resource: Resource, item: dict[str, Any]) -> Progress:
    """Return how far a Deployment, StatefulSet, DaemonSet or ReplicaSet is, from its own status."""
    status = item.get("status") or {}
    if resource is DAEMON_SET:
        return _daemon_set(item, status)
    replicas = number(item, "spec", "replicas", default=1)
    seen = number(status, "observedGeneration") >= number(item, "metadata", "generation")
    if resource is DEPLOYMENT:
        return _deployment(item, status, replicas, seen=seen)
    if resource is STATEFUL_SET:
        return _stateful_set(item, status, replicas, seen=seen)
    ready = number(status, "availableReplicas")
    settled = seen and number(status, "replicas") == replicas and ready >= replicas
    return Progress(replicas, ready, settled, _refused(status) if not settled else "")


def _deployment(item: dict[str, Any], status: dict[str, Any], replicas: int, *, seen: bool) -> Progress:
    updated, available = number(status, "updatedReplicas"), number(status, "availableReplicas")
    ready = min(updated, available)
    settled = seen and updated == number(status, "replicas") == replicas and available >= updated
    if settled or not seen:
        return Progress(replicas, ready, settled)
    trouble = _refused(status)
    going = next((one for one in items(status, "conditions") if one.get("type") == "Progressing"), {})
    if not trouble and going.get("reason") == "ProgressDeadlineExceeded":
        trouble = f"ProgressDeadlineExceeded: {text(going, 'message')}"
    if not trouble and dig(item, "spec", "paused") is True and updated < replicas:
        # A paused deployment still scales the pods of its old template, but its new one waits for a person.
        trouble = f"Deployment {name(item)} is paused, so its present template is not rolled out"
    return Progress(replicas, ready, settled, trouble[:_LONGEST])


def _stateful_set(item: dict[str, Any], status: dict[str, Any], replicas: int, *, seen: bool) -> Progress:
    # Servers before 1.22 do not tell what is available.
    available = number(status, "availableReplicas", default=number(status, "readyReplicas"))
    updated = number(status, "updatedReplicas")
    partition = number(item, "spec", "updateStrategy", "rollingUpdate", "partition")
    if text(item, "spec", "updateStrategy", "type") == "OnDelete":
        rolled = True  # its pods are replaced when somebody deletes them, so the template says nothing
    elif partition:
        rolled = updated >= replicas - partition
    else:
        rolled = text(status, "updateRevision") == text(status, "currentRevision")
    whole = number(status, "replicas") == replicas and available >= replicas
    return Progress(replicas, available, seen and whole and rolled)


def _daemon_set(item: dict[str, Any], status: dict[str, Any]) -> Progress:
    wanted, available = number(status, "desiredNumberScheduled"), number(status, "numberAvailable")
    updated = number(status, "updatedNumberScheduled")
    seen = number(status, "observedGeneration") >= number(item, "metadata", "generation")
    return Progress(wanted, min(updated, available), seen and updated >= wanted and available >= wanted)


def scaled_progress(item: dict[str, Any], scale: dict[str, Any], ready: int | None) -> Progress:
    """Return how far any other kind is: from its Scale, and from ``ready`` pods where somebody counted them."""
    status = item.get("status") or {}
    replicas = number(scale, "spec", "replicas")
    count = ready if ready is not None else number(status, "readyReplicas", default=number(scale, "status", "replicas"))
    observed = dig(status, "observedGeneration")
    # Argo Rollouts writes it as text.
    seen = observed is None or str(observed) == str(dig(item, "metadata", "generation"))
    updated = number(status, "updatedReplicas", default=replicas)
    settled = seen and number(scale, "status", "replicas") == replicas and count >= replicas and updated >= replicas
    return Progress(replicas, min(count, updated), settled, "" if settled else _refused(status))


def _refused(status: dict[str, Any]) -> str:
    """Return why no more pods can be created (a quota, an admission rule), empty where they can."""
    for condition in items(status, "conditions"):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return f"{text(condition, 'reason')}: {text(condition, 'message')}"[:_LONGEST]
    return ""


def pods_trouble(pods: list[dict[str, Any]]) -> str:
    """Return in words why the first pod (by name) with a hopeless container will not start; empty if there is none."""
    for pod in sorted(pods, key=name):
        statuses = [*items(pod, "status", "initContainerStatuses"), *items(pod, "status", "containerStatuses")]
        for status in statuses:
            reason = text(status, "state", "waiting", "reason")
            if reason in HOPELESS:
                message = text(status, "state", "waiting", "message")
                tail = f": {message}" if message else ""
                return f"{reason} in container {text(status, 'name')} of pod {name(pod)}{tail}"[:_LONGEST]
    return ""


def ready_pods(pods: list[dict[str, Any]]) -> int:
    """Return how many pods are ready and are not being deleted."""
    return sum(
        any(one.get("type") == "Ready" and one.get("status") == "True" for one in items(pod, "status", "conditions"))
        and not text(pod, "metadata", "deletionTimestamp")
        for pod in pods
    )
