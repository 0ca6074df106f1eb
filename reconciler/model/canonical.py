"""The one emitter and the one strict reader of machine-written files.

They are YAML in which every value is one JSON value on its line: nested mappings are indented by two spaces, a list has
one item a line. So a person can read and diff them, and they are read back without a YAML parser, some twenty times
faster. The bytes are a function of the data alone: keys keep the order they are given in, text is escaped as JSON, and
everything that a terminal or an editor could mistake (controls, bidirectional marks, line separators) is escaped too.

::

    event: "decided"
    effects:
      - {"target": "kubernetes/shop-production/Deployment/carts", "field": "replicas", "value": 2}
    facts:
      "kubernetes/shop-production/Deployment/carts":
        replicas: 1

One thing JSON and YAML spell differently: an invisible character beyond U+FFFF is escaped as JSON does it, by a
surrogate pair, which YAML parsers refuse or misread. Hiding it from people would be worse.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, NoReturn

from reconciler.model.errors import BugError, Place, UserError

DEPTH_LIMIT: Final = 32
"""How deep mappings may nest: as deep as in people's files."""
UNREADABLE: Final = (UserError, KeyError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What it may raise to make something of what `read` returned, where the file has the form and not the content."""

_BARE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\U000f0000-\U0010ffff]"
)
"""Controls, format characters, private use, fillers. A fixed list: Python's own tables change with its version."""
_LINE = re.compile(r'( *)(?:- (.+)|([A-Za-z][A-Za-z0-9_-]*|"(?:[^"\\]|\\.)*"):(?: (.+))?)\Z')
_ATOMS: Final = frozenset({str, int, bool, type(None)})
_SHALLOW: Final = 8
_SAFE: Final = 1 << 63
"""What data in our files keeps within by far."""
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_scan = json.JSONDecoder(parse_constant=_no_constant).scan_once  # type: ignore[attr-defined]  # the stubs leave it out


def text(value: Any) -> str:
    """Return one JSON value on one line, keys in the order given, hidden characters escaped.

    Raises:
        BugError: for a float that is not finite, a key that is no text, half a character (a lone surrogate), or
            anything that JSON cannot say.
    """
    kind = type(value)
    if kind is str:
        encoded: str = encode_basestring(value)
    elif kind is int:
        encoded = _integer(value)
    else:
        try:
            encoded = _usual(value, 0)
        except (_UnusualError, TypeError):
            encoded = _general(value)
    return encoded if encoded.isascii() and "\x7f" not in encoded else _HIDDEN.sub(_escape, encoded)


class _UnusualError(Exception):
    """The value is none of those that our files are full of, or none that may be written at all."""


def _usual(value: Any, depth: int) -> str:
    """Return what `_general` does for nearly all data, in a third of the time.

    Raises `_UnusualError` for the rest, and TypeError for a key that is no text.
    """
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is bool or value is None:
        return "null" if value is None else "true" if value else "false"
    if kind is int and -_SAFE < value < _SAFE:
        return str(value)
    if kind is float and math.isfinite(value):
        return repr(value)
    if depth < _SHALLOW:
        if kind is list or kind is tuple:
            return f"[{', '.join([_usual(each, depth + 1) for each in value])}]"
        if kind is dict:
            told = [f"{encode_basestring(key)}: {_usual(inner, depth + 1)}" for key, inner in value.items()]
            return f"{{{', '.join(told)}}}"
    raise _UnusualError


def _general(value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        value = _plain(value, 0)
    try:
        return _encode(value)
    except (TypeError, ValueError) as error:
        raise BugError(f"not plain data: {error}") from error


def _integer(value: int) -> str:
    try:
        return str(value)
    except ValueError as error:
        raise BugError(f"not plain data: {error}") from error


def _plain(value: Any, depth: int) -> Any:
    """Check keys and depth of a value that is written on one line, and make its mappings dictionaries."""
    if depth > DEPTH_LIMIT:
        raise BugError(f"nested deeper than {DEPTH_LIMIT} levels")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise BugError("not plain data: a key that is no text")
        return {key: _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, depth + 1) for inner in value]
    return value


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if "\ud800" <= character <= "\udfff":
        raise BugError("text with half a character (a lone surrogate) cannot be written")
    return "".join(f"\\u{unit:04x}" for unit in memoryview(character.encode("utf-16-le")).cast("H"))


def emit(data: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a mapping of plain data; empty mappings and lists are written as `{}` and `[]`.

    Raises:
        BugError: for what `text` refuses, or mappings nested deeper than `DEPTH_LIMIT`.
    """
    lines: list[str] = []
    try:
        _emit_usual(data, "", lines)
    except (_UnusualError, TypeError):
        lines.clear()
    told = "\n".join(lines)
    if not lines or not told.isascii() or "\x7f" in told:
        lines.clear()
        _emit_mapping(data, "", lines)
        told = "\n".join(lines)
    return f"{told}\n".encode() if lines else b"{}\n"


def _emit_usual(data: Mapping[str, Any], indent: str, lines: list[str]) -> None:
    """Add what `_emit_mapping` does for nearly all data, in half the time; nothing hidden in it is escaped.

    Raises `_UnusualError` or TypeError for the rest.
    """
    for key, value in data.items():
        name = _NAMES.get(key) or _known_name(key)
        kind = type(value)
        if kind is str:
            lines.append(f"{indent}{name}: {encode_basestring(value)}")
        elif kind is bool or value is None or (kind is int and -_SAFE < value < _SAFE) or not value:
            lines.append(f"{indent}{name}: {_usual(value, 0)}")
        elif kind is dict:
            if len(indent) > _SHALLOW:
                raise _UnusualError
            lines.append(f"{indent}{name}:")
            _emit_usual(value, indent + "  ", lines)
        elif kind is list or kind is tuple:
            lines.append(f"{indent}{name}:")
            for item in value:
                lines.append(f"{indent}  - {_usual(item, 0)}")  # noqa: PERF401  (a comprehension costs more)
        else:
            lines.append(f"{indent}{name}: {_usual(value, 0)}")


_NAMES: Final[dict[str, str]] = {}
"""Keys as they are written; only those that are written bare."""


def _known_name(key: str) -> str:
    if type(key) is not str:
        raise _UnusualError
    name = _name(key)
    if name == key:
        if len(_NAMES) >= _REMEMBERED:
            _NAMES.clear()
        _NAMES[key] = name
    return name


_PAIR: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")


def emit_for_people(data: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a file that is read as people's files are: problems, commands.

    Machine files escape an invisible character beyond U+FFFF (the flag of England is made of them) as JSON does, by a
    surrogate pair; the reader of people's files knows such a character by YAML's escape only.
    """
    return _PAIR.sub(_whole, emit(data))


def _whole(match: re.Match[bytes]) -> bytes:
    high, low = int(match[2], 16), int(match[3], 16)
    return match[1] + b"\\U%08x" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _emit_mapping(data: Mapping[str, Any], indent: str, lines: list[str]) -> None:
    if len(indent) > 2 * DEPTH_LIMIT:
        raise BugError(f"nested deeper than {DEPTH_LIMIT} levels")
    for key, value in data.items():
        if not isinstance(key, str):
            raise BugError("not plain data: a key that is no text")
        name = _name(key)
        if type(value) in _ATOMS:  # first, because it is the usual case and the tests below are slow
            lines.append(f"{indent}{name}: {text(value)}")
        elif value and isinstance(value, Mapping):
            lines.append(f"{indent}{name}:")
            _emit_mapping(value, indent + "  ", lines)
        elif value and isinstance(value, (list, tuple)):
            lines.append(f"{indent}{name}:")
            lines.extend(f"{indent}  - {text(item)}" for item in value)
        else:
            lines.append(f"{indent}{name}: {text(value)}")


@lru_cache(4096)
def _name(key: str) -> str:
    return key if _BARE_KEY.match(key) and key.lower() not in _RESERVED else text(key)


def read(content: bytes, path: str) -> dict[str, Any]:
    """Read back what `emit` wrote; nothing else, however good its YAML.

    Raises:
        UserError: with the line, for anything that `emit` would not have written in that form.
    """
    if content == b"{}\n":
        return {}
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise _foreign(path, content.count(b"\n", 0, error.start) + 1) from error
    root = _Reader(path).read(lines[:-1])
    try:
        written = emit(root)
    except BugError as error:
        raise _foreign(path, 0) from error
    if written != content:
        raise _foreign(path, _first_difference(written.split(b"\n"), content.split(b"\n")))
    return root


def peek(content: bytes, path: str) -> dict[str, Any]:
    """Read what `emit` wrote in less than half the time of `read`, without proof that it has that form throughout.

    For what is only counted or shown; whatever is decided on is read by `read`.

    Raises:
        UserError: it cannot be read so.
    """
    try:
        return _Reader(path).read(content.decode().split("\n")[:-1])
    except UnicodeDecodeError as error:
        raise _foreign(path, content.count(b"\n", 0, error.start) + 1) from error


_NOTHING: Final = object()
"""The value of a key that stands alone on its line."""
_REMEMBERED: Final = 4096
_SHORT: Final = 120
_KNOWN: Final[dict[str, tuple[int, str | None, Any]]] = {}
"""What short lines say, for the same ones stand in most files; only those whose value nobody can change."""


class _Reader:
    """Reads lines into mappings, leniently: `read` compares with what `emit` makes of the result."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._line = 0

    def read(self, lines: list[str]) -> dict[str, Any]:
        """Return the root. ``opened[n]`` is the mapping at depth n, ``pending`` its last key while it has no value."""
        root: dict[str, Any] = {}
        opened: list[dict[str, Any]] = [root]
        pending: str | None = None
        for self._line, line in enumerate(lines, 1):
            depth, key, value = _KNOWN.get(line) or self._told(line)
            if key is None:
                if pending is None or depth != len(opened):
                    self._refuse()
                opened[-1].setdefault(pending, []).append(value)
                continue
            if depth == len(opened) and pending is not None and pending not in opened[-1]:
                opened[-1][pending] = {}
                opened.append(opened[-1][pending])
            if depth >= len(opened) or depth > DEPTH_LIMIT:
                self._refuse()
            del opened[depth + 1 :]
            if key in opened[depth]:
                self._refuse()
            if value is _NOTHING:
                pending = key
            else:
                opened[depth][key] = value
                pending = None
        return root

    def _told(self, line: str) -> tuple[int, str | None, Any]:
        """Return what a line says: how deep it is, its key (None: it is an item) and its value."""
        match = _LINE.match(line)
        if match is None:
            self._refuse()
        spaces, item, key, value = match.groups()
        if item is not None:
            return len(spaces) >> 1, None, self._json(item)
        name = self._json(key) if key[0] == '"' else key
        told = (len(spaces) >> 1, name, _NOTHING if value is None else self._json(value))
        if len(line) <= _SHORT and not isinstance(told[2], (dict, list)):
            if len(_KNOWN) >= _REMEMBERED:
                _KNOWN.clear()
            _KNOWN[line] = told
        return told

    def _json(self, value: str) -> Any:
        try:
            found, end = _scan(value, 0)
        except (ValueError, RecursionError, StopIteration) as error:
            raise _foreign(self._path, self._line) from error
        if end != len(value):
            self._refuse()
        return found

    def _refuse(self) -> NoReturn:
        raise _foreign(self._path, self._line)


def no_such_file(path: str, what: str, error: Exception) -> UserError:
    """Return the error of a file that has the form and is not ``what``, for one of `UNREADABLE`."""
    if isinstance(error, UserError):
        if error.place is not None:
            return error
        why = error.message
    else:
        why = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error) or repr(error)
    return UserError(f"not {what}: {why}", place=Place(path), hint="take the change back")


def _first_difference(ours: list[bytes], theirs: list[bytes]) -> int:
    pairs: Iterator[tuple[bytes, bytes]] = zip(ours, theirs, strict=False)
    return next((line for line, (own, other) in enumerate(pairs, 1) if own != other), min(len(ours), len(theirs)))


def _foreign(path: str, line: int) -> UserError:
    return UserError(
        "this file is written by reconciler and does not have its form any more",
        place=Place(path, line),
        expected="the canonical form, one JSON value a line",
        hint="take the change back with `git revert`; reconciler puts its own state back by itself",
    )
