"""The bounded reader of people's files: YAML, and JSON as the YAML that it is, into nodes that know their place.

It works on libyaml's events and never builds what the text only promises: an alias bomb, a tower of brackets, a
second document or a tag is refused at the event that shows it. Everything refused is a `UserError` with line and
column. What the values mean is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, cast

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # exported, but not listed in __all__
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import ListNode, MapNode, Node, Scalar
from reconciler.model.yaml_mistakes import (
    bad_byte,
    conflict_marker,
    explain,
    join_surrogates,
    lfs_pointer,
    not_utf8,
)
from reconciler.model.yaml_origins import odd_blank, refused_blank

CONFIG_LIMIT: Final = 64 * 1024
"""The size in bytes up to which people's configuration files are read."""
PROBLEM_LIMIT: Final = 256 * 1024
"""The size in bytes up to which problem files are read: monitoring puts a lot into them."""
DEPTH_LIMIT: Final = 32
NODE_LIMIT: Final = 10_000
KEY_LIMIT: Final = 512
"""The number of characters that a key may have."""

_BOM = b"\xef\xbb\xbf"
_Shift = Callable[[int, int], int]


def read_yaml(data: bytes, path: str, *, limit: int = CONFIG_LIMIT) -> Node:
    """Parse one YAML or JSON document of at most ``limit`` bytes; ``path`` is for the places only.

    A byte order mark and CRLF line ends are accepted. A file without any content is a null scalar.

    Raises:
        UserError: with line and column, for bytes that are not UTF-8, text that is not YAML, merge conflicts, Git LFS
            pointers, aliases, anchors, merge keys, tags, several documents, duplicate keys, and anything too large.
    """
    if len(data) > limit:
        raise UserError(
            f"the file has {len(data)} bytes",
            place=Place(path),
            expected=f"at most {limit} bytes",
            hint="take out what nobody reads; long texts belong behind a link",
        )
    data = data.removeprefix(_BOM)
    for check in (not_utf8, lfs_pointer, conflict_marker):
        if found := check(data, path):
            raise found
    try:
        return _Reader(data, path, _same).read()
    except YAMLError as error:
        joined, shift = join_surrogates(data)
        if joined != data:
            return _read_joined(joined, path, shift)
        raise _refusal(error, data, path) from error


def _read_joined(data: bytes, path: str, shift: _Shift) -> Node:
    try:
        return _Reader(data, path, shift).read()
    except YAMLError as error:
        raise _refusal(error, data, path) from error


def _same(_line: int, column: int) -> int:
    return column


def _refusal(error: YAMLError, data: bytes, path: str) -> UserError:
    if isinstance(error, ReaderError):
        return bad_byte(data, path, int(error.args[1]), str(error.args[4]))
    if isinstance(error, MarkedYAMLError):
        mark, context = error.problem_mark or error.context_mark, error.context_mark
        began = (context.line, context.column) if context else None
        return explain(data, path, str(error.problem), (mark.line, mark.column) if mark else (0, 0), began)
    return UserError(f"not YAML: {error}", place=Place(path))


class _Reader:
    """One pass over the events of one file. Containers are built bottom up: ``stack`` holds those still open."""

    def __init__(self, data: bytes, path: str, shift: _Shift) -> None:
        self._next = CParser(data).get_event
        self._path = path
        self._shift = shift
        self._stack: list[_Open] = []
        self._root: Node | None = None

    def read(self) -> Node:
        # Kept here and not with the reader, which would refer to itself and stay until cycles are looked for.
        handlers: dict[type, Callable[[Any], Node | None]] = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._start,
            SequenceStartEvent: self._start,
            MappingEndEvent: self._end,
            SequenceEndEvent: self._end,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
        }
        next_event, stack, count = self._next, self._stack, 0
        while (kind := type(event := next_event())) is not StreamEndEvent:
            handler = handlers.get(kind)
            node = handler(event) if handler else None
            if node is None:
                continue
            count += 1
            if count > NODE_LIMIT:
                _refuse(node.place, f"more than {NODE_LIMIT} values in one file", f"at most {NODE_LIMIT} values")
            if stack:
                stack[-1].add(node)
            else:
                self._root = node
        return self._root if self._root is not None else Scalar("", quoted=False, place=Place(self._path, 1, 1))

    def _scalar(self, event: Any) -> Node:
        mark = event.start_mark
        line = mark.line
        place = Place(self._path, line + 1, self._shift(line, mark.column) + 1)
        if event.anchor is not None or event.ctag is not None:
            _refuse_decoration(event, place)
        return Scalar(event.value, bool(event.style), place)

    def _start(self, event: Any) -> None:
        place = self._place(event)
        if event.anchor is not None or event.ctag is not None:
            _refuse_decoration(event, place)
        if len(self._stack) >= DEPTH_LIMIT:
            _refuse(place, f"nested deeper than {DEPTH_LIMIT} levels", f"at most {DEPTH_LIMIT} levels")
        self._stack.append(_Open(place, mapping=type(event) is MappingStartEvent))

    def _end(self, _event: Any) -> Node:
        return self._stack.pop().close()

    def _alias(self, event: Any) -> NoReturn:
        _refuse(
            self._place(event),
            f"the alias `*{shown(str(event.anchor))}`",
            "the value itself",
            f'write the value out, or put it in quotes where text is meant, `"*{shown(str(event.anchor))}"`;'
            " anchors and aliases are not used in these files",
        )

    def _document(self, event: Any) -> None:
        if self._root is not None:
            _refuse(
                self._place(event),
                "a second document starts here",
                "one document a file",
                "put it into a file of its own, or delete the line `---`",
            )
        if event.tags:
            _refuse(self._place(event), "a %TAG directive", "plain YAML", "delete the directive")

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        line = mark.line
        return Place(self._path, line + 1, self._shift(line, mark.column) + 1)


