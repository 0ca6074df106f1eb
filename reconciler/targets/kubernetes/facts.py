"""From what was read to a fact."""

from __future__ import annotations

from typing import Any

from reconciler.model.targets import NoFact, Target, WorkloadFact
from reconciler.targets.kubernetes.autoscalers import Found, describe
from reconciler.targets.kubernetes.documents import controller, deleting, dig, manager, mark, name, text
from reconciler.targets.kubernetes.refusals import Unusable
from reconciler.targets.kubernetes.resources import HPA, REPLICA_SET, SCALED_OBJECT, Resource
from reconciler.targets.kubernetes.rollouts import Progress

_PAUSED = ("autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas")


def check_usable(resource: Resource, item: dict[str, Any]) -> None:
    """Refuse a workload whose replicas nobody should set.

    Raises:
        Unusable: it is being deleted, or it is a replica set that something above it scales.
    """
    if deleting(item):
        message = f"{resource.kind} {name(item)} is being deleted"
        raise Unusable(NoFact("invalid", message, hint="wait until it is gone, or name another workload"))
    kind, owner = controller(item)
    if resource is REPLICA_SET and kind:
        message = f"ReplicaSet {name(item)} belongs to {kind} {owner}, which sets its replicas"
        raise Unusable(NoFact("invalid", message, hint=f"name {kind} {owner} in service.yaml"))


def workload_fact(
    server: str, resource: Resource, item: dict[str, Any], progress: Progress, found: Found | None
) -> WorkloadFact:
    """Return the fact of a workload.

    With an autoscaler it is settled only once it has the autoscaler's minimum: until then the effect has not been.
    """
    autoscaler = describe(found, server) if found else None
    settled, trouble = progress.settled, progress.trouble
    if found and autoscaler and progress.replicas < autoscaler.minimum:
        settled = False
        trouble = trouble or _why_below(found, progress.replicas)
    return WorkloadFact(
        target=Target(server, text(item, "metadata", "namespace"), resource.kind, name(item)),
        replicas=progress.replicas,
        ready=progress.ready,
        settled=settled,
        trouble=trouble,
        mark=mark(item),
        manager=manager(item, "replicas"),
        autoscaler=autoscaler,
    )


def _why_below(found: Found, replicas: int) -> str:
    """Return why an autoscaler will not raise its workload to the minimum, empty where it will."""
    if found.resource is HPA and replicas == 0:
        return f"0 replicas switch HorizontalPodAutoscaler {name(found.item)} off"
    notes = dig(found.item, "metadata", "annotations") or {}
    if found.resource is SCALED_OBJECT and (notes.get(_PAUSED[0]) == "true" or _PAUSED[1] in notes):
        return f"ScaledObject {name(found.item)} is paused"
    return ""
