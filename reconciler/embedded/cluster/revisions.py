"""The templates that a workload has had: replica sets of a Deployment, controller revisions of the other two kinds.

As the controllers of apps/v1 keep them: one object for each different template, named by its hash and numbered; a
template that comes back gets the next number again; those beyond `revisionHistoryLimit` that nothing runs are deleted.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from reconciler.embedded.cluster import statuses
from reconciler.embedded.cluster.api import Api, Options
from reconciler.embedded.cluster.kinds import CONTROLLER_REVISIONS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, Kind
from reconciler.embedded.cluster.rollout import Progress

MANAGER = Options("kube-controller-manager")
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
POD_HASH = "pod-template-hash"
CONTROLLER_HASH = "controller-revision-hash"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_NOT_COPIED = frozenset({REVISION, HISTORY, "kubectl.kubernetes.io/last-applied-configuration"})


@dataclass(frozen=True)
class Present:
    """The revision of a workload's present template; ``labels`` tell its pods from those of earlier ones."""

    name: str
    owner: dict[str, Any]
    owner_kind: Kind
    labels: dict[str, str]


def template_hash(item: dict[str, Any]) -> str:
    """Return what names a workload's present template: equal templates have equal hashes."""
    text = json.dumps((item.get("spec") or {}).get("template"), sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:9])


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


