"""What people's files look like when they are not YAML, and how to say so.

libyaml's messages describe its own state ("mapping values are not allowed in this context"); these say what the
writer did and what to write instead. Files that only Git could have made (conflicts, LFS pointers) are recognised too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from reconciler.model.errors import Place, UserError
from reconciler.model.other_forms import no_text, other_form
from reconciler.model.yaml_origins import left_open, never_closed, origin
from reconciler.model.yaml_quotes import ends_early
from reconciler.model.yaml_slips import quoted, slip

_CONFLICT = re.compile(rb"^(?:<{7}|>{7})(?: .*)?\r?$", re.MULTILINE)
_HALF_MERGED = re.compile(rb"^={7}\r?$", re.MULTILINE)
_LFS: Final = b"version https://git-lfs.github.com/spec/"
_OPENED = re.compile(r"""\s*(?:-\s+)*(?:[^\s"'#:][^"'#:]*:\s+)?(?:(?P<quote>")(?:[^"\\]|\\.)*|(?P<single>')[^']*)\Z""")
_NEAR: Final = 20
"""Lines above the one that was stumbled over that are looked at."""
_PAIR = re.compile(rb"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)

_KNOWN = {
    "mapping values are not allowed in this context": (
        "a `: ` where no new key can start",
        "one `key: value` a line, keys of one level in one column",
        "align this key with the one above it, or put a value that contains `: ` in quotes",
    ),
    "did not find expected key": (
        "this line fits no level of indentation above it",
        "a key in the column of its siblings",
        "indent it like its siblings; list items of one list start in one column",
    ),
    "did not find expected '-' indicator": (
        "a key where the next item of the list was expected",
        "`- ` in the column of the other items",
        "indent it two columns deeper than the `-` of its item, or further left if it is of none; no list: no `-`",
    ),
    "could not find expected ':'": (
        "a key without a colon",
        "`key: value`",
        "write `: ` after the key, or put a text of several lines in quotes",
    ),
    "found unexpected end of stream": (
        "the file ends inside quotes",
        "a closing quote",
        "close the quotes that were opened before this line",
    ),
    "found invalid Unicode character escape code": (
        "an escape that stands for half a character",
        "a whole character",
        "write the character itself, or both halves of the surrogate pair",
    ),
    "found unknown escape character": (
        "a backslash that starts no escape",
        "`\\\\` for a backslash inside double quotes",
        "double the backslash, or use single quotes",
    ),
    "did not find expected <document start>": (
        "text after the end of the document",
        "one document a file",
        "indent it like the rest, or delete it",
    ),
}
_SHORTER: Final = 2
"""By how many characters `\\U0001f600` is shorter than the pair that it stands for."""


def explain(
    data: bytes, path: str, problem: str, position: tuple[int, int], began: tuple[int, int] | None = None
) -> UserError:  # fmt: skip
    """Turn libyaml's ``problem`` at (line, column), both from 0, into what the writer should change.

    ``began`` is where the value or key began that was being read, where libyaml says so.
    """
    line, column = position
    place = Place(path, line + 1, column + 1)
    if half := _HALF_MERGED.search(data):
        return _conflict(Place(path, data.count(b"\n", 0, half.start()) + 1, 1))
    lines = data.decode(errors="replace").splitlines()
    if found_form := other_form(lines, path):
        return found_form
    if problem == "found character that cannot start any token":
        return never_closed(lines, position, path) or _bad_start(data, place)
    if tab := _indenting_tab(data, line):
        return _tab(Place(path, line + 1, tab))
    if meant := slip(lines, problem, place):
        return meant
    if problem.startswith("did not find expected") and (early := ends_early(lines, position, path)) is not None:
        return early
    if problem.startswith("did not find expected") and (quote := _unclosed(data, line)) is not None:
        return left_open(path, *quote)
    if found := origin(lines, problem, position, began, path):
        return found
    if problem == "did not find expected node content":
        return _bad_start(data, place)
    message, expected, hint = _KNOWN.get(problem, (problem, "YAML", "see the line itself and the one above it"))
    return UserError(f"not YAML: {message}", place=place, expected=expected, hint=hint)


def _unclosed(data: bytes, last: int) -> tuple[int, int] | None:
    """Return line and column, from 0, of a quote that is opened on a line above and not closed on it.

    The next quote in the file closes it, in the midst of another value: there the parser stumbles, lines too late.
    """
    lines = data.decode(errors="replace").splitlines()[: last + 1]
    for number in range(len(lines) - 2, max(-1, len(lines) - _NEAR), -1):
        found = _OPENED.match(lines[number])
        if found is not None:
            column = max(found.start("quote"), found.start("single"))
            quote = lines[number][column]
            # A text of several lines that was closed before is none of it.
            closed = any(quote in line for line in lines[number + 1 : -1])
            return (number, column) if quote in lines[-1] and not closed else None
    return None


def _bad_start(data: bytes, place: Place) -> UserError:
    text = _line(data, place.line - 1)
    character = text[place.column - 1 : place.column]
    if character == "\t":
        return _tab(place)
    return UserError(
        f"not YAML: a value cannot start with `{character}`",
        place=place,
        expected="text in quotes",
        hint=quoted(text, place.column),
    )


def _tab(place: Place) -> UserError:
    return UserError(
        "a tab is used for indentation",
        place=place,
        expected="spaces",
        hint="replace every tab at the start of a line by two spaces",
    )


def _indenting_tab(data: bytes, line: int) -> int:
    text = _line(data, line)
    indent = text[: len(text) - len(text.lstrip())]
    return indent.find("\t") + 1


def _line(data: bytes, line: int) -> str:
    lines = data.decode(errors="replace").splitlines()
    return lines[line] if line < len(lines) else ""


def not_utf8(data: bytes, path: str) -> UserError | None:
    """Return what is wrong with the encoding, or None."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if told := no_text(data, path):
            return told
        if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
            return _wide(path, "UTF-32")
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return _wide(path)
        return _other_encoding(bad_byte(data, path, error.start, "not UTF-8"), data[error.start])
    if (nul := data.find(b"\0")) >= 0:
        return no_text(data, path) or (
            _wide(path)
            if data[1:8:2] == b"\0" * 4 or data[0:8:2] == b"\0" * 4
            else bad_byte(data, path, nul, "a NUL byte")
        )
    return None


def _wide(path: str, encoding: str = "UTF-16") -> UserError:
    return UserError(
        f"the file is in {encoding}",
        place=Place(path, 1, 1),
        expected="UTF-8",
        hint=f"save it again as UTF-8; `iconv -f {encoding} -t UTF-8` does it",
    )


def _other_encoding(found: UserError, byte: int) -> UserError:
    """Return the refusal of a byte with what it is in the encoding of old Windows editors, if it is anything there."""
    try:
        character = bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return found
    return UserError(
        found.message,
        place=found.place,
        expected="UTF-8",
        hint=f"save the file again as UTF-8; if it is in Windows-1252, where this is `{character}`,"
        " `iconv -f WINDOWS-1252 -t UTF-8` does it",
    )


def bad_byte(data: bytes, path: str, offset: int, reason: str) -> UserError:
    """Return the refusal of the byte at ``offset``."""
    before = data[:offset].decode(errors="replace")
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return UserError(
        f"a character that text cannot hold (0x{data[offset] if offset < len(data) else 0:02x}): {reason}",
        place=Place(path, line, column),
        expected="printable UTF-8 text",
        hint='delete it, or write it as an escape inside double quotes, as in "\\u001b"',
    )


def lfs_pointer(data: bytes, path: str) -> UserError | None:
    """Recognise the small text that Git LFS keeps in place of a file (its specification, version 1)."""
    if not data.startswith(_LFS):
        return None
    return UserError(
        "this is a Git LFS pointer, the file itself is not in the repository",
        place=Place(path, 1, 1),
        expected="the YAML file itself",
        hint="take the pattern out of .gitattributes and add the file again (`git lfs untrack`)",
    )


def conflict_marker(data: bytes, path: str) -> UserError | None:
    """Recognise a merge that was committed before it was resolved."""
    if b"<<<<<<<" not in data and b">>>>>>>" not in data:
        return None
    found = _CONFLICT.search(data)
    return _conflict(Place(path, data.count(b"\n", 0, found.start()) + 1, 1)) if found else None


def _conflict(place: Place) -> UserError:
    return UserError(
        "an unresolved merge conflict",
        place=place,
        expected="one of the two versions",
        hint="keep the right lines and delete `<<<<<<<`, `=======` and `>>>>>>>`, then commit again",
    )


def join_surrogates(data: bytes) -> tuple[bytes, Callable[[int, int], int]]:
    r"""Rewrite JSON's `\ud83d\ude00` as YAML's `\U0001f600`, which libyaml can read.

    Only where the document is written in braces (JSON, RFC 8259 section 7). The second result maps a (line, column) of
    the new text to the column of the old one; both count from 0.
    """
    if not data.lstrip().startswith((b"{", b"[")):
        return data, lambda _line, column: column
    ends: dict[int, list[int]] = {}
    lines: list[bytes] = []
    for number, line in enumerate(data.split(b"\n")):
        if b"\\u" in line:
            line, ends[number] = _joined(line)  # noqa: PLW2901 - the new form of the same line
        lines.append(line)

    def old_column(line: int, column: int) -> int:
        return column + _SHORTER * bisect_right(ends.get(line, ()), column)

    return b"\n".join(lines), old_column


def _joined(line: bytes) -> tuple[bytes, list[int]]:
    """Return a line with its surrogate pairs joined, and the columns (from 0) at which they end in it."""
    pieces: list[bytes] = []
    ends: list[int] = []
    done = column = 0
    for match in _PAIR.finditer(line):
        pieces.append(line[done : match.start(2) - 2])
        high, low = int(match[2], 16), int(match[3], 16)
        pieces.append(b"\\U%08x" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)))
        column += len(line[done : match.end()].decode()) - _SHORTER
        ends.append(column)
        done = match.end()
    return b"".join([*pieces, line[done:]]), ends
