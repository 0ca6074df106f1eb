"""Where a mistake was made that libyaml stumbles over only later: an open bracket, a line without a colon, odd blanks.

Looked for only where libyaml has refused the file. Positions count from 0, as libyaml's do; places count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from reconciler.model.errors import Place, UserError

Position = tuple[int, int]

ODD_BLANKS: Final = "\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
"""Blanks that look like a space, or like nothing, and are none to YAML; for a class of a regular expression."""
_ODD: Final = re.compile(rf"[ \t]*([{ODD_BLANKS}])")
_KEY: Final = re.compile(r"[ ]*(?:- +)*(?:[\w.-]+|\"[^\"]*\"|'[^']*') *:(?= |$)")
_WITHOUT_COLON: Final = re.compile(r"(?P<before>[ ]*(?:- +)*)(?P<text>[^\s#\-\[\]{}'\"&*!|>%@`][^#]*?)\s*(?:#.*)?\Z")
_ITEM: Final = re.compile(r"[ ]*(\"[^\"]{1,80}\"|'[^']{1,80}')\s*\Z")
_DASH: Final = re.compile(r"[ ]*(-)(?:[A-Za-z_][\w-]*:(?: |$)|\"[^\"]*\"\s*$|'[^']*'\s*$)")
_TIGHT: Final = re.compile(r"[ ]*(?:- +)?(?P<key>[A-Za-z_][\w-]*):(?P<value>[0-9][^\s]*)\s*\Z")
_ASSIGNED: Final = re.compile(r"(?P<key>[A-Za-z_][\w-]*)\s*:?=\s*(?P<value>\S.*)\Z")
_STATE: Final = re.compile(r"(?P<flag>[\w.~-]+):\s+(?P<state>on|off|true|false|yes|no)\Z", re.IGNORECASE)
_DASHLIKE: Final = re.compile(r"[ ]*(?P<sign>[\u2010-\u2015\u2212\ufe58\ufe63\uff0d])(?=\s)")
_COLONLIKE: Final = re.compile(r"[ ]*(?:- +)*[\w.-]+ ?(?P<sign>[\uff1a\ufe55\u2236\ua789])")
_CLOSES: Final = {"]": "[", "}": "{"}
_BRACKETS: Final = {"[": "]", "{": "}"}
_FAR: Final = 50
"""Lines above the one that was stumbled over in which an open bracket is looked for."""
_LINE_LIMIT: Final = 400
"""No line that somebody wrote by hand is longer, and patterns cost time."""


def odd_blank(text: str) -> str:
    """Return the name of the first blank in front of a line's text that is no space, such as `U+00A0`; or nothing."""
    found = None if text.isascii() else _ODD.match(text)
    return f"U+{ord(found[1]):04X}" if found else ""


def origin(lines: Sequence[str], problem: str, at: Position, began: Position | None, path: str) -> UserError | None:
    """Return what is wrong where it began, None where libyaml's own position is as good.

    ``problem`` is libyaml's, ``at`` where it stumbled, ``began`` where the value or key began that it was reading.
    """
    told = _blank(lines, at, path) or _lookalike(lines, at, path) or _no_blank(lines, at, began, path)
    if told is not None:
        return told
    if problem == "found unexpected end of stream" and began is not None:
        return left_open(path, *began)
    if problem == "could not find expected ':'" and began is not None:
        return _no_colon(lines, began[0], path)
    if problem == "mapping values are not allowed in this context":
        above = _above(lines, at[0])
        return _two_colons(lines, at, path) or _no_colon(lines, above, path) or _below_value(lines, at[0], above, path)
    if problem == "did not find expected '-' indicator":
        return _no_item(lines, at[0], path)
    if problem == "did not find expected key":
        above = _above(lines, at[0])
        if (item := _item_beside_keys(lines, at[0], path)) is not None:
            return item
        return _no_item(lines, above, path, at[0]) or _below_value(lines, at[0], above, path)
    if problem == "did not find expected <document start>":
        return _ended(lines, at, path)
    if problem.startswith(("did not find expected ','", "did not find expected node content")):
        return _bracket(lines, at, path)
    return None


