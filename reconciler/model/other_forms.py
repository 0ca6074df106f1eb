"""Files that are something else: a patch, JSON with comments, TOML, Markdown's fences, an archive.

Asked where libyaml has refused a file, or where its bytes are no text. Whoever pasted a patch must not be told to put a
line of it in quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.model.errors import Place, UserError

_PATCH: Final = re.compile(r"(?:diff --git |@@ -[0-9,]+ \+[0-9,]+ @@|\+\+\+ \S|--- [ab]/)")
_FENCE: Final = re.compile(r"```|~~~")
_SECTION: Final = re.compile(r"\[{1,2}[\w.\" -]+\]{1,2}\s*\Z")
_SET: Final = re.compile(r"[\w.-]+\s*=\s*\S")
_PROMPT: Final = re.compile(r"(?:\$|>>>|PS [A-Z]:\S*>)\s+\S")
_COMMENT: Final = re.compile(r"\s*(?://|/\*)")
_BEHIND: Final = re.compile(r"(?:[^\"#]|\"(?:[^\"\\]|\\.)*\")*?(?<=[\s,{\[}\]\"])(?P<comment>//)")
_YAML_ERROR: Final = "the file itself, as YAML"
_LACKS: Final = (
    (",", "a comma is missing here", "write `,` behind the value before it"),
    (":", "a colon is missing here", "write `: ` behind the key"),
)
_MAGIC: Final[Mapping[bytes, str]] = {
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF",
    b"\x7fELF": "a program",
}


def no_text(data: bytes, path: str) -> UserError | None:
    """Return what a file is whose first bytes say that it is no text."""
    kind = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), "")
    if not kind:
        return None
    return UserError(
        f"the file is {kind}",
        place=Place(path, 1, 1),
        expected="text in UTF-8",
        hint="take the file itself out of it, or delete it",
    )


def other_form(lines: Sequence[str], path: str) -> UserError | None:
    """Return what the lines of a file are that is no YAML; None where that cannot be told."""
    for number, text in enumerate(lines, 1):
        if _FENCE.match(text):
            return _told(path, number, "a fence of Markdown stands here", f"delete the line `{text.strip()[:40]}`")
        if _PATCH.match(text):
            return _told(
                path, number, "a patch stands here", "apply it by `git apply`, and commit the file that comes of it"
            )
    first = next(((number, text) for number, text in enumerate(lines, 1) if text.strip()), None)
    if first is not None and _PROMPT.match(first[1]):
        return _told(path, first[0], "a line of a terminal stands here", "delete it")
    told = _settings(lines, path)
    return told or _json(lines, path)


def _told(path: str, line: int, message: str, hint: str, column: int = 1) -> UserError:
    return UserError(f"not YAML: {message}", place=Place(path, line, column), expected=_YAML_ERROR, hint=hint)


def _settings(lines: Sequence[str], path: str) -> UserError | None:
    """Tell TOML and INI, whose sections are in brackets and whose settings have a `=`."""
    section = next((number for number, text in enumerate(lines, 1) if _SECTION.match(text)), 0)
    settings = [number for number, text in enumerate(lines, 1) if _SET.match(text)]
    if not section or not settings:
        return None
    first = min(section, settings[0])
    return _told(
        path, first, "this is TOML or INI", "write `key: value` lines, and what is in a section indented below"
    )


def _json(lines: Sequence[str], path: str) -> UserError | None:
    """Tell where a file that begins as JSON stops being it."""
    text = "\n".join(lines)
    if not text.lstrip().startswith(("{", "[")) or '"' not in text:
        return None
    for number, line in enumerate(lines, 1):
        found = _COMMENT.match(line) or _BEHIND.match(line)
        if found is not None:
            column = found.start("comment") + 1 if "comment" in found.re.groupindex else found.end() - 1
            return _told(path, number, "JSON has no comments", "delete it, or begin it with `#`", column)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if (open_ended := _left_open(text, error, path)) is not None:
            return open_ended
        if error.msg.startswith("Expecting ',' delimiter"):
            return _told(
                path, error.lineno, "a comma is missing here", "write `,` behind the value before", error.colno
            )
        if error.msg.startswith("Expecting ':' delimiter"):
            return _told(path, error.lineno, "a colon is missing here", "write `: ` behind the key", error.colno)
    except RecursionError:
        return None
    return None


def _left_open(text: str, error: json.JSONDecodeError, path: str) -> UserError | None:
    """Tell JSON that ends before all of its brackets are closed."""
    said = text.rstrip()
    if error.pos < len(said):
        return None
    opened: list[str] = []
    for sign in re.findall(r"\"(?:[^\"\\]|\\.)*\"|[\[\]{}]", said):
        if sign in "[{":
            opened.append("]" if sign == "[" else "}")
        elif sign in "]}" and opened:
            opened.pop()
    missing = "".join(reversed(opened))
    line = said.count("\n") + 1
    if not missing or said.endswith((",", ":")):
        return None
    return _told(
        path, line, f"`{missing}` is missing at the end", f"write `{missing}` there", len(said.rpartition("\n")[2]) + 1
    )
