"""Problem files in the plain form in which machines and people mostly write them, read without a YAML parser.

A top-level key a line, its text in double quotes without escapes or as plain words, labels and details one level deep.
A stage has as many problems as it has remediations, and a replay reads all of them. Nothing is judged here: whatever
is not plainly right is left to the general reader, and a test holds the one to the other.
"""

from __future__ import annotations

import re
from typing import Any, Final

LIMIT: Final = 8192
"""Bytes of the largest file that is read so; all other limits of the reader are far beyond it."""

_WORDS: Final = r"[A-Za-z](?:[A-Za-z0-9._/-]|:(?=[A-Za-z0-9/])| (?=[A-Za-z0-9]))*"
_TEXT: Final = rf'(?:"(?P<quoted>[ !#-\[\]-~]*)"|(?P<plain>{_WORDS}|{{moment}}))\n'
_MOMENT: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_LINE: Final = re.compile(
    r"(?:(?P<key>title|state|rootCause|startedAt|source|url): " + _TEXT.format(moment=_MOMENT)
    + r"|(?P<below>labels|details):\n(?=  ))"
)  # fmt: skip
_BELOW: Final = re.compile(
    r'  (?:"(?P<key>[ !#-\[\]-~]+)"|(?P<word>[A-Za-z][A-Za-z0-9_-]*)): ' + _TEXT.format(moment="(?!)")
)
_NO_TEXT: Final = frozenset({"null", "true", "false"})
_STARTED: Final = re.compile(_MOMENT + r"\Z")
_URL: Final = re.compile(r"https?://[!-~]+\Z")
_LONGEST: Final = {"title": 512, "rootCause": 512, "source": 256, "startedAt": 40, "url": 2048, "state": 8}
_LABELS, _NAME, _VALUE = 64, 256, 4096


def plainly_read(data: bytes) -> dict[str, Any] | None:
    """Return the keys of a problem file in our own form with their values; None where another reader has to look.

    All are texts but ``labels`` and ``details``, which are mappings of texts.
    """
    if len(data) > LIMIT or not data.isascii():
        return None
    text = data.decode("ascii")
    if not text.endswith("\n"):
        text += "\n"
    found: dict[str, Any] = {}
    told: Any
    position, end = 0, len(text)
    while position < end:
        line = _LINE.match(text, position)
        if line is None:
            return None
        position = line.end()
        key, below, quoted, plain = line.group("key", "below", "quoted", "plain")
        if key is None:
            pairs, position = _pairs(text, position)
            if pairs is None:
                return None
            key, told = below, pairs
        else:
            told = plain if quoted is None else quoted
            if len(told) > _LONGEST[key] or (plain is not None and plain.lower() in _NO_TEXT):
                return None
        if key in found:
            return None
        found[key] = told
    return found if _is_right(found) else None


def _pairs(text: str, position: int) -> tuple[dict[str, str] | None, int]:
    found: dict[str, str] = {}
    while text.startswith("  ", position):
        line = _BELOW.match(text, position)
        if line is None:
            return None, position
        position = line.end()
        key, word, quoted, plain = line.group("key", "word", "quoted", "plain")
        name = word if key is None else key
        if name in found or (plain is not None and plain.lower() in _NO_TEXT):
            return None, position
        found[name] = plain if quoted is None else quoted
    return found, position


def _is_right(found: dict[str, Any]) -> bool:
    """Whether the schema has nothing against it, as far as that is plain."""
    title, started, url = found.get("title", ""), found.get("startedAt"), found.get("url")
    return (
        not title.isspace() and title != "" and found.get("state", "open") in ("open", "resolved")
        and (started is None or _STARTED.match(started) is not None)
        and (url is None or _URL.match(url) is not None)
        and all(len(name) <= _NAME and len(value) <= _VALUE for name, value in found.get("labels", {}).items())
        and len(found.get("labels", ())) <= _LABELS and all(len(name) <= _NAME for name in found.get("details", ()))
    )  # fmt: skip
