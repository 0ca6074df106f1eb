"""Which templates a workload has had, which of them it has now, and which one came before.

A Deployment's are its replica sets, a StatefulSet's and a DaemonSet's their controller revisions. Two templates are one
where they differ in nothing but the label that the controller adds. *Before* means what a person means by it: the
newest one that was there before the present one was there first, so that rolling back twice goes further back and never
forward again to what was left behind; one that differs in a restart alone would bring nothing back and is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from reconciler.targets.kubernetes.documents import controller, dig, name, number, text
from reconciler.targets.kubernetes.resources import CONTROLLER_REVISION, DEPLOYMENT, REPLICA_SET, STATEFUL_SET, Resource

RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The template's annotation by which `kubectl rollout restart` works."""
POD_HASH: Final = "pod-template-hash"
"""The label by which a Deployment tells the pods of its templates apart."""
_REVISION: Final = "deployment.kubernetes.io/revision"
_HISTORY: Final = "deployment.kubernetes.io/revision-history"


@dataclass(frozen=True)
class Revision:
    """A template on record. ``number`` is its revision's, ``first`` orders revisions by when each was there first."""

    name: str
    number: int
    first: tuple[int, str]
    template: dict[str, Any]


def records_of(resource: Resource) -> Resource:
    """Return the resource that a workload's revisions are."""
    return REPLICA_SET if resource is DEPLOYMENT else CONTROLLER_REVISION


def on_record(resource: Resource, item: dict[str, Any], found: list[dict[str, Any]]) -> list[Revision]:
    """Return the revisions of a workload among what was ``found``, the newest number first."""
    uid = text(item, "metadata", "uid")
    ours = [one for one in found if controller(one)[0] and _controlled_by(one, uid)]
    read = _of_replica_set if resource is DEPLOYMENT else _of_controller_revision
    return sorted(map(read, ours), key=lambda one: one.number, reverse=True)


def current(resource: Resource, item: dict[str, Any], known: list[Revision]) -> Revision | None:
    """Return the revision of the present template, None where its controller has not made one yet."""
    template = plain(dig(item, "spec", "template") or {})
    same = [one for one in known if one.template == template]
    if same:
        # Of several the controller goes on with the one that was there first.
        return min(same, key=lambda one: one.first) if resource is DEPLOYMENT else same[0]
    if number(item, "status", "observedGeneration") < number(item, "metadata", "generation"):
        return None
    # What was once stored may spell out less than what is stored today.
    if resource is STATEFUL_SET:
        told = text(item, "status", "updateRevision")
        return next((one for one in known if one.name == told), None)
    if resource is DEPLOYMENT:
        told = text(item, "metadata", "annotations", _REVISION)
        return next((one for one in known if str(one.number) == told), None)
    return known[0] if known else None


def before(present: Revision | None, known: list[Revision]) -> Revision | None:
    """Return the revision to roll back to, None where there is none on record."""
    if present is None:
        return None
    earlier = (one for one in known if one.first < present.first)
    return next((one for one in earlier if _bare(one.template) != _bare(present.template)), None)


def plain(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template without what controllers and encodings add: their label, nulls, empty maps in its metadata."""
    whole: dict[str, Any] = _without_nulls({key: value for key, value in template.items() if key != "$patch"})
    metadata = dict(whole.get("metadata") or {})
    metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key != POD_HASH}
    return {**whole, "metadata": {key: value for key, value in metadata.items() if value != {}}}


def _bare(template: dict[str, Any]) -> dict[str, Any]:
    metadata = template["metadata"]
    notes = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != RESTARTED}
    return {**template, "metadata": {**metadata, "annotations": notes}}


def _controlled_by(item: dict[str, Any], uid: str) -> bool:
    owners = dig(item, "metadata", "ownerReferences") or []
    return any(owner.get("controller") is True and owner.get("uid") == uid for owner in owners)


def _of_replica_set(item: dict[str, Any]) -> Revision:
    notes = dig(item, "metadata", "annotations") or {}
    revision = _whole(notes.get(_REVISION))
    # Numbers that it had before it came back; the lowest tells when it was there first.
    numbers = [_whole(word) for word in str(notes.get(_HISTORY, "")).split(",")]
    first = min([revision, *(one for one in numbers if one)])
    label = text(item, "metadata", "labels", POD_HASH) or name(item)
    return Revision(label, revision, (first, ""), plain(dig(item, "spec", "template") or {}))


def _of_controller_revision(item: dict[str, Any]) -> Revision:
    created = text(item, "metadata", "creationTimestamp")
    template = plain(dig(item, "data", "spec", "template") or {})
    return Revision(name(item), number(item, "revision"), (0, created), template)


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, str) and value.isdigit() and len(value) < 19 else 0


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return [_without_nulls(child) for child in value] if isinstance(value, list) else value
