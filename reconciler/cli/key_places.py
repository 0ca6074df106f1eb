"""Where a file says something: the place of a key, else of what should have it."""

from __future__ import annotations

from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import MapNode, Node
from reconciler.model.reader import PROBLEM_LIMIT, read_yaml


def place_of_key(data: bytes, *keys: str) -> Place:
    """Return where the last of ``keys`` stands, each in the one before; else the innermost mapping that there is."""
    try:
        node: Node | None = read_yaml(data, "", limit=PROBLEM_LIMIT)
    except UserError:
        return Place("", 1, 1)
    place = node.place if node is not None else Place("", 1, 1)
    for name in keys:
        key = node.key(name) if isinstance(node, MapNode) else None
        if key is None or not isinstance(node, MapNode):
            return place
        place, node = key.place, node.get(name)
    return place


def place_of_value(data: bytes, path: str, key: str) -> Place:
    """Return where the value of a key of the file's top stands; the file where it has none."""
    try:
        root = read_yaml(data, path, limit=PROBLEM_LIMIT)
    except UserError:
        return Place(path)
    value = root.get(key) if isinstance(root, MapNode) else None
    return value.place if value is not None else Place(path)
