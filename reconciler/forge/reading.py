"""Fields of a forge's answer, which is somebody else's JSON: of the kind that is wanted, or as if they were missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.model.errors import BlindError


def text(data: Any, *names: str) -> str:
    """Return the text under a path of names; empty where there is none."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, str) else ""


def record(data: Any, host: str) -> dict[str, Any]:
    """Return an object. Raises BlindError where it is none."""
    if not isinstance(data, dict):
        raise BlindError(f"{host}: an answer that is no object", hint="look at `kind` and `api` in the configuration")
    return data


def number(data: Any, name: str, host: str) -> int:
    """Return a number that must be there. Raises BlindError where it is not."""
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, int):
        raise BlindError(f"{host}: an answer without `{name}`", hint="look at `kind` and `api` in the configuration")
    return found


def objects(data: Any, host: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list. Raises BlindError where it is none."""
    if not isinstance(data, list):
        raise BlindError(f"{host}: an answer that is no list", hint="look at `kind` and `api` in the configuration")
    yield from (each for each in data if isinstance(each, dict))