def left_open(path: str, line: int, column: int) -> UserError:
    """Return the refusal of a quote that nothing closes on its line."""
    return UserError(
        "not YAML: a quote that is opened here is not closed on this line",
        place=Place(path, line + 1, column + 1),
        expected="a closing quote",
        hint="close the quote at the end of the value",
    )


def _blank(lines: Sequence[str], at: Position, path: str) -> UserError | None:
    for number in range(min(at[0], len(lines) - 1), max(-1, at[0] - 3), -1):
        if name := odd_blank(lines[number]):
            column = len(lines[number]) - len(lines[number].lstrip(" \t")) + 1
            return refused_blank(name, Place(path, number + 1, column))
    return None


def refused_blank(name: str, place: Place) -> UserError:
    """Return the refusal of a blank that YAML takes for a letter."""
    return UserError(
        f"a blank that is no space ({name}) stands here, as web pages and word processors have it",
        place=place,
        expected="spaces",
        hint="delete it, and type the spaces anew",
    )


def _lookalike(lines: Sequence[str], at: Position, path: str) -> UserError | None:
    """Tell a dash or a colon that only looks like YAML's, as word processors and other keyboards write them."""
    for number in (at[0], _above(lines, at[0])):
        text = lines[number][:_LINE_LIMIT] if 0 <= number < len(lines) else ""
        found = None if text.isascii() else _DASHLIKE.match(text) or _COLONLIKE.match(text)
        if found is not None:
            sign, right = found["sign"], "-" if found.re is _DASHLIKE else ":"
            return UserError(
                f"not YAML: `{sign}` (U+{ord(sign):04X}) looks like a `{right}` and is none",
                place=Place(path, number + 1, found.start("sign") + 1),
                expected=f"`{right}`, followed by a blank",
                hint=f"write `{text.strip().replace(sign, f'{right} ', 1).replace(f'{right}  ', f'{right} ')}`",
            )
    return None


def _no_blank(lines: Sequence[str], at: Position, began: Position | None, path: str) -> UserError | None:
    """Tell `-action: x`, `-"<5"` and `startedAt:2026-11-21T10:00:00Z`, which lack a blank."""
    near = [at[0], _above(lines, at[0]), *([began[0]] if began is not None else [])]
    for number in dict.fromkeys(number for number in near if 0 <= number < len(lines)):
        text = lines[number] if len(lines[number]) <= _LINE_LIMIT else ""
        if dash := _DASH.match(text):
            return UserError(
                "not YAML: a `-` without a blank after it begins no item of a list",
                place=Place(path, number + 1, dash.start(1) + 1), expected="`- ` before each item",
                hint=f"write `- {text[dash.end(1) :].strip()}`",
            )  # fmt: skip
        if (tight := _TIGHT.match(text)) is not None:
            return UserError(
                f"not YAML: `{tight['key']}:` without a blank after the colon is a text and no key",
                place=Place(path, number + 1, tight.start("key") + 1), expected="`key: value`",
                hint=f"write `{tight['key']}: {tight['value'].strip()}`",
            )  # fmt: skip
    return None


def _above(lines: Sequence[str], number: int) -> int:
    """Return the nearest line above that says anything, -1 where there is none."""
    said = (
        at for at in range(min(number, len(lines)) - 1, -1, -1) if lines[at].strip() and lines[at].lstrip()[0] != "#"
    )
    return next(said, -1)