class _Open:
    """A mapping or list whose end has not been seen."""

    __slots__ = ("_entries", "_items", "_key", "_mapping", "_place", "_seen")

    def __init__(self, place: Place, *, mapping: bool) -> None:
        self._place = place
        self._mapping = mapping
        self._items: list[Node] = []
        self._entries: list[tuple[Scalar, Node]] = []
        self._key: Scalar | None = None
        self._seen: dict[str, Place] = {}

    def add(self, node: Node) -> None:
        if not self._mapping:
            self._items.append(node)
        elif self._key is None:
            raw = node.raw if type(node) is Scalar else ""
            if raw and raw not in self._seen and raw != "<<" and len(raw) <= KEY_LIMIT and raw.isascii():
                self._seen[raw] = node.place
                self._key = cast(Scalar, node)
            else:
                self._key = self._checked_key(node)
        else:
            self._entries.append((self._key, node))
            self._key = None

    def close(self) -> Node:
        if self._mapping:
            return MapNode(tuple(self._entries), self._place)
        return ListNode(tuple(self._items), self._place)

    def _checked_key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            braces = isinstance(node, MapNode) and node.place.line == self._place.line
            hint = "write the key as one word, or in quotes"
            if braces and node.place.column == self._place.column + 1:
                hint = "nothing is filled in for `{{ ... }}` here: write the value itself, or put it in quotes"
            _refuse(node.place, "a mapping or list used as a key", "text", hint)
        if len(node.raw) > KEY_LIMIT:
            _refuse(node.place, f"a key of {len(node.raw)} characters", f"at most {KEY_LIMIT} characters")
        if not node.quoted and not node.raw:
            _refuse(node.place, "a value without a key", "`key: value`", "write the key before the colon")
        if not node.raw.isascii() and not node.quoted and (name := odd_blank(node.raw)):
            raise refused_blank(name, node.place)
        if not node.quoted and node.raw == "<<":
            _refuse(
                node.place,
                "the merge key `<<`",
                "the keys themselves",
                "write the keys out; merge keys are not used in these files",
            )
        first = self._seen.get(node.raw)
        if first is not None:
            _refuse(
                node.place,
                f"the key `{shown(node.raw)}` stands twice, first in line {first.line} column {first.column}",
                "each key once",
                f"delete one of the two, or give it the name that was meant{self._next_item(node)}",
            )
        self._seen[node.raw] = node.place
        return node

    def _next_item(self, again: Scalar) -> str:
        """Say what is missing where the first key of an item comes again on a line of its own: the next item's `-`."""
        if not self._entries:
            return ""
        first = self._entries[0][0]
        below = again.place.line > first.place.line and again.place.column == first.place.column > 1
        next_item = below and first.raw == again.raw
        return f"; where the next item of a list begins, write `- {shown(again.raw)}:`" if next_item else ""


def shown(text: str, limit: int = 60) -> str:
    """Return text for use inside a message: hidden characters escaped, at most ``limit`` characters."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: limit + 1])
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def _instead_of_tag(name: str, value: str) -> str:
    if name.startswith("!!"):
        return "delete the tag; put the value in quotes where it must be text"
    quoted = f'`"{f"{name} {shown(value)}".strip()}"`'
    if name.startswith("!="):
        return f'put it in quotes, {quoted}; a criterion has no unequal, so say which values are good: `"<600"`'
    return f"YAML takes a `!` for a tag: put it in quotes where text is meant, {quoted}; else delete the tag"


def _refuse_decoration(event: Any, place: Place) -> NoReturn:
    if event.tag is not None:
        name = shown(str(event.tag).replace("tag:yaml.org,2002:", "!!"))
        _refuse(place, f"the tag `{name}`", "a value without a tag", _instead_of_tag(name, getattr(event, "value", "")))
    _refuse(
        place,
        f"the anchor `&{shown(str(event.anchor))}`",
        "a value without an anchor",
        f'delete the anchor, or put it in quotes where text is meant, `"&{shown(str(event.anchor))}"`; anchors and'
        " aliases are not used in these files",
    )


def _refuse(place: Place, message: str, expected: str, hint: str = "") -> NoReturn:
    raise UserError(message, place=place, expected=expected, hint=hint)
