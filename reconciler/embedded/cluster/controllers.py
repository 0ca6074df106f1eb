"""The simulated controllers: they make status and pods follow the spec, on a thread of their own, as in a cluster.

A workload that changed is put in a queue; its turn tells the `Rollout` hook what is wanted, and the hook's reports
become replica sets, pods and status. `idle()` waits until the queue is empty.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

from reconciler.embedded.cluster import autoscaling, statuses
from reconciler.embedded.cluster.api import Api, Options
from reconciler.embedded.cluster.kinds import DEPLOYMENTS, PODS, REPLICA_SETS, STATEFUL_SETS, Kind
from reconciler.embedded.cluster.rollout import PodState, Progress, Rollout, Wanted, WorkloadKey
from reconciler.embedded.cluster.store import Event

MANAGER = Options("kube-controller-manager")
_REVISION = "deployment.kubernetes.io/revision"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class Controllers:
    """One thread that works through what changed. ``rollout`` may be exchanged at any time."""

    def __init__(self, api: Api, rollout: Rollout) -> None:
        self.rollout = rollout
        self._api = api
        self._queue: dict[tuple[Kind, str, str], None] = {}
        self._turn = threading.Condition()
        self._busy = False
        self._stopped = False
        self._names = itertools.count()
        self._thread = threading.Thread(target=self._work, name="embedded-cluster-controllers", daemon=True)
        api.store.listeners.append(self._noticed)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present turn."""
        with self._turn:
            self._stopped = True
            self._turn.notify_all()
        self._thread.join()

    def idle(self, timeout: float = 10.0) -> None:
        """Wait until nothing is left to do.

        Raises:
            TimeoutError: after ``timeout`` seconds.
        """
        with self._turn:
            if not self._turn.wait_for(lambda: not self._queue and not self._busy, timeout):
                raise TimeoutError(f"the controllers were still at work after {timeout} s")

    def _noticed(self, event: Event) -> None:
        """Queue whatever an event concerns; called under the store's lock."""
        metadata = event.object["metadata"]
        kind, namespace, name = event.kind, metadata.get("namespace", ""), metadata["name"]
        if kind is PODS:
            if event.type == "DELETED":
                self._queue_owner(metadata)
        elif autoscaling.concerns(kind):
            self._enqueue(kind, namespace, name)
        elif kind.scale:
            if _controlled(event.object, REPLICA_SETS):
                return
            if event.type != "MODIFIED" or _asks(event.object) != _asks(event.old or {}):
                self._enqueue(kind, namespace, name)
                for other, key in autoscaling.of_workload(self._api, kind, namespace, name):
                    self._enqueue(other, namespace, key)

    def _queue_owner(self, metadata: dict[str, Any]) -> None:
        """Queue the workload that a pod belonged to, so that it gets another."""
        for reference in metadata.get("ownerReferences", ()):
            kind = next((kind for kind in self._api.kinds.values() if kind.kind == reference["kind"]), None)
            owner = self._api.store.get(kind, metadata["namespace"], reference["name"]) if kind else None
            if kind is None or owner is None:
                continue
            if kind is REPLICA_SETS and _controlled(owner, REPLICA_SETS):
                self._queue_owner(owner["metadata"])
            else:
                self._enqueue(kind, metadata["namespace"], reference["name"])

    def _enqueue(self, kind: Kind, namespace: str, name: str) -> None:
        with self._turn:
            self._queue[kind, namespace, name] = None
            self._turn.notify_all()

    def _work(self) -> None:
        while True:
            with self._turn:
                self._busy = False
                self._turn.notify_all()
                self._turn.wait_for(lambda: bool(self._queue) or self._stopped)
                if self._stopped:
                    return
                kind, namespace, name = next(iter(self._queue))
                del self._queue[kind, namespace, name]
                self._busy = True
            if autoscaling.concerns(kind):
                autoscaling.follow(self._api, kind, namespace, name)
            else:
                self._follow(kind, namespace, name)

    def _follow(self, kind: Kind, namespace: str, name: str) -> None:
        key = WorkloadKey(kind.qualified, namespace, name)
        item = self._api.store.get(kind, namespace, name)
        if item is None:
            self.rollout.gone(key)
            return
        spec = item.get("spec") or {}
        wanted = Wanted(
            key, spec.get("replicas") or 0, item["metadata"].get("generation", 0), spec.get("template") or {}
        )
        self.rollout.wants(wanted, self._reporter(kind, key))

    def _reporter(self, kind: Kind, key: WorkloadKey) -> Callable[[Progress], None]:
        def report(progress: Progress) -> None:
            store = self._api.store
            with store.lock:
                item = store.get(kind, key.namespace, key.name)
                if item is None:
                    return
                revision = _hash(item)
                owner, kind_of_owner = item, kind
                if kind is DEPLOYMENTS:
                    owner, kind_of_owner = self._replica_set(item, revision, progress), REPLICA_SETS
                if "template" in (item.get("spec") or {}):
                    self._pods(item, kind_of_owner, owner, progress)
                self._status(kind, item, progress, revision)

        return report

    def _status(self, kind: Kind, item: dict[str, Any], progress: Progress, revision: str) -> None:
        metadata = item["metadata"]
        time = self._api.time()

        def change(found: dict[str, Any]) -> dict[str, Any]:
            changed = statuses.workload(kind, found, progress, revision, time)
            if kind is not DEPLOYMENTS:
                return changed
            notes = {**metadata.get("annotations", {}), _REVISION: self._revision(item, revision)}
            return {**changed, "metadata": {**changed["metadata"], "annotations": notes}}

        self._api.update(kind, metadata["namespace"], metadata["name"], change, MANAGER, "status")

    def _replica_set(self, deployment: dict[str, Any], revision: str, progress: Progress) -> dict[str, Any]:
        """Make the replica sets of a deployment: the present one with all its pods, earlier ones with none."""
        metadata, spec = deployment["metadata"], deployment["spec"]
        namespace, name = metadata["namespace"], f"{metadata['name']}-{revision}"
        for other in self._replica_sets(deployment):
            if other["metadata"]["name"] != name and other["spec"]["replicas"]:
                self._resize(other, 0, Progress())
        found = self._api.store.get(REPLICA_SETS, namespace, name)
        if found is None:
            labels = {**spec["template"]["metadata"].get("labels", {}), "pod-template-hash": revision}
            template = {**spec["template"], "metadata": {**spec["template"]["metadata"], "labels": labels}}
            body = {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": name,
                    "labels": labels,
                    "annotations": {_REVISION: self._revision(deployment, revision)},
                    "ownerReferences": [owner_reference(DEPLOYMENTS, deployment)],
                },
                "spec": {
                    "replicas": spec["replicas"],
                    "selector": {
                        "matchLabels": {**spec["selector"].get("matchLabels", {}), "pod-template-hash": revision}
                    },
                    "template": template,
                },
            }
            found = self._api.create(REPLICA_SETS, namespace, body, MANAGER)
        return self._resize(found, spec["replicas"], progress)

    def _resize(self, replica_set: dict[str, Any], replicas: int, progress: Progress) -> dict[str, Any]:
        metadata = replica_set["metadata"]
        where = metadata["namespace"], metadata["name"]
        time = self._api.time()

        def size(found: dict[str, Any]) -> dict[str, Any]:
            return {**found, "spec": {**found["spec"], "replicas": replicas}}

        def status(found: dict[str, Any]) -> dict[str, Any]:
            return statuses.workload(REPLICA_SETS, found, progress, "", time)

        self._api.update(REPLICA_SETS, *where, size, MANAGER)
        return self._api.update(REPLICA_SETS, *where, status, MANAGER, "status")

    def _replica_sets(self, deployment: dict[str, Any]) -> list[dict[str, Any]]:
        return [item for kind, item in self._api.store.owned(deployment["metadata"]["uid"]) if kind is REPLICA_SETS]

    def _revision(self, deployment: dict[str, Any], revision: str) -> str:
        numbers = {
            item["metadata"]["name"]: int(item["metadata"]["annotations"][_REVISION])
            for item in self._replica_sets(deployment)
        }
        known = numbers.get(f"{deployment['metadata']['name']}-{revision}")
        return str(known or max(numbers.values(), default=0) + 1)

    def _pods(self, item: dict[str, Any], kind: Kind, owner: dict[str, Any], progress: Progress) -> None:
        """Make the workload's pods those of ``progress``, keeping as many as there are; ``owner`` has the new ones."""
        namespace, uid = item["metadata"]["namespace"], owner["metadata"]["uid"]
        owners = [owner, *(other for other in self._replica_sets(item) if other["metadata"]["uid"] != uid)]
        present = [
            pod for one in owners for below, pod in self._api.store.owned(one["metadata"]["uid"]) if below is PODS
        ]
        name, count = owner["metadata"]["name"], len(progress.pods)
        if kind is STATEFUL_SETS:
            ordinals = {f"{name}-{index}": index for index in range(count)}
            kept = {ordinals[pod["metadata"]["name"]]: pod for pod in present if pod["metadata"]["name"] in ordinals}
        else:
            kept = dict(enumerate(present[:count]))
        for index, pod in list(kept.items()):
            if progress.pods[index].updated and all(one["uid"] != uid for one in pod["metadata"]["ownerReferences"]):
                del kept[index]
        staying = {pod["metadata"]["name"] for pod in kept.values()}
        for pod in present:
            if pod["metadata"]["name"] not in staying:
                self._api.delete(PODS, namespace, pod["metadata"]["name"], {}, dry_run=False)
        for index, state in enumerate(progress.pods):
            suffix = str(index) if kind is STATEFUL_SETS else self._suffix()
            self._pod_status(kept.get(index) or self._pod(f"{name}-{suffix}", kind, owner), state)

    def _suffix(self) -> str:
        digest = hashlib.sha256(str(next(self._names)).encode()).digest()
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:5])

    def _pod(self, name: str, kind: Kind, owner: dict[str, Any]) -> dict[str, Any]:
        template = owner["spec"]["template"]
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": template["metadata"].get("labels", {}),
                "ownerReferences": [owner_reference(kind, owner)],
            },
            "spec": template["spec"],
        }
        return self._api.create(PODS, owner["metadata"]["namespace"], body, MANAGER)

    def _pod_status(self, pod: dict[str, Any], state: PodState) -> None:
        time = pod["metadata"]["creationTimestamp"]

        def change(found: dict[str, Any]) -> dict[str, Any]:
            return {**found, "status": statuses.pod(found, state, time)}

        where = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self._api.update(PODS, *where, change, Options("kubelet"), "status")


def owner_reference(kind: Kind, owner: dict[str, Any]) -> dict[str, Any]:
    """Return the reference by which a controller marks what it made."""
    metadata = owner["metadata"]
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _controlled(item: dict[str, Any], kind: Kind) -> bool:
    """Say whether an object of this kind has a controller above it."""
    return item["kind"] == kind.kind and any(o.get("controller") for o in item["metadata"].get("ownerReferences", ()))


def _asks(item: dict[str, Any]) -> tuple[Any, ...]:
    return item.get("spec"), item.get("metadata", {}).get("generation")


def _hash(item: dict[str, Any]) -> str:
    text = json.dumps((item.get("spec") or {}).get("template"), sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:9])
