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
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.errors import BugError, Place, UserError

_BARE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_UNSAFE = re.compile(r"[^\x20-\x7e]")
_LINE = re.compile(r'( *)(- |)(?:([A-Za-z][A-Za-z0-9_-]*|"(?:[^"\\]|\\.)*"):(?: (?=.)|\Z))?(.*)\Z')
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def text(value: Any) -> str:
    """Return one JSON value on one line, keys in the order given, hidden characters escaped.

    Raises:
        BugError: for a float that is not finite, or anything that JSON cannot say.
    """
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    except (TypeError, ValueError) as error:
        raise BugError(f"not plain data: {error}") from error
    return _UNSAFE.sub(_escape, encoded)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if unicodedata.category(character) not in _HIDDEN and character != "\ufeff":
        return character
    return "".join(f"\\u{unit:04x}" for unit in memoryview(character.encode("utf-16-le", "surrogatepass")).cast("H"))


def emit(data: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a mapping of plain data; empty mappings and lists are written as `{}` and `[]`."""
    lines: list[str] = []
    _emit_mapping(data, "", lines)
    return ("\n".join(lines) + "\n").encode()


def _emit_mapping(data: Mapping[str, Any], indent: str, lines: list[str]) -> None:
    for key, value in data.items():
        name = key if _BARE_KEY.match(key) and key.lower() not in _RESERVED else text(key)
        if isinstance(value, Mapping) and value:
            lines.append(f"{indent}{name}:")
            _emit_mapping(value, indent + "  ", lines)
        elif isinstance(value, Sequence) and not isinstance(value, str) and value:
            lines.append(f"{indent}{name}:")
            lines.extend(f"{indent}  - {text(item)}" for item in value)
        else:
            lines.append(f"{indent}{name}: {text(value)}")


def read(content: bytes, path: str) -> dict[str, Any]:
    """Read back what `emit` wrote; nothing else, however good its YAML.

    Raises:
        UserError: with the line, for anything that `emit` would not have written in that form.
    """
    root: dict[str, Any] = {}
    stack: list[tuple[int, dict[str, Any]]] = [(0, root)]
    pending: tuple[dict[str, Any], str] | None = None
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise _foreign(path, 0) from error
    for number, line in enumerate(lines[:-1], 1):
        match = _LINE.match(line)
        if match is None:
            raise _foreign(path, number)
        depth, dash, key, rest = len(match[1]), match[2], match[3], match[4]
        if pending is not None and depth == stack[-1][0] + 2 and not dash:
            owner, name = pending
            stack.append((depth, owner[name]))
        while depth < stack[-1][0]:
            stack.pop()
        if dash:
            if pending is None or depth != stack[-1][0] + 2:
                raise _foreign(path, number)
            owner, name = pending
            if owner[name] == {}:
                owner[name] = []
            owner[name].append(_json(f"{key}: {rest}" if key else rest, path, number))
            continue
        if key is None or depth != stack[-1][0]:
            raise _foreign(path, number)
        container = stack[-1][1]
        name = _json(key, path, number) if key.startswith('"') else key
        if name in container:
            raise _foreign(path, number)
        if rest:
            container[name] = _json(rest, path, number)
            pending = None
        else:
            container[name] = {}
            pending = (container, name)
    return root


def _json(value: str, path: str, line: int) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise _foreign(path, line) from error


def _foreign(path: str, line: int) -> UserError:
    return UserError(
        "this file is written by reconciler and does not have its form any more",
        place=Place(path, line),
        expected="the canonical form, one JSON value a line",
        hint="take the change back with `git revert`; reconciler puts its own state back by itself",
    )
