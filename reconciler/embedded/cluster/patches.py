"""The three kinds of patch that the API takes: JSON merge (RFC 7386), JSON patch (RFC 6902), strategic merge.

All are pure: they return a new document that shares its unchanged parts with the old one, and never change either.
"""

from __future__ import annotations

from typing import Any

from reconciler.embedded.cluster.answers import ApiError

MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "containerStatuses": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "protocol"),
    "hostAliases": ("ip",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
"""The lists of the built-in kinds whose items have an identity (`patchMergeKey` and `x-kubernetes-list-map-keys`)."""
SETS = frozenset({"finalizers"})
"""The lists of plain values that merge as sets."""
_DEFAULTS = {"protocol": "TCP"}


def identity(field: str, item: Any) -> tuple[Any, ...] | None:
    """Return what identifies an item of the list ``field``, or None where the list has no such thing."""
    keys = MERGE_KEYS.get(field)
    if keys is None or not isinstance(item, dict) or keys[0] not in item:
        return None
    return tuple(item.get(key, _DEFAULTS.get(key)) for key in keys)


def json_merge(document: Any, patch: Any) -> Any:
    """Apply a JSON merge patch: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = json_merge(merged.get(key), value)
    return merged


def strategic_merge(document: Any, patch: Any, field: str = "") -> Any:
    """Apply a strategic merge patch: as a JSON merge, but lists whose items have an identity merge item by item.

    The directives `$patch: delete | replace | merge`, `$retainKeys` (ignored), `$setElementOrder` (ignored) and
    `$deleteFromPrimitiveList` are understood.
    """
    if isinstance(patch, list) and isinstance(document, list):
        return _merge_lists(document, patch, field)
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            merged[name] = [item for item in merged.get(name, []) if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            merged.pop(key, None)
        elif isinstance(value, list) and key not in merged:
            merged[key] = [item for item in value if not (isinstance(item, dict) and "$patch" in item)]
        else:
            merged[key] = strategic_merge(merged.get(key), value, key)
    return merged


def _merge_lists(old: list[Any], patch: list[Any], field: str) -> list[Any]:
    if field in SETS:
        return [*old, *(item for item in patch if item not in old)]
    if field not in MERGE_KEYS:
        return patch
    if any(isinstance(item, dict) and item.get("$patch") == "replace" and len(item) == 1 for item in patch):
        return [item for item in patch if item.get("$patch") != "replace"]
    merged = list(old)
    for item in patch:
        key = identity(field, item)
        if key is None:
            names = ", ".join(MERGE_KEYS[field])
            raise ApiError(422, f"map: {item} does not contain declared merge key: {names}")
        at = next((index for index, other in enumerate(merged) if identity(field, other) == key), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(item)
        else:
            merged[at] = strategic_merge(merged[at], item)
    return merged


def json_patch(document: Any, operations: Any) -> Any:
    """Apply a JSON patch.

    Raises:
        ApiError: 422 as the API server answers for a failed `test` or a path that is not there, 400 for nonsense.
    """
    if not isinstance(operations, list):
        raise ApiError(400, "json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    for operation in operations:
        document = _operate(document, operation)
    return document


def _operate(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise ApiError(400, "a JSON patch operation needs op and path")
    path = _pointer(operation["path"])
    match operation.get("op"):
        case "test":
            if _lookup(document, path) != operation.get("value"):
                raise _rejected(f"testing path {operation['path']} failed")
            return document
        case "add":
            return _change(document, path, operation.get("value"), "add")
        case "replace":
            _lookup(document, path)
            return _change(document, path, operation.get("value"), "replace")
        case "remove":
            _lookup(document, path)
            return _change(document, path, None, "remove")
        case "copy" | "move" as verb:
            source = _pointer(str(operation.get("from", "")))
            value = _lookup(document, source)
            if verb == "move":
                document = _change(document, source, None, "remove")
            return _change(document, path, value, "add")
        case other:
            raise ApiError(400, f'Unexpected kind: "{other}"')


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _rejected(message: str) -> ApiError:
    return ApiError(422, f"the server rejected our request due to an error in our request: {message}")


def _lookup(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            raise _rejected(f"the path /{'/'.join(path)} does not exist")
    return document


def _change(document: Any, path: list[str], value: Any, how: str) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(document, dict):
        copy = dict(document)
        if rest:
            copy[head] = _change(_lookup(copy, [head]), rest, value, how)
        elif how == "remove":
            del copy[head]
        else:
            copy[head] = value
        return copy
    if not isinstance(document, list) or not (head.isdigit() or (head == "-" and how == "add" and not rest)):
        raise _rejected(f"the path segment {head} does not exist")
    items = list(document)
    at = len(items) if head == "-" else int(head)
    if at > len(items) or (at == len(items) and (rest or how != "add")):
        raise _rejected(f"the index {head} does not exist")
    if rest:
        items[at] = _change(items[at], rest, value, how)
    elif how == "add":
        items.insert(at, value)
    elif how == "remove":
        del items[at]
    else:
        items[at] = value
    return items
