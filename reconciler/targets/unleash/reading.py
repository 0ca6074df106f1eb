"""Picking values out of a server's answers without trusting their shape."""

from __future__ import annotations

from typing import Any


def items(data: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of the list ``name`` in an answer; anything else there holds nothing that we could use."""
    found = data.get(name) if isinstance(data, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