def _no_colon(lines: Sequence[str], number: int, path: str) -> UserError | None:
    """Tell `oops` and `wait = 5m`, where a key and its value are expected."""
    text = lines[number] if 0 <= number < len(lines) else ""
    if (item := _no_item(lines, number, path)) is not None:
        return item
    found = _WITHOUT_COLON.match(text) if len(text) <= _LINE_LIMIT and not _KEY.match(text) else None
    if found is None or re.search(r"\w:\S", found["text"]):
        return None
    said, written = found["text"], found["before"].strip()
    place = Place(path, number + 1, found.start("text") + 1)
    if assigned := _ASSIGNED.match(said):
        meant = f"{written} {assigned['key']}: {assigned['value']}".strip()
        return UserError(
            f"not YAML: `{assigned['key']}` has a `=` and no colon behind it",
            place=place, expected="`key: value`", hint=f"write `{meant}`",
        )  # fmt: skip
    word = f"`{said}`" if len(said) <= _FAR else "this line"
    return UserError(
        f"not YAML: {word} is a key without a colon",
        place=place,
        expected="`key: value`",
        hint="write `: ` and the value after it, or delete it; a text of several lines belongs in quotes",
    )


def _item_beside_keys(lines: Sequence[str], number: int, path: str) -> UserError | None:
    """Tell an item of a list that follows on keys: either it lacks nothing and is none, or they lack their `- `."""
    text = lines[number] if number < len(lines) else ""
    indent = len(text) - len(text.lstrip(" "))
    if not text.lstrip(" ").startswith("- "):
        return None
    first = number
    while first > max(0, number - _FAR):
        before = lines[first - 1]
        if before.strip() and len(before) - len(before.lstrip(" ")) < indent:
            break
        first -= 1
    if first == number or not _KEY.match(lines[first]) or lines[first].lstrip(" ").startswith("- "):
        return None
    return UserError(
        "not YAML: a list's item begins here, and what is above it are keys",
        place=Place(path, number + 1, indent + 1),
        expected="items alone, or keys alone",
        hint=f"delete the `- `; or write `- ` before the key in line {first + 1} where a list is meant",
    )


def _no_item(lines: Sequence[str], number: int, path: str, other: int = -1) -> UserError | None:
    """Tell a text in quotes that lacks the `- ` of an item, where the line above, or the ``other`` one, is an item."""
    item = _ITEM.match(lines[number]) if 0 <= number < len(lines) else None
    beside = lines[other if 0 <= other < len(lines) else max(0, _above(lines, number))]
    if item is None or not beside.lstrip().startswith("- "):
        return None
    return UserError(
        "not YAML: a text that is neither a key nor an item of the list",
        place=Place(path, number + 1, item.start(1) + 1),
        expected="`- ` before each item of a list",
        hint=f"write `- {item[1]}`",
    )


def _below_value(lines: Sequence[str], number: int, above: int, path: str) -> UserError | None:
    """Tell a key that stands further to the right than the one above it, which has a value already."""
    if above < 0 or max(len(lines[above]), len(lines[number])) > _LINE_LIMIT:
        return None
    upper, said = _KEY.match(lines[above]), lines[number].lstrip()
    if upper is None or not lines[above][upper.end() :].strip() or not (said.startswith("- ") or _KEY.match(said)):
        return None
    begin = len(lines[above]) - len(lines[above].lstrip(" -"))
    column = len(lines[number]) - len(lines[number].lstrip(" "))
    name = lines[above][begin : upper.end() - 1].strip()
    if column <= begin:
        return None
    return UserError(
        f"not YAML: this stands further to the right than `{name}` above it, which has a value already",
        place=Place(path, number + 1, column + 1),
        expected="keys of one level in one column",
        hint=f"start it in column {begin + 1}, as `{name}` does; or delete that value if this belongs into `{name}`",
    )


