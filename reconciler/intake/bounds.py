"""What a payload may put into a problem file: every text, key and number of values is bounded, and every cut shows.

The limits are those of `problem.schema.json` and of the reader of files; a problem is never refused for being long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from reconciler.model import canonical
from reconciler.model.problem import Problem
from reconciler.model.problem_writing import problem_file

TITLE_LIMIT: Final = 512
LABEL_LIMIT: Final = 4096
LABELS_LIMIT: Final = 64
_URL_LIMIT: Final = 2048
_SOURCE_LIMIT: Final = 256
_NAME_LIMIT: Final = 256
_KEY_WRITTEN: Final = 900
"""Characters of a key as it is written: a YAML parser looks for the colon in the first 1,024 only."""
_FILE_LIMIT: Final = 192 * 1024
"""Bytes of a file; readers take 256 KiB, the rest is for what people add."""
_VALUES_LIMIT: Final = 8_000
_DEPTH_LIMIT: Final = 16
_FEW: Final = 20
_SHAPES: Final = ((16_384, 1_000), (2_048, 200), (256, 20))
"""Longest text and most items of details, from generous to tight: the first with which the file fits is used."""


def cut(text: str, limit: int) -> str:
    """Return the text in at most ``limit`` characters; where it was longer its end says so."""
    if len(text) <= limit:
        return text
    note = f"… (cut, {len(text)} characters)"
    return text[: limit - len(note)] + note


def link(value: object) -> str:
    """Return the value if it is an `http` or `https` address that may stand in a file, else the empty text."""
    if not isinstance(value, str) or len(value) > _URL_LIMIT or not value.isprintable() or " " in value:
        return ""
    return value if value.startswith(("https://", "http://")) and not value.endswith("://") else ""


def bounded_labels(labels: Mapping[str, str], limit: int = LABEL_LIMIT) -> dict[str, str]:
    """Return the first labels, as many as a file may have, with bounded names and texts of ``limit`` characters."""
    named = islice(((name, text) for name, text in labels.items() if name), LABELS_LIMIT)
    return {_key(name, _NAME_LIMIT): cut(text, min(limit, LABEL_LIMIT)) for name, text in named}


def fitted(problem: Problem) -> Problem:
    """Return the problem with everything cut to what its file can hold; `load_problem` gives it back the same."""
    missing = len(problem.labels) - LABELS_LIMIT
    details = {**problem.details, **({"labelsLeftOut": missing} if missing > 0 else {})}
    short = replace(
        problem,
        title=cut(problem.title, TITLE_LIMIT),
        root_cause=cut(problem.root_cause, TITLE_LIMIT),
        source=cut(problem.source, _SOURCE_LIMIT),
        url=link(problem.url),
    )
    for texts, items in _SHAPES:
        shape = _Shape(texts, items)
        small = replace(short, details=shape.bounded(details, 0), labels=bounded_labels(problem.labels, texts))
        if not shape.over and len(problem_file(small)) <= _FILE_LIMIT:
            return small
    few = islice(small.details.items(), _FEW)
    kept = {name: value for name, value in few if isinstance(value, (str, int, float))}
    return replace(
        small,
        labels=dict(islice(small.labels.items(), _FEW)),
        details={**kept, "leftOut": "details and labels that are too large for one file"},
    )


class _Shape:
    """Details under one set of limits. Once they are ``over`` what a file may hold, nothing more is looked at."""

    def __init__(self, texts: int, items: int) -> None:
        self._texts = texts
        self._items = items
        self._values = 0
        self._size = 0

    @property
    def over(self) -> bool:
        """Whether the details are too many or too large with these limits."""
        return self._values > _VALUES_LIMIT or self._size > _FILE_LIMIT

    def bounded(self, value: Any, depth: int) -> Any:
        """Return the value with everything in it cut to the limits."""
        self._values += 1
        if self.over:
            return None
        if isinstance(value, str):
            short = cut(value, self._texts)
            self._size += len(short) if short.isascii() else len(canonical.text(short))
            return short
        if not isinstance(value, (Mapping, list)):
            return value
        if depth >= _DEPTH_LIMIT:
            return f"… (cut, more than {_DEPTH_LIMIT} levels)"
        more = len(value) - self._items
        if isinstance(value, list):
            kept = [self.bounded(item, depth + 1) for item in value[: self._items]]
            return [*kept, f"… (cut, {more} more)"] if more > 0 else kept
        entries = islice(value.items(), self._items)
        self._values += min(len(value), self._items) + 1  # keys count too
        found = {_key(key, TITLE_LIMIT): self.bounded(inner, depth + 1) for key, inner in entries}
        return {**found, "…": f"(cut, {more} more)"} if more > 0 else found


def _key(name: str, limit: int) -> str:
    short = cut(name, limit)
    while len(canonical.text(short)) > _KEY_WRITTEN:
        short = cut(name, max(len(short) // 2, 40))
    return short
