"""The simulated autoscalers: they keep replicas within the minimum and maximum, which is all that tests need of them.

As the HPA controller does before it looks at any metric: replicas 0 switches it off; above the maximum or below the
minimum the nearest bound is set. As KEDA does: a ScaledObject gets a HorizontalPodAutoscaler `keda-hpa-<name>` of its
own whose minimum is at least 1, unless it is paused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.embedded.cluster.answers import ApiError
from reconciler.embedded.cluster.api import Api, Options
from reconciler.embedded.cluster.kinds import AUTOSCALERS, SCALED_OBJECTS, Kind

_HPA = Options("kube-controller-manager")
_KEDA = Options("keda-operator")
PAUSED = "autoscaling.keda.sh/paused"
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"


def concerns(kind: Kind) -> bool:
    """Say whether objects of this kind are autoscalers."""
    return kind.qualified in (AUTOSCALERS.qualified, SCALED_OBJECTS.qualified)


def of_workload(api: Api, kind: Kind, namespace: str, name: str) -> Iterator[tuple[Kind, str]]:
    """Yield the autoscalers that target a workload."""
    for item in api.store.items(AUTOSCALERS, namespace):
        reference = item["spec"]["scaleTargetRef"]
        if (reference["kind"], reference["name"]) == (kind.kind, name):
            yield AUTOSCALERS, item["metadata"]["name"]


def follow(api: Api, kind: Kind, namespace: str, name: str) -> None:
    """Do what the autoscaler's controller does when the autoscaler or its workload changed."""
    with api.store.lock:
        item = api.store.get(kind, namespace, name)
        if item is None:
            return
        if kind is AUTOSCALERS:
            _scale(api, namespace, item)
        else:
            _make_hpa(api, namespace, item)


def _scale(api: Api, namespace: str, item: dict[str, Any]) -> None:
    spec, reference = item["spec"], item["spec"]["scaleTargetRef"]
    version = reference.get("apiVersion", "apps/v1")
    kind = next((k for k in api.kinds.values() if (k.api_version, k.kind) == (version, reference["kind"])), None)
    if kind is None or kind.scale is None or api.store.get(kind, namespace, reference["name"]) is None:
        return
    try:
        present = api.get(kind, namespace, reference["name"], "scale")["spec"].get("replicas", 0)
    except ApiError as error:
        if error.code != 500:
            raise
        return
    wanted = present and min(max(present, spec.get("minReplicas", 1)), spec["maxReplicas"])
    if wanted != present:

        def size(scale: dict[str, Any]) -> dict[str, Any]:
            return {**scale, "spec": {"replicas": wanted}}

        api.update(kind, namespace, reference["name"], size, _HPA, "scale")

    def status(found: dict[str, Any]) -> dict[str, Any]:
        return {**found, "status": {"currentReplicas": present, "desiredReplicas": wanted}}

    api.update(AUTOSCALERS, namespace, item["metadata"]["name"], status, _HPA, "status")


def _make_hpa(api: Api, namespace: str, item: dict[str, Any]) -> None:
    metadata, spec = item["metadata"], item["spec"]
    name = f"keda-hpa-{metadata['name']}"
    found = api.store.get(AUTOSCALERS, namespace, name)
    notes = metadata.get("annotations", {})
    if PAUSED_REPLICAS in notes or notes.get(PAUSED) == "true":
        if found:
            api.delete(AUTOSCALERS, namespace, name, {}, dry_run=False)
        return
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", **spec["scaleTargetRef"]}
    wanted = {
        "scaleTargetRef": {key: reference[key] for key in ("apiVersion", "kind", "name")},
        "minReplicas": max(spec.get("minReplicaCount", 0), 1),
        "maxReplicas": spec.get("maxReplicaCount", 100),
        "metrics": [],
    }
    if found is None:
        owner = {
            "apiVersion": SCALED_OBJECTS.api_version,
            "kind": SCALED_OBJECTS.kind,
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        labels = {"app.kubernetes.io/managed-by": "keda-operator", "scaledobject.keda.sh/name": metadata["name"]}
        body = {
            "apiVersion": AUTOSCALERS.api_version,
            "kind": AUTOSCALERS.kind,
            "metadata": {"name": name, "labels": labels, "ownerReferences": [owner]},
            "spec": wanted,
        }
        api.create(AUTOSCALERS, namespace, body, _KEDA)
        return
    api.update(AUTOSCALERS, namespace, name, lambda hpa: {**hpa, "spec": wanted}, _KEDA)
