"""Values that YAML takes for something else, and what to write for them: `- >1000`, `{A:off}`, `min:1`.

Looked for only where libyaml has refused the file, in the line of which it speaks or the one above.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from reconciler.model.errors import Place, UserError

_BLOCK: Final = re.compile(r"^(?P<before>\s*(?:- +)?(?:[\w.-]+: +)?)(?P<value>[>|]\s*[^\s#].*?)\s*$")
_STAR: Final = re.compile(r"^(?P<before>\s*(?:- +)?(?:[\w.-]+: +)?)(?P<value>[*&](?![\w]).*?)\s*$")
_TAG: Final = re.compile(r"^(?P<before>\s*(?:- +)?(?:[\w.-]+: +)?)(?P<value>!.*?)\s*$")
_FLOW: Final = re.compile(r"(?P<value>[\[{][^\[\]{}]*[\]}])")
_COLON_IN_VALUE: Final = re.compile(r"^([^\s:]+): +([^\s\"':]+:[^\s\"']*)$")
_TIGHT: Final = re.compile(r"^(?P<before>\s*(?:- +)?)(?P<key>[A-Za-z_][\w-]*):(?P<value>[^\s:/][^:]*)$")
_LINE_LIMIT: Final = 400
"""No line that somebody wrote by hand is longer, and patterns cost time."""


def slip(lines: Sequence[str], problem: str, place: Place) -> UserError | None:
    """Return what was probably meant where libyaml's ``problem`` is, None where that cannot be told."""
    found = _KNOWN.get(problem)
    lines_near = [number for number in (place.line - 1, place.line - 2) if 0 <= number < len(lines)]
    for number in lines_near if found is not None else ():
        text = lines[number]
        if len(text) <= _LINE_LIMIT and found is not None and (told := found(text)) is not None:
            column, message, hint = told
            where = Place(place.path, number + 1, column)
            return UserError(f"not YAML: {message}", place=where, expected=_EXPECTED, hint=without_secrets(hint))
    return None


def quoted(text: str, column: int) -> str:
    """Say how a line is written whose value, from ``column`` on (from 1), has to be in quotes."""
    value = text[column - 1 :].partition(" #")[0].rstrip(" ,")
    safe = value.replace("\\", "\\\\").replace('"', '\\"')
    before = text[: column - 1].strip() if len(text) <= _LINE_LIMIT else "key:"
    written = f'{before} "{safe}"'.strip()
    return without_secrets(f"put it in quotes: `{written}`") if len(value) <= _LINE_LIMIT else "put it in quotes"


def without_secrets(text: str) -> str:
    """Return a line of a file without what may be a secret in it: what is told of a mistake is kept in logs."""
    return _SAID.sub(r"\1***", _IN_ADDRESS.sub(r"\1***@", text))


_IN_ADDRESS: Final = re.compile(r"(://)[^/\s@`]*@")
_SAID: Final = re.compile(
    r"""((?:token|password|passwd|secret|credentials?|api-?key|private-?key)["']?:\s*)(?:"[^"]*"|'[^']*'|[^\s,}`]+)""",
    re.IGNORECASE,
)


_EXPECTED: Final = "a value that YAML cannot take for something else"


def _quoted(pattern: re.Pattern[str], message: str) -> Callable[[str], tuple[int, str, str] | None]:
    def told(text: str) -> tuple[int, str, str] | None:
        found = pattern.match(text)
        if found is None:
            return None
        value = found["value"].replace("\\", "\\\\").replace('"', '\\"')
        written = f'{found["before"].strip()} "{value}"'.strip()
        return found.start("value") + 1, message.format(found["value"][0]), f"put it in quotes: `{written}`"

    return told


def _colons(text: str) -> tuple[int, str, str] | None:
    """Tell `{A:off}` and `[A:off, B:on]`, which lack a blank or quotes."""
    found = _FLOW.search(text)
    if found is None:
        return None
    inner = [part.strip() for part in found["value"][1:-1].split(",")]
    if found["value"][0] == "{":
        if any(_COLON_IN_VALUE.match(part) for part in inner):
            written = ", ".join(_COLON_IN_VALUE.sub(r'\1: "\2"', part) for part in inner)
            return found.start() + 1, "a `:` in a value between braces", f"put it in quotes: `{{{written}}}`"
        written = "{" + ", ".join(re.sub(r"^([^\s:]+):(?=\S)", r"\1: ", part) for part in inner) + "}"
        return found.start() + 1, "a `:` without a blank after it", f"write `{written}`"
    quoted = ", ".join(f'"{part}"' if ":" in part else part for part in inner)
    return found.start() + 1, "a `:` in a list", f"put it in quotes: `[{quoted}]`"


def _tight(text: str) -> tuple[int, str, str] | None:
    """Tell `min:1`, which is a text and no key."""
    found = _TIGHT.match(text)
    if found is None:
        return None
    message = f"`{found['key']}:` without a blank after the colon is a text and no key"
    return found.start("key") + 1, message, f"write `{found['key']}: {found['value'].strip()}`"


_PAIR: Final = re.compile(
    r"""(?P<before>\s*(?:-\s+)*(?P<key>[\w.-]+):\s+)(?P<quote>["'])(?P<name>[^"']+)(?P=quote)\s*:\s*"""
    r"""(?P<other>["']?)(?P<value>[^"'\s#][^"'#]*?)(?P=other)\s*(?:#.*)?"""
)


def _pair(text: str) -> tuple[int, str, str] | None:
    """Tell `value: "A":"off"`, a pair in quotes of which only the first half is the value."""
    found = _PAIR.fullmatch(text)
    if found is None:
        return None
    name, value = found["name"], found["value"]
    written = f"`{found['key']}: {{{name}: {value}}}`"
    if not re.search(r"\s", name + value):
        written = f"`{found['key']}: {name}:{value}`, or {written}"
    return found.start("quote") + 1, "a `:` behind a text in quotes", f"write {written}"


_KNOWN: Final[Mapping[str, Callable[[str], tuple[int, str, str] | None]]] = {
    "did not find expected comment or line break": _quoted(_BLOCK, "a value that begins with `{0}` is a text in lines"),
    "did not find expected alphabetic or numeric character": _quoted(_STAR, "a value cannot begin with `{0}`"),
    "did not find URI escaped octet": _quoted(_TAG, "a value that begins with `{0}` is a tag"),
    "did not find expected whitespace or line break": _quoted(_TAG, "a value that begins with `{0}` is a tag"),
    "found unexpected ':'": _colons,
    "mapping values are not allowed in this context": lambda text: _pair(text) or _tight(text),
    "could not find expected ':'": _tight,
    "did not find expected key": _pair,
}  # fmt: skip