def _two_colons(lines: Sequence[str], at: Position, path: str) -> UserError | None:
    """Tell `value: Promotion: off`, a value that has a colon and a blank in it."""
    text = lines[at[0]] if at[0] < len(lines) else ""
    key = _KEY.match(text) if len(text) <= _LINE_LIMIT else None
    if key is None or at[1] < key.end():
        return None
    value = text[key.end() :].strip()
    place = Place(path, at[0] + 1, len(text) - len(text[key.end() :].lstrip()) + 1)
    before = text[: key.end()].strip()
    state = _STATE.match(value)
    if re.fullmatch(r"[A-Za-z_][\w-]*:", value):
        return UserError(
            "not YAML: two keys in one line",
            place=place, expected="one `key: value` a line",
            hint=f"put `{value}` on a line of its own, two columns further to the right than `{before}`",
        )  # fmt: skip
    if state is not None:
        hint = f"write `{before} {state['flag']}:{state['state']}`, without the blank, or `{{{value}}}`"
    else:
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        hint = f'put the value in quotes: `{before} "{quoted}"`'
    return UserError(
        "not YAML: a `: ` where no new key can start",
        place=place, expected="a value without `: `, or in quotes", hint=hint,
    )  # fmt: skip


def _ended(lines: Sequence[str], at: Position, path: str) -> UserError | None:
    """Tell a `...` in the midst of a file, and a first key that stands further to the right than all others."""
    ended = next((number for number in range(min(at[0], len(lines))) if lines[number].startswith("...")), -1)
    if ended >= 0:
        return UserError(
            "not YAML: `...` ends the document here, and there is more below",
            place=Place(path, ended + 1, 1), expected="one document a file", hint="delete the line `...`",
        )  # fmt: skip
    said = (n for n, text in enumerate(lines[: at[0]]) if text.strip() and text.lstrip()[0] not in "#%")
    first = next((number for number in said if not lines[number].startswith("---")), -1)
    indent = len(lines[first]) - len(lines[first].lstrip()) if first >= 0 else 0
    if indent <= at[1]:
        return None
    return UserError(
        f"not YAML: the file begins in column {indent + 1}, and goes on in column {at[1] + 1}",
        place=Place(path, first + 1, indent + 1),
        expected="keys of one level in one column",
        hint=f"start this line in column {at[1] + 1}, or indent what is below like it",
    )


def _bracket(lines: Sequence[str], at: Position, path: str) -> UserError | None:
    """Tell the innermost bracket above that is not closed."""
    opened: list[tuple[str, int, int]] = []
    for number in range(max(0, at[0] - _FAR), min(at[0] + 1, len(lines))):
        text = lines[number][: at[1]] if number == at[0] else lines[number]
        for column, sign in _signs(text):
            if sign in _BRACKETS:
                opened.append((sign, number, column))
            elif opened and opened[-1][0] == _CLOSES[sign]:
                opened.pop()
    if not opened:
        return None
    sign, number, column = opened[-1]
    return UserError(
        f"not YAML: a `{sign}` is not closed",
        place=Place(path, number + 1, column + 1),
        expected=f"`{_BRACKETS[sign]}` before the next key",
        hint=f"close it with `{_BRACKETS[sign]}`, or put the value in quotes if the `{sign}` is part of it",
    )


def never_closed(lines: Sequence[str], at: Position, path: str) -> UserError | None:
    """Return the refusal of a bracket that was opened on a line above, and is closed nowhere below."""
    found = _bracket(lines, at, path)
    if found is None or found.place is None or found.place.line > at[0]:
        return None
    sign = lines[found.place.line - 1][found.place.column - 1]
    return None if any(_BRACKETS[sign] in text for text in lines[at[0] :]) else found


def _signs(text: str) -> list[tuple[int, str]]:
    """Return the brackets of a line that are in no quotes and no comment, with their columns."""
    found: list[tuple[int, str]] = []
    quote = ""
    for column, (before, sign) in enumerate(pairwise(f" {text[:_LINE_LIMIT]}")):
        if quote:
            quote = "" if sign == quote else quote
        elif sign == "#" and before == " ":
            break
        elif sign in "\"'" and before in " [{,:":
            quote = sign
        elif sign in "[]{}":
            found.append((column, sign))
    return found
