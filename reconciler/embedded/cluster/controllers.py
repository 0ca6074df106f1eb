"""The simulated controllers: they make status and pods follow the spec, on a thread of their own, as in a cluster.

A workload that changed is put in a queue; its turn tells the `Rollout` hook what is wanted, and the hook's reports
become replica sets, pods and status. `idle()` waits until the queue is empty.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reconciler.embedded.cluster import autoscaling, statuses
from reconciler.embedded.cluster.api import Api
from reconciler.embedded.cluster.kinds import DAEMON_SETS, DEPLOYMENTS, PODS, REPLICA_SETS, Kind
from reconciler.embedded.cluster.pods import Pods
from reconciler.embedded.cluster.revisions import MANAGER, POD_HASH, REVISION, Revisions, template_hash
from reconciler.embedded.cluster.rollout import Progress, Rollout, Wanted, WorkloadKey
from reconciler.embedded.cluster.store import Event


class Controllers:
    """One thread that works through what changed. ``rollout`` may be exchanged at any time."""

    def __init__(self, api: Api, rollout: Rollout) -> None:
        self.rollout = rollout
        self._api = api
        self._queue: dict[tuple[Kind, str, str], None] = {}
        self._turn = threading.Condition()
        self._busy = False
        self._stopped = False
        self._revisions = Revisions(api)
        self._pods = Pods(api)
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
        elif kind.scale or kind is DAEMON_SETS:
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
        if item is None or _ending(item):
            self.rollout.gone(key)
            return
        spec = item.get("spec") or {}
        replicas = statuses.NODES if kind is DAEMON_SETS else spec.get("replicas") or 0
        generation, template = item["metadata"].get("generation", 0), spec.get("template") or {}
        wanted = Wanted(key, replicas, generation, template, template_hash(item))
        self.rollout.wants(wanted, self._reporter(kind, wanted))

    def _reporter(self, kind: Kind, wanted: Wanted) -> Callable[[Progress], None]:
        def report(progress: Progress) -> None:
            with self._api.store.lock:
                item = self._api.store.get(kind, wanted.key.namespace, wanted.key.name)
                if item is None or _ending(item):
                    return
                if wanted.revision != template_hash(item):
                    progress = _of_an_older_template(progress)
                if "template" in (item.get("spec") or {}):
                    self._rolled_out(kind, item, progress)
                else:
                    self._status(kind, item, progress, "")

        return report

    def _rolled_out(self, kind: Kind, item: dict[str, Any], progress: Progress) -> None:
        if kind is DEPLOYMENTS and item["spec"].get("paused") and not self._revisions.is_rolled_out(item):
            progress = _of_an_older_template(progress)
            if not self._revisions.replica_sets(item):
                self._status(kind, item, Progress(), "")
                return
        present = self._revisions.present(kind, item)
        if kind is not DEPLOYMENTS:
            self._pods.follow(present, [item], progress)
            self._status(kind, item, progress, present.name)
            return
        sets = self._revisions.replica_sets(item)
        self._pods.follow(present, sets, progress)
        self._resize(item, sets, present.name, progress)
        self._status(kind, item, progress, present.owner["metadata"]["annotations"][REVISION])
        self._revisions.prune(item, present.name)

    def _resize(self, deployment: dict[str, Any], sets: list[dict[str, Any]], present: str, progress: Progress) -> None:
        """Give each replica set the pods that it has, and the present one what is missing as well."""
        new = tuple(state for state in progress.pods if state.updated)
        old = [state for state in progress.pods if not state.updated]
        missing = deployment["spec"]["replicas"] - len(progress.pods)
        for one in sets:
            pods = [pod for kind, pod in self._api.store.owned(one["metadata"]["uid"]) if kind is PODS]
            if one["metadata"]["labels"][POD_HASH] == present:
                # A paused Deployment's present replica set is that of an older template.
                states = new or tuple(old[: len(pods)])
                self._revisions.resize(one, len(pods) + max(missing, 0), Progress(states, progress.refused))
            elif one["spec"]["replicas"] or pods:
                self._revisions.resize(one, len(pods), Progress(tuple(old[: len(pods)])))

    def _status(self, kind: Kind, item: dict[str, Any], progress: Progress, revision: str) -> None:
        metadata = item["metadata"]
        time = self._api.time()

        def change(found: dict[str, Any]) -> dict[str, Any]:
            changed = statuses.workload(kind, found, progress, revision, time)
            if kind is not DEPLOYMENTS or not revision:
                return changed
            notes = {**metadata.get("annotations", {}), REVISION: revision}
            return {**changed, "metadata": {**changed["metadata"], "annotations": notes}}

        self._api.update(kind, metadata["namespace"], metadata["name"], change, MANAGER, "status")


def _of_an_older_template(progress: Progress) -> Progress:
    return replace(progress, pods=tuple(replace(state, updated=False) for state in progress.pods))


def _ending(item: dict[str, Any]) -> bool:
    """Say whether an object is being deleted: nothing new is made for it."""
    return "deletionTimestamp" in item["metadata"]


def _controlled(item: dict[str, Any], kind: Kind) -> bool:
    """Say whether an object of this kind has a controller above it."""
    return item["kind"] == kind.kind and any(o.get("controller") for o in item["metadata"].get("ownerReferences", ()))


def _asks(item: dict[str, Any]) -> tuple[Any, ...]:
    return item.get("spec"), item.get("metadata", {}).get("generation")
