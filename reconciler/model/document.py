"""From bytes to a validated mapping, and the typed look at its fields that the loaders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from reconciler.model.duration import go_seconds, seconds
from reconciler.model.errors import BugError, Place, UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.meant import duration_meant
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.reader import CONFIG_LIMIT, read_yaml
from reconciler.model.schema import findings

T = TypeVar("T")


def parse(data: bytes, path: str, *, limit: int = CONFIG_LIMIT) -> Node:
    """Return the root of the file. Raises `InvalidFile` where `read_yaml` refuses."""
    try:
        return read_yaml(data, path, limit=limit)
    except UserError as error:
        raise InvalidFile([error]) from error


def open_document(data: bytes, path: str, schema: str, *, empty: bool = False) -> Fields:
    """Return the fields of a file that its schema finds nothing wrong with.

    ``empty`` says that a file without content stands for all defaults.

    Raises:
        InvalidFile: with everything that is wrong.
    """
    return checked(parse(data, path), schema, empty=empty)


def checked(node: Node, schema: str, *, empty: bool = False) -> Fields:
    """Return the fields of a document that its schema finds nothing wrong with. Raises `InvalidFile`."""
    if is_null(node):
        if empty:
            return Fields(MapNode((), node.place))
        raise InvalidFile(
            [
                UserError(
                    "the file is empty", place=node.place, expected="its content", hint="write it, or delete the file"
                )
            ]
        )
    if found := findings(node, schema):
        raise InvalidFile(found)
    return Fields(node)


def is_null(node: Node | None) -> bool:
    """Whether there is no value: no node, or a null one."""
    return node is None or (isinstance(node, Scalar) and node.plain() is None)


class Fields:
    """A mapping that the schema has passed, read by name; what is absent or null gives the default.

    A type that the schema should have refused is a `BugError`.
    """

    def __init__(self, node: Node | None) -> None:
        if node is None or isinstance(node, Scalar):
            node = MapNode((), node.place if node else Place(""))
        if not isinstance(node, MapNode):
            raise BugError(f"{node.place}: the schema let a list pass for a mapping")
        self.map = node
        self.place = node.place

    def node(self, name: str) -> Node | None:
        """Return the value unless it is null."""
        node = self.map.get(name)
        return None if is_null(node) else node

    def place_of(self, name: str) -> Place:
        """Return where the value stands, else the mapping."""
        node = self.map.get(name)
        return node.place if node else self.place

    def text(self, name: str, default: str = "") -> str:
        """Return a scalar as written, without its quotes."""
        node = self.node(name)
        if node is None:
            return default
        if not isinstance(node, Scalar):
            raise BugError(f"{node.place}: the schema let something pass for text")
        return node.raw

    def integer(self, name: str) -> int | None:
        """Return a whole number."""
        node = self.node(name)
        value = node.plain() if node else None
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BugError(f"{self.place_of(name)}: the schema let something pass for a number")
        return int(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean; the words of YAML 1.1 (`yes`, `on`) count, since Keptn's parser took them."""
        raw = self.text(name).lower()
        return default if not raw else raw in ("true", "yes", "on", "y")

    def seconds(self, name: str) -> int | None:
        """Return a duration in whole seconds."""
        node = self.node(name)
        length = seconds(node.raw) if isinstance(node, Scalar) else None
        if node is not None and length is None:
            raise _no_duration(node)
        return length

    def go_seconds(self, name: str) -> float | None:
        """Return a duration in Go's form, in seconds."""
        node = self.node(name)
        length = go_seconds(node.raw) if isinstance(node, Scalar) else None
        if node is not None and length is None:
            raise _no_duration(node)
        return length

    def section(self, name: str) -> Fields:
        """Return the mapping under a key; an empty one where there is none."""
        node = self.node(name)
        return Fields(node) if node is not None else Fields(MapNode((), self.place))

    def items(self, name: str) -> tuple[Node, ...]:
        """Return the items of the list under a key."""
        node = self.node(name)
        return node.items if isinstance(node, ListNode) else ()

    def sections(self, name: str) -> Iterator[Fields]:
        """Return the mappings in the list under a key, nulls left out."""
        return (Fields(item) for item in self.items(name) if not is_null(item))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the scalars in the list under a key, as written."""
        return tuple(item.raw for item in self.items(name) if isinstance(item, Scalar))

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return a mapping of scalars as written, in order; null is the empty text."""
        node = self.node(name)
        entries = node.entries if isinstance(node, MapNode) else ()
        return tuple((key.raw, value.raw) for key, value in entries if isinstance(value, Scalar))


class Checks:
    """Collects what is wrong beyond the schema, so that one run reports all of it."""

    def __init__(self) -> None:
        self._errors: list[UserError] = []

    def add(self, message: str, place: Place, *, expected: str = "", hint: str = "") -> None:
        """Note a finding."""
        self._errors.append(UserError(message, place=place, expected=expected, hint=hint))

    def run(self, check: Callable[[], T], default: T) -> T:
        """Return what ``check`` returns; what it raises is noted and ``default`` returned."""
        try:
            return check()
        except UserError as error:
            self._errors.append(error)
            return default

    def done(self) -> None:
        """Raise `InvalidFile` if anything was found."""
        if self._errors:
            raise InvalidFile(self._errors)


def _no_duration(node: Node) -> UserError:
    written = node.raw if isinstance(node, Scalar) else "this"
    meant = duration_meant(written)
    return UserError(
        f"`{written}` is no duration of at most ten years",
        place=node.place,
        expected="a duration such as `30s`, `10m`, `1h30m` or `30d`",
        hint=f"write `{meant}`" if meant else "write the units from large to small, without blanks",
    )
