"""Examples of the schemas as a person would write them into a file: in one line, for a hint."""

from __future__ import annotations

import re
from typing import Any, Final

from reconciler.model.errors import Place
from reconciler.model.nodes import Scalar

_BARE: Final = re.compile(r"[A-Za-z0-9./$_-](?:[A-Za-z0-9./$_%@()*+=-]| (?=[A-Za-z0-9]))*")
"""What needs no quotes between braces, where libyaml refuses a colon even in an address."""


def in_one_line(value: Any) -> str:
    """Return a value as YAML of one line, in quotes only where it would be read as something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{in_one_line(key)}: {in_one_line(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(in_one_line(inner) for inner in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    bare = _BARE.fullmatch(value) is not None and Scalar(value, quoted=False, place=Place("")).plain() == value
    safe = value.replace("\\", "\\\\").replace('"', '\\"')
    return value if bare else f'"{safe}"'
