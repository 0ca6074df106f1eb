"""The machine's part of a commit message: ``Key: value`` lines in its last paragraph.

Titles of problems and words of people stand in the same message, so reading is strict: only the last paragraph
counts, each of its lines must be a trailer on one line, and a key that is asked for and stands there twice makes all
of it void. Writing is strict too: nothing that is put into a value or a body can become a line of its own there.

Values are escaped with a backslash where they hold line breaks, control characters, characters that reorder or hide
text, or spaces at an end; `parse` turns them back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Final

from reconciler.model.errors import BugError

MAX_SUBJECT: Final = 200
"""Characters of a subject line; longer ones are cut, visibly."""

_KEY: Final = re.compile(r"[A-Z][A-Za-z0-9]*(-[A-Za-z0-9]+)*\Z")
_TRAILERS: Final = re.compile(r"^([A-Za-z0-9-]+):(?: (.*))?$", re.MULTILINE)
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<plain>[\\nrt])|x(?P<two>[0-9a-f]{2})|u(?P<four>[0-9a-f]{4})|U(?P<eight>[0-9a-f]{8}))"
)
_PLAIN: Final = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_SHORT: Final = {value: "\\" + key for key, value in _PLAIN.items()}
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def escape(text: str) -> str:
    """Return the text on one line, with nothing in it that a terminal or a browser would not show as itself."""
    # Nearly all texts are plain, and what Python calls printable is in no category that is hidden.
    plain = text.isprintable() and "\\" not in text
    escaped = text if plain else "".join(_escaped(character) for character in text)
    if escaped[:1].isspace():
        escaped = _code(escaped[0]) + escaped[1:]
    if escaped[-1:].isspace():
        escaped = escaped[:-1] + _code(escaped[-1])
    return escaped


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return _code(character)


def _code(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unescape(text: str) -> str:
    """Undo `escape`; a backslash that begins no escape stays."""
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(match: re.Match[str]) -> str:
    if match["plain"]:
        return _PLAIN[match["plain"]]
    code = int(match["two"] or match["four"] or match["eight"], 16)
    return chr(code) if code <= 0x10FFFF else match[0]


def compose(subject: str, body: str, trailers: Mapping[str, str]) -> str:
    """Return a commit message: a subject on one line, a body (may be empty), and the trailers in their order.

    The body keeps its line breaks; other control characters in it are escaped.

    Raises:
        BugError: no subject, no trailers, or a key that is none.
    """
    wrong = [key for key in trailers if _KEY.match(key) is None]
    first = escape(" ".join(subject.split()))
    if wrong or not first or not trailers:
        raise BugError(f"not a message for a commit: subject {subject[:60]!r}, keys {wrong or list(trailers)}")
    if len(first) > MAX_SUBJECT:
        first = first[: MAX_SUBJECT - 4] + " ..."
    lines = [f"{key}: {escape(value)}".rstrip() for key, value in trailers.items()]
    # Only the last paragraph is read as trailers, so a body can say what it likes.
    text = "\n".join(_body_line(line) for line in body.split("\n")).strip("\n")
    return "\n\n".join(part for part in (first, text, "\n".join(lines)) if part) + "\n"


def _body_line(line: str) -> str:
    if line.isprintable():
        return line.rstrip()
    return "".join(character if character in "\\\t" else _escaped(character) for character in line).rstrip()


def parse(message: str, known: Collection[str]) -> dict[str, str]:
    """Return the trailers with these keys, unescaped, in the order in which they stand.

    Empty where there are none to be trusted: the message has one paragraph only, a line of the last paragraph is no
    trailer (folded ones included), or a known key stands there twice. Other keys, such as those that forges add, are
    passed over.
    """
    text = message.replace("\r\n", "\n").rstrip()
    before, blank, last = text.rpartition("\n\n")
    lines = _TRAILERS.findall(last)
    if len(lines) <= last.count("\n"):
        # A line that looks empty and is not may be where the last paragraph begins.
        before, blank, last = _parted(text)
        lines = _TRAILERS.findall(last)
        if len(lines) <= last.count("\n"):
            return {}
    found: dict[str, str] = {}
    if not blank or not before.strip():
        return found
    for key, value in lines:
        if key in known:
            if key in found:
                return {}
            found[key] = unescape(value)
    return found


def _parted(text: str) -> tuple[str, str, str]:
    """Return what stands before the last line without anything to see, that line, and what stands behind it."""
    lines = text.split("\n")
    blank = max((number for number, line in enumerate(lines) if not line.strip()), default=0)
    return "\n".join(lines[:blank]), "\n", "\n".join(lines[blank + 1 :])
