"""The pods of a workload, made to be what a `Rollout` reports: kept where they fit, else deleted and made anew."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from typing import Any

from reconciler.embedded.cluster import statuses
from reconciler.embedded.cluster.api import Api, Options
from reconciler.embedded.cluster.kinds import PODS, STATEFUL_SETS
from reconciler.embedded.cluster.revisions import ALPHABET, MANAGER, Present, owner_reference
from reconciler.embedded.cluster.rollout import PodState, Progress


@dataclass(frozen=True)
class _Slot:
    """One pod that there shall be: how it fares, and the pod that stays for it. ``name`` where it is prescribed."""

    state: PodState
    pod: dict[str, Any] | None
    name: str = ""


class Pods:
    """What makes and deletes them. Callers hold the store's lock."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._names = itertools.count()

    def follow(self, present: Present, owners: list[dict[str, Any]], progress: Progress) -> None:
        """Make the pods of all ``owners`` those of ``progress``; new ones belong to the present revision."""
        found = [pod for one in owners for kind, pod in self._api.store.owned(one["metadata"]["uid"]) if kind is PODS]
        slots = (
            _ordinals(present, found, progress)
            if present.owner_kind is STATEFUL_SETS
            else _any(present, found, progress)
        )
        staying = {slot.pod["metadata"]["name"] for slot in slots if slot.pod is not None}
        for pod in found:
            metadata = pod["metadata"]
            if metadata["name"] not in staying:
                self._api.delete(PODS, metadata["namespace"], metadata["name"], {}, dry_run=False)
        for slot in slots:
            self._status(slot.pod or self._make(slot.name, present), slot.state)

    def _make(self, name: str, present: Present) -> dict[str, Any]:
        owner = present.owner
        template = owner["spec"]["template"]
        body = {
            "apiVersion": PODS.api_version,
            "kind": PODS.kind,
            "metadata": {
                "name": name or f"{owner['metadata']['name']}-{self._suffix()}",
                "labels": {**template["metadata"].get("labels", {}), **present.labels},
                "ownerReferences": [owner_reference(present.owner_kind, owner)],
            },
            "spec": template["spec"],
        }
        return self._api.create(PODS, owner["metadata"]["namespace"], body, MANAGER)

    def _suffix(self) -> str:
        digest = hashlib.sha256(str(next(self._names)).encode()).digest()
        return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:5])

    def _status(self, pod: dict[str, Any], state: PodState) -> None:
        time = pod["metadata"]["creationTimestamp"]

        def change(found: dict[str, Any]) -> dict[str, Any]:
            return {**found, "status": statuses.pod(found, state, time)}

        where = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self._api.update(PODS, *where, change, Options("kubelet"), "status")


def _is_new(present: Present, pod: dict[str, Any]) -> bool:
    labels = pod["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in present.labels.items())


def _any(present: Present, found: list[dict[str, Any]], progress: Progress) -> list[_Slot]:
    new = [pod for pod in found if _is_new(present, pod)]
    old = [pod for pod in found if not _is_new(present, pod)]
    slots = []
    for state in progress.pods:
        choice = new if state.updated or not old else old
        slots.append(_Slot(state, choice.pop(0) if choice else None))
    return slots


def _ordinals(present: Present, found: list[dict[str, Any]], progress: Progress) -> list[_Slot]:
    by_name = {pod["metadata"]["name"]: pod for pod in found}
    slots = []
    for index, state in enumerate(progress.pods):
        name = f"{present.owner['metadata']['name']}-{index}"
        pod = by_name.get(name)
        stays = pod is not None and (not state.updated or _is_new(present, pod))
        slots.append(_Slot(state, pod if stays else None, name))
    return slots
