"""The form of a JSON document without its values, so that a double's can be held against a real sender's."""

from __future__ import annotations

import re
from typing import Any

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z")
_HEX = re.compile(r"[0-9a-f]{16}\Z")
_FREE = ("labels", "annotations", "groupLabels", "commonLabels", "commonAnnotations")


def shape(document: Any, key: str = "") -> Any:
    """Return the keys with what kind of value each has; of labels and such only that they are texts by name."""
    if key in _FREE:
        return all(isinstance(each, str) for pair in document.items() for each in pair)
    if isinstance(document, dict):
        return {name: shape(value, name) for name, value in sorted(document.items())}
    if isinstance(document, list):
        found: list[Any] = []
        for each in map(shape, document):
            found += [each] if each not in found else []
        return found
    if isinstance(document, str):
        return "time" if _TIME.match(document) else "hash" if _HEX.match(document) else "text"
    return type(document).__name__
