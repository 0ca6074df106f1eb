"""What the verbs mean: create, read, replace, patch and delete, with versions, conflicts, ownership and finalizers.

This is the API server without HTTP; the tests' and the demo's own hands use it directly, clients through `wire`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from reconciler.embedded.cluster import admission, ownership, scaling
from reconciler.embedded.cluster.answers import (
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    no_such_path,
    not_found,
    success,
)
from reconciler.embedded.cluster.apply import Applied
from reconciler.embedded.cluster.kinds import BUILT_IN, LEASES, NAMESPACES, PODS, REPLICA_SETS, STATEFUL_SETS, Kind
from reconciler.embedded.cluster.store import Store

Transform: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
_GIVEN_BY_SERVER = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


@dataclass(frozen=True)
class Options:
    """Who writes (the field manager), whether anything is kept, and what the manager applies, where it does that."""

    manager: str
    dry_run: bool = False
    applied: Applied | None = None


class Api:
    """The verbs over a store. ``now`` is the wall clock in UTC."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self.store = store
        self.kinds: dict[str, Kind] = {kind.qualified: kind for kind in BUILT_IN}
        self._now = now

    def time(self) -> str:
        """Return the time as the API writes it: RFC 3339 in whole seconds."""
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def get(self, kind: Kind, namespace: str, name: str, subresource: str = "") -> dict[str, Any]:
        """Return an object, or its Scale; `/status` shows the whole object.

        Raises:
            ApiError: 404.
        """
        item = self.store.get(kind, namespace, name)
        if item is None:
            raise not_found(kind, name)
        return self._view(kind, item, subresource)

    def _view(self, kind: Kind, item: dict[str, Any], subresource: str) -> dict[str, Any]:
        if subresource == "scale" and kind.scale:
            return scaling.to_scale(kind, kind.scale, item)
        if subresource == "" or (subresource == "status" and kind.status):
            return item
        raise no_such_path()

    def create(self, kind: Kind, namespace: str, body: dict[str, Any], options: Options) -> dict[str, Any]:
        """Create an object.

        Raises:
            ApiError: 409 where it exists, 404 for a namespace that is not there, 400 and 422 for what is not valid.
        """
        if (body.get("apiVersion"), body.get("kind")) != (kind.api_version, kind.kind):
            raise bad_request(
                f"the API version and kind in the data ({body.get('apiVersion')}, {body.get('kind')}) do not match "
                f"the expected ones ({kind.api_version}, {kind.kind})"
            )
        given = body.get("metadata") or {}
        if given.get("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if given.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        name = given.get("name") or (
            f"{given['generateName']}{uuid.uuid4().hex[:5]}" if "generateName" in given else ""
        )
        metadata: dict[str, Any] = {
            **{key: value for key, value in given.items() if key not in (*_GIVEN_BY_SERVER, "managedFields")},
            "name": name,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": self.time(),
            **({"namespace": namespace} if namespace else {}),
            **({"generation": 1} if kind.generation else {}),
        }
        item = {"apiVersion": kind.api_version, "kind": kind.kind, **body, "metadata": metadata}
        if kind.status:
            item.pop("status", None)
        if kind.builtin and kind.status:
            # Built-in types always have a status; of its counts these two kinds show even a zero.
            item["status"] = {"replicas": 0} if kind in (STATEFUL_SETS, REPLICA_SETS) else {}
        if kind is NAMESPACES:
            item = {**item, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        admission.check_types(kind.kind, item.get("spec"))
        item = admission.with_defaults(kind, item)
        admission.check(kind, item, None)
        with self.store.lock:
            space = self.store.get(NAMESPACES, "", namespace) if namespace else None
            if namespace and space is None:
                raise not_found(NAMESPACES, namespace)
            if space is not None and _terminating(space):
                why = f"unable to create new content in namespace {namespace} because it is being terminated"
                raise forbidden(kind, name, why)
            if self.store.get(kind, namespace, name) is not None:
                raise already_exists(kind, name)
            item = self._owned(kind, None, item, options, "")
            return item if options.dry_run else self.store.put(kind, item)

    def update(
        self, kind: Kind, namespace: str, name: str, transform: Transform, options: Options, subresource: str = ""
    ) -> dict[str, Any]:
        """Make the object, or its subresource, what ``transform`` makes of it; a change of nothing writes nothing.

        A resourceVersion or uid that comes out of ``transform`` is a precondition.

        Raises:
            ApiError: 404; 409 where a precondition does not hold; 400 and 422 for what is not valid.
        """
        with self.store.lock:
            old = self.store.get(kind, namespace, name)
            if old is None:
                raise not_found(kind, name)
            bare = {key: value for key, value in old["metadata"].items() if key != "resourceVersion"}
            if subresource == "scale" and kind.scale:
                scale = scaling.to_scale(kind, kind.scale, old)
                shown = {key: value for key, value in scale["metadata"].items() if key != "resourceVersion"}
                new = scaling.from_scale(kind, kind.scale, old, transform({**scale, "metadata": shown}))
            else:
                self._view(kind, old, subresource)
                new = transform({**old, "metadata": bare})
            new = self._settle(kind, old, new, subresource)
            new = self._owned(kind, old, new, options, subresource)
            same_owners = options.applied is None or new["metadata"]["managedFields"] == bare.get("managedFields")
            if _content(new) == _content(old) and same_owners:
                kept = old
            elif options.dry_run:
                kept = new
            elif new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
                self._forget(kind, new)
                kept = new
            else:
                kept = self.store.put(kind, new)
            return self._view(kind, kept, subresource)

    def apply(self, namespace: str, applied: Applied, options: Options) -> tuple[int, dict[str, Any]]:
        """Make an object what a manager wants of it, or create it; returns the status too, 200 or 201.

        Raises:
            ApiError: 409 where another manager wants a field otherwise, 400 and 422 for what is not valid.
        """
        applied.check()
        with self.store.lock:
            if self.store.get(applied.kind, namespace, applied.name) is not None:
                return 200, self.update(applied.kind, namespace, applied.name, applied, options)
            named = {**applied.body, "metadata": {**applied.body["metadata"], "name": applied.name}}
            return 201, self.create(applied.kind, namespace, named, options)

    def _settle(self, kind: Kind, old: dict[str, Any], new: dict[str, Any], subresource: str) -> dict[str, Any]:
        """Return ``new`` with its preconditions checked and everything put back that this write may not change."""
        before, after = old["metadata"], new.get("metadata") or {}
        name = before["name"]
        if (new.get("apiVersion"), new.get("kind")) != (old["apiVersion"], old["kind"]):
            raise bad_request(f"the kind in the data does not match {kind.api_version}, Kind={kind.kind}")
        if after.get("name", name) != name:
            raise bad_request("the name of the object does not match the name on the URL")
        if after.get("namespace", before.get("namespace")) != before.get("namespace"):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if after.get("uid", before["uid"]) != before["uid"]:
            why = f"Precondition failed: UID in precondition: {after['uid']}, UID in object meta: {before['uid']}"
            raise conflict(kind, name, why)
        if str(after.get("resourceVersion") or before["resourceVersion"]) != before["resourceVersion"]:
            raise conflict(kind, name)
        kept = {key: before[key] for key in (*_GIVEN_BY_SERVER, "name", "namespace", "managedFields") if key in before}
        metadata = {key: value for key, value in after.items() if key not in _GIVEN_BY_SERVER}
        metadata = {**metadata, **kept, "resourceVersion": before["resourceVersion"]}
        if subresource == "status":
            # Deployments' controllers keep their revision in an annotation that they write with the status.
            notes = {"annotations": metadata["annotations"]} if kind.builtin and "annotations" in metadata else {}
            return {**old, **({"status": new["status"]} if "status" in new else {}), "metadata": {**before, **notes}}
        new = {**new, "metadata": metadata}
        if kind.status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        admission.check_types(kind.kind, new.get("spec"))
        new = admission.with_defaults(kind, new)
        admission.check(kind, new, old)
        if kind.generation and _bumps(kind, old, new):
            new["metadata"]["generation"] = before["generation"] + 1
        return new

    def _owned(
        self, kind: Kind, old: dict[str, Any] | None, new: dict[str, Any], options: Options, subresource: str
    ) -> dict[str, Any]:
        time = self.time()
        fields = ownership.record(
            old,
            new,
            # What is applied is no update of anybody's: `Applied` says below whose it is.
            manager="" if options.applied else options.manager,
            api_version=kind.api_version,
            subresource=subresource,
            time=time,
            typed=kind.builtin,
        )
        if options.applied:
            others = [entry for entry in fields if entry["manager"]]
            fields = options.applied.owned(old, others, time)
        return {**new, "metadata": {**new["metadata"], "managedFields": fields}}

    def delete(
        self, kind: Kind, namespace: str, name: str, options: dict[str, Any], *, dry_run: bool
    ) -> dict[str, Any]:
        """Delete an object and what it owns; with finalizers it is only marked, and goes with the last of them.

        ``options`` is a `DeleteOptions`.

        Raises:
            ApiError: 404; 409 where a precondition does not hold.
        """
        with self.store.lock:
            item = self.get(kind, namespace, name)
            for key, value in (options.get("preconditions") or {}).items():
                if key in ("uid", "resourceVersion") and value and item["metadata"][key] != value:
                    label = "UID" if key == "uid" else "ResourceVersion"
                    why = f"Precondition failed: {label} in precondition: {value}, {label} in object meta: "
                    raise conflict(kind, name, why + item["metadata"][key])
            if dry_run:
                return success(kind, name, item["metadata"]["uid"])
            if kind is NAMESPACES:
                return self._terminate(item)
            if item["metadata"].get("finalizers"):
                if item["metadata"].get("deletionTimestamp"):
                    return item
                marks = {"deletionTimestamp": self.time(), "deletionGracePeriodSeconds": 0}
                return self.store.put(kind, {**item, "metadata": {**item["metadata"], **marks}})
            self._forget(kind, item, orphan=options.get("propagationPolicy") == "Orphan")
            return success(kind, name, item["metadata"]["uid"])

    def _forget(self, kind: Kind, item: dict[str, Any], *, orphan: bool = False) -> None:
        """Remove an object and, as the garbage collector does, everything that it owns."""
        metadata = item["metadata"]
        self.store.remove(kind, item)
        for other, below in () if orphan or kind in (PODS, LEASES) else self.store.owned(metadata["uid"]):
            if self.store.get(other, below["metadata"]["namespace"], below["metadata"]["name"]):
                self._forget(other, below)
        space = self.store.get(NAMESPACES, "", metadata.get("namespace", ""))
        if space is not None and _terminating(space) and not self._within(space):
            self.store.remove(NAMESPACES, space)

    def _within(self, space: dict[str, Any]) -> list[tuple[Kind, dict[str, Any]]]:
        name = space["metadata"]["name"]
        kinds = [kind for kind in self.kinds.values() if kind.namespaced]
        return [(kind, item) for kind in kinds for item in self.store.items(kind, name)]

    def _terminate(self, space: dict[str, Any]) -> dict[str, Any]:
        """Delete all that is in a namespace; the namespace goes with the last of it, which a finalizer may hold."""
        if not _terminating(space):
            metadata = {**space["metadata"], "deletionTimestamp": self.time()}
            space = self.store.put(NAMESPACES, {**space, "metadata": metadata, "status": {"phase": "Terminating"}})
        name = space["metadata"]["name"]
        for kind, item in self._within(space):
            if self.store.get(kind, name, item["metadata"]["name"]):
                self.delete(kind, name, item["metadata"]["name"], {}, dry_run=False)
        if self.store.get(NAMESPACES, "", name) and not self._within(space):
            self.store.remove(NAMESPACES, space)
        return space


def replacement(kind: Kind, name: str, body: dict[str, Any]) -> Transform:
    """Return the transformation that a PUT is.

    Raises (when applied):
        ApiError: 422 for kinds that need a resourceVersion to be replaced, where there is none.
    """

    def replace(_: dict[str, Any]) -> dict[str, Any]:
        version = (body.get("metadata") or {}).get("resourceVersion")
        if not version and not kind.unconditional and body.get("kind") != "Scale":
            raise invalid(
                kind, name, [("metadata.resourceVersion", 'Invalid value: "": must be specified for an update')]
            )
        return body

    return replace


def _bumps(kind: Kind, old: dict[str, Any], new: dict[str, Any]) -> bool:
    if "annotations" in kind.generation and old["metadata"].get("annotations") != new["metadata"].get("annotations"):
        return True
    keys = ("spec",) if kind.builtin else (old.keys() | new.keys()) - {"metadata", "status"}
    return any(old.get(key) != new.get(key) for key in keys)


def _terminating(space: dict[str, Any]) -> bool:
    return "deletionTimestamp" in space["metadata"]


def _content(item: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        key: value for key, value in item["metadata"].items() if key not in ("resourceVersion", "managedFields")
    }
    return {**item, "metadata": metadata}
