"""JSON text with places: which bytes of it are which member, so that one value can be replaced and nothing else moves.

A flag file belongs to people. Parsing it and writing it again would reformat what they wrote; so values are found in
the text (by the standard library's own scanner) and only their characters are exchanged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_BLANK = re.compile(r"[ \t\n\r]*")


class BrokenTextError(ValueError):
    """Text that is not the JSON it should be, at an offset in characters."""

    def __init__(self, message: str, text: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - text.rfind("\n", 0, offset)


@dataclass(frozen=True)
class Member:
    """A member of an object: its name, where the name begins, and the value with its span."""

    name: str
    begin: int
    start: int
    end: int
    value: Any


@dataclass(frozen=True)
class Edit:
    """Characters ``start`` to ``end`` become ``text``."""

    start: int
    end: int
    text: str


def root(text: str) -> int:
    """Return where the outermost value begins, having checked that the whole text is one JSON value."""
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise BrokenTextError(error.msg, text, error.pos) from error
    except (ValueError, RecursionError) as error:
        raise BrokenTextError(str(error), text, 0) from error
    return _skip(text, 0)


def members(text: str, start: int, what: str) -> dict[str, Member]:
    """Return the members of the object that begins at ``start`` of a text that `root` has checked.

    Raises BrokenTextError where it is no object or a name stands twice (which of them counts is up to the reader).
    """
    if text[start] != "{":
        raise BrokenTextError(f"{what} is no object", text, start)
    decoder, found = json.JSONDecoder(), dict[str, Member]()
    position = _skip(text, start + 1)
    while text[position] != "}":
        name, after = decoder.raw_decode(text, position)
        value_start = _skip(text, _skip(text, after) + 1)
        value, end = decoder.raw_decode(text, value_start)
        if name in found:
            raise BrokenTextError(f"{name!r} stands twice in {what}", text, position)
        found[name] = Member(name, position, value_start, end, value)
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found


def set_members(text: str, start: int, there: dict[str, Member], wanted: dict[str, Any]) -> list[Edit]:
    """Return the edits that give the object at ``start`` the wanted members: replaced in place, new ones at its end."""
    edits = [
        Edit(there[name].start, there[name].end, json.dumps(value, ensure_ascii=False))
        for name, value in wanted.items()
        if name in there and (type(there[name].value), there[name].value) != (type(value), value)  # 1 is not true
    ]
    new = {name: value for name, value in wanted.items() if name not in there}
    if not new:
        return edits
    written = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in new.items()]
    if not there:
        return [*edits, Edit(start + 1, start + 1, ", ".join(written))]
    last = max(there.values(), key=lambda member: member.end)
    gap = text[_back(text, last.begin) : last.begin]
    separator = gap if "\n" in gap else " "
    return [*edits, Edit(last.end, last.end, "".join(f",{separator}{item}" for item in written))]


def edited(text: str, edits: list[Edit]) -> str:
    """Return the text with edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _back(text: str, position: int) -> int:
    """Return where the blanks before a position begin."""
    while position > 0 and text[position - 1] in " \t\n\r":
        position -= 1
    return position


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
