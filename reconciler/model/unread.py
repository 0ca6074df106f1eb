"""Keys of people's files that nobody reads, told with the level they stand on: Keptn ignored them, and so do we.

The loaders collect them while they have the document in their hands; whether one is worth a word is for others to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, TypeAlias

from reconciler.model.errors import Place
from reconciler.model.misplaced import ACTION_OPTIONS
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar

Level: TypeAlias = Literal[
    "file", "spec", "entry", "action", "comparison", "objective", "criteria", "total_score"
]  # fmt: skip
_ACTION: Final = ("action", "value", "name", "description", *sorted(ACTION_OPTIONS))
_KEPTN_ACTION: Final = frozenset({"version"})
"""What Keptn's own files have beside `action` and `value` (its specification of remediations, 0.1.4)."""
_OBJECTIVE: Final = ("sli", "displayName", "key_sli", "pass", "warning", "weight")
_COMPARISON: Final = (
    "compare_with", "include_result_with_score", "number_of_comparison_results", "aggregate_function"
)  # fmt: skip
_SLO: Final = ("spec_version", "filter", "comparison", "objectives", "total_score")
_EXTENSION: Final = "x-"
"""What begins so is somebody's own, as in Compose and OpenAPI."""
_MOST: Final = 20
"""Keys of one mapping that are told."""


@dataclass(frozen=True)
class UnreadKey:
    """A key that counts for nothing. ``known`` are those that its ``level`` has, ``value`` its text, empty for more."""

    name: str
    value: str
    place: Place
    level: Level
    known: tuple[str, ...]


def of_playbook(root: MapNode, *, second: bool) -> tuple[UnreadKey, ...]:
    """Return what nobody reads in a playbook; ``second`` says that it has the form of Keptn 0.7 and later."""
    return tuple(_of_second(root) if second else _of_first(root))


def _of_first(root: MapNode) -> Iterator[UnreadKey]:
    # Keptn's first form has no other key at all, and its later ones are often left in a file that was made simpler.
    yield from _unread(root, "file", ("remediations",), {"apiVersion", "kind", "metadata", "version", "spec_version"})
    yield from _of_entries(root.get("remediations"), ("name", "actions"))


def _of_second(root: MapNode) -> Iterator[UnreadKey]:
    yield from _unread(root, "file", ("apiVersion", "kind", "metadata", "spec"), {"version", "spec_version"})
    spec = root.get("spec")
    yield from _unread(spec, "spec", ("remediations",))
    if isinstance(spec, MapNode):
        yield from _of_entries(spec.get("remediations"), ("problemType", "actionsOnOpen"))


def _of_entries(entries: Node | None, known: tuple[str, str]) -> Iterator[UnreadKey]:
    for entry in _items(entries):
        yield from _unread(entry, "entry", known)
        for action in _items(entry.get(known[1])):
            yield from _unread(action, "action", _ACTION, _KEPTN_ACTION)


def of_objectives(root: MapNode) -> tuple[UnreadKey, ...]:
    """Return what nobody reads in a `slo.yaml`."""
    return tuple(_of_objectives(root))


def _of_objectives(root: MapNode) -> Iterator[UnreadKey]:
    yield from _unread(root, "file", _SLO)
    yield from _unread(root.get("comparison"), "comparison", _COMPARISON)
    for objective in _items(root.get("objectives")):
        yield from _unread(objective, "objective", _OBJECTIVE)
        for name in ("pass", "warning"):
            for each in _items(objective.get(name)):
                yield from _unread(each, "criteria", ("criteria",))
    yield from _unread(root.get("total_score"), "total_score", ("pass", "warning"))


def _unread(
    node: Node | None, level: Level, known: tuple[str, ...], also: Iterable[str] = ()
) -> Iterator[UnreadKey]:  # fmt: skip
    if not isinstance(node, MapNode):
        return
    unread = (
        (key, value)
        for key, value in node.entries
        if key.raw not in known and key.raw not in also and not key.raw.startswith(_EXTENSION)
    )
    for key, value in islice(unread, _MOST):
        yield UnreadKey(key.raw, value.raw if isinstance(value, Scalar) else "", key.place, level, known)


def _items(node: Node | None) -> Iterator[MapNode]:
    for item in node.items if isinstance(node, ListNode) else ():
        if isinstance(item, MapNode):
            yield item
