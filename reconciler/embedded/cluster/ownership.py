"""`metadata.managedFields`: which client owns which field, as server-side field management records it.

Here are updates (create, replace, patch): a write gives its manager every field whose value it changed and takes those
fields from everybody else; a write that changes nothing changes no ownership. What is applied is in `apply`.
Source: "Server-Side Apply" in the Kubernetes documentation, section field management, and the FieldsV1 format.
"""

from __future__ import annotations

import json
from typing import Any

from reconciler.embedded.cluster.patches import MERGE_KEYS, SETS, identity

_METADATA = ("annotations", "finalizers", "labels", "ownerReferences")


def record(
    old: dict[str, Any] | None,
    new: dict[str, Any],
    *,
    manager: str,
    api_version: str,
    subresource: str,
    time: str,
    typed: bool,
) -> list[dict[str, Any]]:
    """Return the managedFields of ``new``, which ``manager`` made of ``old`` (None: created).

    ``typed`` kinds have lists with identities; lists of custom resources are owned as a whole. ``time`` is RFC 3339.
    """
    before = _owned(old) if old else {}
    changed: list[tuple[str, ...]] = []
    gone: list[tuple[str, ...]] = []
    _compare(before, _owned(new), (), changed, gone, typed=typed)
    entries: list[dict[str, Any]] = (old or {}).get("metadata", {}).get("managedFields", [])
    if not changed and not gone:
        return entries
    result: list[dict[str, Any]] = []
    ours: dict[str, Any] | None = None
    for entry in entries:
        tree = entry["fieldsV1"]
        mine = (
            entry["manager"] == manager
            and entry["operation"] == "Update"
            and entry["apiVersion"] == api_version
            and entry.get("subresource", "") == subresource
        )
        for path in gone if mine else (*gone, *changed):
            tree = _without(tree, path)
        if mine:
            ours = {**entry, "time": time, "fieldsV1": tree}
        elif tree:
            result.append(entry if tree is entry["fieldsV1"] else {**entry, "fieldsV1": tree})
    if changed or (ours and ours["fieldsV1"]):
        ours = ours or {
            "manager": manager,
            "operation": "Update",
            "apiVersion": api_version,
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": {},
            **({"subresource": subresource} if subresource else {}),
        }
        tree = json.loads(json.dumps(ours["fieldsV1"]))
        for path in changed:
            node = tree
            for part in path:
                node = node.setdefault(part, {})
        result.append({**ours, "fieldsV1": tree})
    return result


def _owned(document: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an object that can be owned: not its type, identity and bookkeeping."""
    owned = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
    if not owned.get("status", True):
        del owned["status"]
    metadata = {key: value for key, value in document.get("metadata", {}).items() if key in _METADATA}
    return {"metadata": metadata, **owned} if metadata else owned


def leaves(document: dict[str, Any], *, typed: bool) -> list[tuple[str, ...]]:
    """Return the paths of all that an object says and that can be owned; never of its status."""
    found: list[tuple[str, ...]] = []
    owned = {key: value for key, value in _owned(document).items() if key != "status"}
    for key, value in children(owned, (), typed=typed).items():
        _all(value, (key,), found, typed=typed)
    return found


def _compare(
    old: Any,
    new: Any,
    path: tuple[str, ...],
    changed: list[tuple[str, ...]],
    gone: list[tuple[str, ...]],
    *,
    typed: bool,
) -> None:
    """Collect the paths of the leaves that are new or different, and of those that are gone."""
    if old is new or old == new:
        return
    before, after = children(old, path, typed=typed), children(new, path, typed=typed)
    if not after:
        changed.append(path)
    for key, value in after.items():
        if key in before:
            _compare(before[key], value, (*path, key), changed, gone, typed=typed)
        else:
            _all(value, (*path, key), changed, typed=typed)
    gone.extend((*path, key) for key in before if key not in after)


def _all(value: Any, path: tuple[str, ...], out: list[tuple[str, ...]], *, typed: bool) -> None:
    below = children(value, path, typed=typed)
    if not below or path[-1].startswith(("k:", "v:")):
        out.append(path if not below else (*path, "."))
    for key, child in below.items():
        _all(child, (*path, key), out, typed=typed)


def children(value: Any, path: tuple[str, ...], *, typed: bool) -> dict[str, Any]:
    """Return what lies below by its FieldsV1 path element (`f:`, `k:`, `v:`); empty for leaves and atomic lists."""
    if isinstance(value, dict):
        return {f"f:{key}": child for key, child in value.items()}
    field = path[-1].removeprefix("f:") if path else ""
    if not isinstance(value, list) or not (typed or path[0] == "f:metadata"):
        return {}
    if field in SETS:
        return {f"v:{json.dumps(item)}": None for item in value}
    if field not in MERGE_KEYS or any(identity(field, item) is None for item in value):
        return {}
    return {"k:" + _text(field, item): item for item in value}


def _text(field: str, item: Any) -> str:
    keys = identity(field, item) or ()
    return json.dumps(dict(zip(sorted(MERGE_KEYS[field]), keys, strict=True)), separators=(",", ":"))


def _without(tree: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return the tree without a path and what lies below; the same tree where it had none of it."""
    head, rest = path[0], path[1:]
    if head not in tree:
        return tree
    if not rest:
        return {key: value for key, value in tree.items() if key != head}
    child = _without(tree[head], rest)
    if child is tree[head]:
        return tree
    if child and set(child) != {"."}:
        return {**tree, head: child}
    return {key: value for key, value in tree.items() if key != head}
