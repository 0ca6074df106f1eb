"""The scale subresource: an `autoscaling/v1` Scale made from an object, and an object changed through one.

Numbers that are zero are left out, as the API's JSON does (`omitempty`).
"""

from __future__ import annotations

from typing import Any

from reconciler.embedded.cluster.admission import check_types, negative
from reconciler.embedded.cluster.answers import ApiError, invalid
from reconciler.embedded.cluster.kinds import Kind, Path, ScalePaths
from reconciler.embedded.cluster.selectors import of_selector


def look_up(item: Any, path: Path) -> Any:
    """Return what is at a path, or None."""
    for part in path:
        item = item.get(part) if isinstance(item, dict) else None
    return item


def with_value(item: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy of the object with the value at a path."""
    head, rest = path[0], path[1:]
    return {**item, head: with_value(item.get(head) or {}, rest, value) if rest else value}


def to_scale(kind: Kind, paths: ScalePaths, item: dict[str, Any]) -> dict[str, Any]:
    """Return the Scale of an object.

    Raises:
        ApiError: 500 where a custom resource has no number at its replicas path, as the API server answers.
    """
    replicas = look_up(item, paths.replicas)
    if replicas is None:
        path = "." + ".".join(paths.replicas)
        raise ApiError(500, f'Internal error occurred: the spec replicas field "{path}" does not exist')
    if kind.builtin:
        selector = of_selector(look_up(item, ("spec", "selector")) or {})
    else:
        selector = look_up(item, paths.selector) or "" if paths.selector else ""
    count = look_up(item, paths.status) or 0
    metadata = item["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in names if key in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {"replicas": count, **({"selector": selector} if selector else {})},
    }


def from_scale(kind: Kind, paths: ScalePaths, item: dict[str, Any], scale: dict[str, Any]) -> dict[str, Any]:
    """Return the object with the replicas of a Scale, and with the precondition that the Scale carries.

    Raises:
        ApiError: 400 and 422 for a number that cannot be.
    """
    spec = scale.get("spec") or {}
    check_types("Scale", spec)
    causes = negative("spec.replicas", spec.get("replicas", 0))
    if causes:
        raise invalid(kind, item["metadata"]["name"], causes)
    changed = with_value(item, paths.replicas, spec.get("replicas", 0))
    metadata = scale.get("metadata") or {}
    carried = {key: metadata[key] for key in ("resourceVersion", "uid") if metadata.get(key)}
    own = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
    return {**changed, "metadata": {**own, **carried}}
