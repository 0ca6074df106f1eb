"""Values whose quote or bracket ends too early: `"sum(x{a="b"})"`, `'don't act'`, `[prod] Failure`.

Looked for only where libyaml has refused the file, in the line where it stumbled. Positions count from 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from reconciler.model.errors import Place, UserError

_BEFORE: Final = r"(?P<before>[ ]*(?:- +)*(?:[\w.-]+ *: +)?)"
_QUOTED: Final = re.compile(
    _BEFORE + r"(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*')(?P<rest>[^\s#:,][^\n]*| +[^\s#:,][^\n]*)\Z"
)
_BRACKETED: Final = re.compile(_BEFORE + r"(?P<value>\[[^\[\]{}]*\]|\{[^\[\]{}]*\})(?P<rest> *[^\s#:,][^\n]*)\Z")
_REMARK: Final = re.compile(r"\s+#.*\Z")
_LINE_LIMIT: Final = 400
"""No line that somebody wrote by hand is longer, and patterns cost time."""
_PAIR: Final = 2


def ends_early(lines: Sequence[str], at: tuple[int, int], path: str) -> UserError | None:
    """Return what is wrong with a value that goes on behind its closing quote or bracket, None for any other line."""
    text = lines[at[0]].rstrip() if at[0] < len(lines) else ""
    if len(text) > _LINE_LIMIT:
        return None
    found = _QUOTED.match(text) or _BRACKETED.match(text)
    if found is None or not found.end("value") <= at[1] <= found.end("value") + len(found["rest"]):
        return None
    sign = text[found.end("value") - 1]
    what = f"the quote that was opened in column {found.start('value') + 1}" if sign in "\"'" else "this value"
    whole = _REMARK.sub("", text[found.start("value") :])
    meant = f"{found['before'].strip()} {_written(whole)}".strip()
    return UserError(
        f"not YAML: {what} ends here with `{sign}`, and there is text behind it",
        place=Place(path, at[0] + 1, found.end("value")),
        expected="a value in quotes from its first character to its last",
        hint=f"write `{meant}`",
    )


def _written(whole: str) -> str:
    """Return a text as a quoted one; a quote that encloses all of it was meant to."""
    quote = whole[0]
    enclosed = quote in "\"'" and len(whole) > _PAIR and whole[-1] == quote
    inner = whole[1:-1] if enclosed else whole
    if "'" not in inner:
        return f"'{inner}'"
    if '"' not in inner and "\\" not in inner:
        return f'"{inner}"'
    return "'" + inner.replace("'", "''") + "'"
