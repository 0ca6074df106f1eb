"""A parsed YAML document as nodes that remember their place and their raw text.

YAML loaders turn `+1` into the integer 1 and may turn `off` into false; what a person wrote is only known from the
scalar's text, so that is what travels here. `plain()` gives the YAML 1.2 core-schema value for schema validation.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.model.copies import quick
from reconciler.model.errors import Place

_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,18}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?\Z")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@quick
@dataclass(frozen=True)
class Scalar:
    """A scalar as written: ``raw`` is its text without quotes, ``quoted`` whether it had any (or was a block)."""

    raw: str
    quoted: bool
    place: Place

    def plain(self) -> str | int | float | bool | None:
        """Return the value that YAML 1.2's core schema gives; numbers outside its bounds stay text."""
        if self.quoted:
            return self.raw
        if self.raw in _NULLS:
            return None
        if self.raw in _BOOLEANS:
            return _BOOLEANS[self.raw]
        if _INT.match(self.raw):
            return int(self.raw)
        if _FLOAT.match(self.raw):
            number = float(self.raw)
            return number if math.isfinite(number) else self.raw
        return self.raw


@quick
@dataclass(frozen=True)
class ListNode:
    """A sequence of nodes."""

    items: tuple[Node, ...]
    place: Place

    def plain(self) -> list[Any]:
        """Return the values of the items."""
        return [item.plain() for item in self.items]


@quick
@dataclass(frozen=True)
class MapNode:
    """A mapping, in the order written; keys are unique scalars (the reader refuses duplicates)."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place

    def plain(self) -> dict[str, Any]:
        """Return the mapping with its keys as text."""
        return {key.raw: value.plain() for key, value in self.entries}

    def get(self, name: str) -> Node | None:
        """Return the value under the key ``name`` or None."""
        for key, value in self.entries:
            if key.raw == name:
                return value
        return None

    def key(self, name: str) -> Scalar | None:
        """Return the key node itself, for its place."""
        return next((key for key, _ in self.entries if key.raw == name), None)


Node: TypeAlias = Scalar | ListNode | MapNode
