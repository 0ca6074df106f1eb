"""Reading what the API server sent: values by path and type, our mark, and who owns a field."""

from __future__ import annotations

import re
from typing import Any, Final

from reconciler.model.targets import Mark

OWNER: Final = "reconciler.dev/owner"
STEP: Final = "reconciler.dev/step"
_STEP = re.compile(r"([0-9]{1,18}):([0-9a-f]{0,64})\Z")


def dig(item: Any, *path: str) -> Any:
    """Return what is at a path, None where there is nothing."""
    for part in path:
        item = item.get(part) if isinstance(item, dict) else None
    return item


def number(item: Any, *path: str, default: int = 0) -> int:
    """Return the integer at a path; the API leaves zeros and defaults out."""
    value = dig(item, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def text(item: Any, *path: str) -> str:
    """Return the string at a path."""
    value = dig(item, *path)
    return value if isinstance(value, str) else ""


def items(item: Any, *path: str) -> list[dict[str, Any]]:
    """Return the objects of the list at a path."""
    value = dig(item, *path)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def name(item: Any) -> str:
    """Return an object's name."""
    return text(item, "metadata", "name")


def mark(item: Any) -> Mark | None:
    """Return our mark on an object. Where its step cannot be read the sequence is 0, which any decision may replace."""
    owner = text(item, "metadata", "annotations", OWNER)
    if not owner:
        return None
    match = _STEP.match(text(item, "metadata", "annotations", STEP))
    return Mark(owner, int(match[1]), match[2]) if match else Mark(owner, 0, "")


def manager(item: Any, field: str) -> str:
    """Return the field manager that owns `spec.<field>`: of several the one that wrote last; empty if not told."""
    owners = [
        entry
        for entry in items(item, "metadata", "managedFields")
        if dig(entry, "fieldsV1", "f:spec", f"f:{field}") is not None
    ]
    return text(max(owners, key=lambda entry: text(entry, "time")), "manager") if owners else ""


def controller(item: Any) -> tuple[str, str]:
    """Return kind and name of the object that controls this one, empty where nothing does."""
    for owner in items(item, "metadata", "ownerReferences"):
        if owner.get("controller") is True:
            return text(owner, "kind"), text(owner, "name")
    return "", ""


def deleting(item: Any) -> bool:
    """Say whether an object is being deleted."""
    return bool(text(item, "metadata", "deletionTimestamp"))


def selector(item: Any) -> str:
    """Return a workload's `spec.selector` as a label selector's text, empty where it has none."""
    parts = [f"{key}={value}" for key, value in sorted((dig(item, "spec", "selector", "matchLabels") or {}).items())]
    for rule in items(item, "spec", "selector", "matchExpressions"):
        key, values = text(rule, "key"), ",".join(rule.get("values") or [])
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "DoesNotExist": f"!{key}"}
        parts.append(forms.get(text(rule, "operator"), key))
    return ",".join(parts)


def difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) that makes ``new`` of ``old``; lists are replaced whole."""
    patch: dict[str, Any] = {key: None for key in old if new.get(key) is None}
    for key, value in new.items():
        before = old.get(key)
        if value is None or value == before:
            continue
        patch[key] = difference(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return patch