class Revisions:
    """What keeps them. Callers hold the store's lock."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def present(self, kind: Kind, item: dict[str, Any]) -> Present:
        """Return the revision of the present template, made, or numbered anew, where it has to be.

        A paused Deployment goes on with the newest replica set that there is.
        """
        if kind is DEPLOYMENTS:
            found = self._replica_set(item)
            labels = {POD_HASH: found["metadata"]["labels"][POD_HASH]}
            return Present(found["metadata"]["labels"][POD_HASH], found, REPLICA_SETS, labels)
        if kind.kind in ("StatefulSet", "DaemonSet") and kind.builtin:
            made = self._controller_revision(kind, item)
            name = made["metadata"]["name"]
            shown = name if kind is STATEFUL_SETS else made["metadata"]["labels"][CONTROLLER_HASH]
            return Present(name, item, kind, {CONTROLLER_HASH: shown})
        return Present(template_hash(item), item, kind, {})

    def is_rolled_out(self, item: dict[str, Any]) -> bool:
        """Whether a Deployment's present template has a replica set; one that is paused gets none."""
        return any(one["metadata"]["labels"].get(POD_HASH) == template_hash(item) for one in self.replica_sets(item))

    def replica_sets(self, deployment: dict[str, Any]) -> list[dict[str, Any]]:
        """Return a Deployment's replica sets, the newest revision first."""
        owned = self._api.store.owned(deployment["metadata"]["uid"])
        return sorted((item for kind, item in owned if kind is REPLICA_SETS), key=_number, reverse=True)

    def _replica_set(self, deployment: dict[str, Any]) -> dict[str, Any]:
        metadata, spec = deployment["metadata"], deployment["spec"]
        known, revision = self.replica_sets(deployment), template_hash(deployment)
        name = f"{metadata['name']}-{revision}"
        found = next((one for one in known if one["metadata"]["name"] == name), None)
        if found is None and spec.get("paused") and known:
            return known[0]
        copied = {key: value for key, value in metadata.get("annotations", {}).items() if key not in _NOT_COPIED}
        newest = _number(known[0]) if known else 0
        if found is not None:
            notes = {**found["metadata"]["annotations"], **copied}
            if _number(found) < newest:
                earlier = [*filter(None, notes.get(HISTORY, "").split(",")), notes[REVISION]]
                notes |= {REVISION: str(newest + 1), HISTORY: ",".join(earlier)}
            return self._api.update(
                REPLICA_SETS, metadata["namespace"], name,
                lambda item: {**item, "metadata": {**item["metadata"], "annotations": notes}}, MANAGER,
            )  # fmt: skip
        labels = {**spec["template"]["metadata"].get("labels", {}), POD_HASH: revision}
        selector = {"matchLabels": {**spec["selector"].get("matchLabels", {}), POD_HASH: revision}}
        body = {
            "apiVersion": REPLICA_SETS.api_version,
            "kind": REPLICA_SETS.kind,
            "metadata": {
                "name": name,
                "labels": labels,
                "annotations": {**copied, REVISION: str(newest + 1)},
                "ownerReferences": [owner_reference(DEPLOYMENTS, deployment)],
            },
            "spec": {
                "replicas": 0,
                "selector": selector,
                "template": {**spec["template"], "metadata": {**spec["template"]["metadata"], "labels": labels}},
            },
        }
        return self._api.create(REPLICA_SETS, metadata["namespace"], body, MANAGER)

    def resize(self, replica_set: dict[str, Any], replicas: int, progress: Progress) -> None:
        """Give a replica set its size and the status that its pods make."""
        metadata = replica_set["metadata"]
        where = metadata["namespace"], metadata["name"]
        time = self._api.time()

        def size(found: dict[str, Any]) -> dict[str, Any]:
            return {**found, "spec": {**found["spec"], "replicas": replicas}}

        def status(found: dict[str, Any]) -> dict[str, Any]:
            return statuses.workload(REPLICA_SETS, found, progress, "", time)

        self._api.update(REPLICA_SETS, *where, size, MANAGER)
        self._api.update(REPLICA_SETS, *where, status, MANAGER, "status")

    def prune(self, deployment: dict[str, Any], present: str) -> None:
        """Delete the oldest replica sets without pods beyond the limit."""
        idle = [
            one for one in self.replica_sets(deployment)
            if one["metadata"]["labels"][POD_HASH] != present and not one["spec"]["replicas"]
        ]  # fmt: skip
        for one in idle[deployment["spec"]["revisionHistoryLimit"] :]:
            self._api.delete(REPLICA_SETS, one["metadata"]["namespace"], one["metadata"]["name"], {}, dry_run=False)

    def _controller_revision(self, kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
        metadata, template = item["metadata"], item["spec"]["template"]
        owned = [one for below, one in self._api.store.owned(metadata["uid"]) if below is CONTROLLER_REVISIONS]
        known = sorted(owned, key=_order, reverse=True)
        revision = template_hash(item)
        name, next_number = f"{metadata['name']}-{revision}", (_order(known[0]) if known else 0) + 1
        found = next((one for one in known if one["metadata"]["name"] == name), None)
        if found is not None:
            if _order(found) == next_number - 1:
                return found
            return self._api.update(
                CONTROLLER_REVISIONS, metadata["namespace"], name, lambda one: {**one, "revision": next_number}, MANAGER
            )
        key = CONTROLLER_HASH if kind is not STATEFUL_SETS else "controller.kubernetes.io/hash"
        body = {
            "apiVersion": CONTROLLER_REVISIONS.api_version,
            "kind": CONTROLLER_REVISIONS.kind,
            "metadata": {
                "name": name,
                "labels": {**template["metadata"].get("labels", {}), key: revision},
                "ownerReferences": [owner_reference(kind, item)],
            },
            "data": {"spec": {"template": {**template, "$patch": "replace"}}},
            "revision": next_number,
        }
        for one in known[item["spec"]["revisionHistoryLimit"] :]:
            where = one["metadata"]["namespace"], one["metadata"]["name"]
            self._api.delete(CONTROLLER_REVISIONS, *where, {}, dry_run=False)
        return self._api.create(CONTROLLER_REVISIONS, metadata["namespace"], body, MANAGER)


def _number(replica_set: dict[str, Any]) -> int:
    return int(replica_set["metadata"]["annotations"][REVISION])


def _order(revision: dict[str, Any]) -> int:
    return int(revision["revision"])
