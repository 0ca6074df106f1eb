"""What can be seen of a query without a server: braces, brackets, quotes, and placeholders in other forms.

Whether it is PromQL a server says, which `validate --online` asks. The queries of other providers are our own forms, or
such as we take apart ourselves, so these are read as the provider will.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt
from reconciler.model.errors import UserError
from reconciler.model.sli import Indicator

_BRACED: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_PLACED: Final = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*")
_OTHER_TOOLS: Final = re.compile(
    r"\$\((?P<round>[A-Za-z_]+)\)|\{\{ *[.$]?(?P<curly>[A-Za-z_]+) *\}\}|%(?P<percent>[A-Za-z_]+)%"
)
_ADDRESS: Final = re.compile(r"\s*https?://", re.IGNORECASE)
_UNIT: Final = re.compile(r"\$DURATION_SECONDS(ms|[smhd])(?![A-Za-z0-9_])")
_CLOSES: Final = {")": "(", "]": "[", "}": "{"}
_QUOTES: Final = "\"'`"


def about_form(each: Indicator, known: Collection[str], *, promql: bool) -> Iterator[Finding]:
    """Yield what of a query cannot be meant as it is written; ``known`` are the placeholders that there are."""
    for found in _BRACED.finditer(each.query):
        name = found[1]
        if name in known or name.startswith("LABEL."):
            yield doubt(
                "unknown-placeholder",
                f"`${{{name}}}` in the query of `{each.name}` stands for nothing, and is sent as it is",
                each.place,
                expected="a placeholder without braces",
                hint=f"write `${name}`",
            )
    for other in _OTHER_TOOLS.finditer(each.query):
        name = next(found for found in other.groups() if found).upper()
        if name in known:
            yield doubt(
                "unknown-placeholder",
                f"`{other[0]}` in the query of `{each.name}` is another tool's form, and is sent as it is",
                each.place,
                expected="a placeholder with a `$` before it",
                hint=f"write `${name}`",
            )
    if not promql:
        return
    if _ADDRESS.match(each.query):
        yield doubt(
            "broken-query",
            f"the query of `{each.name}` is an address, and no PromQL",
            each.place,
            expected="a PromQL expression; the server's address stands in the daemon's configuration",
            hint="write what stands behind `query=`, decoded",
        )
        return
    if (found_unit := _UNIT.search(each.query)) is not None:
        yield doubt(
            "unknown-placeholder",
            f"`{found_unit[0]}` in the query of `{each.name}` has two units: $DURATION_SECONDS is `180s` or the like",
            each.place,
            expected="$DURATION_SECONDS alone",
            hint="write `[$DURATION_SECONDS]`",
        )
    if (wrong := unbalanced(each.query, foreign=";")) is not None:
        yield doubt(
            "broken-query",
            f"the query of `{each.name}` is no PromQL: {wrong}",
            each.place,
            expected="as many closing brackets and quotes as opening ones",
            hint="correct it; `validate --online` lets Prometheus itself read it",
        )


def about_reading(each: Indicator, provider: str) -> Iterator[Finding]:
    """Yield why the ``provider`` of a query, any but Prometheus, will not understand it."""
    try:
        _read(each.query, provider)
    except UserError as error:
        yield doubt(
            "broken-query",
            f"the query of `{each.name}` cannot be asked: {error.message}",
            each.place,
            expected=error.expected or f"a query of {provider}/sli.yaml",
            hint=error.hint or "correct it; until then its objective has no data",
        )


def _read(query: str, provider: str) -> None:
    # Each is loaded when there is such a file: few projects have more than one.
    if provider == "scrape":
        from reconciler.evidence.scrape.query import read_query as read

        # A placeholder stands for a name; which there are is another question.
        read(query, lambda inside: _PLACED.sub("x", inside))
    elif provider == "http":
        from reconciler.evidence.http_json.query import parse_query

        parse_query(query)
    elif provider == "dynatrace":
        from reconciler.model.dynatrace_query import read_query
        from reconciler.model.dynatrace_selectors import strings

        read_query(query)
        inside = {position for each in strings(query) for position in each}
        bare = "".join(" " if at in inside or sign in _QUOTES else sign for at, sign in enumerate(query))
        if not query.startswith("USQL;") and (wrong := unbalanced(bare)) is not None:
            raise UserError(wrong, expected="as many closing brackets as opening ones")


def unbalanced(query: str, foreign: str = "") -> str | None:
    """Say which bracket or quote of a PromQL expression has no counterpart, and where; None where each has one.

    ``foreign`` are signs that are no part of it outside of quotes. Columns are of the query, as a server counts them.

    Comments begin with `#`, backslashes escape in quotes but not in backquotes (Prometheus, "Query language basics").
    """
    opened: list[int] = []
    position = 0
    while position < len(query):
        sign = query[position]
        if sign == "#":
            end = query.find("\n", position)
            position = len(query) if end < 0 else end
        elif sign in _QUOTES:
            end = _end_of_text(query, position)
            if end < 0:
                return f"the `{sign}` {_where(query, position)} is not closed"
            position = end
        elif sign in foreign:
            return f"the `{sign}` {_where(query, position)} is no part of it"
        elif sign in _CLOSES.values():
            opened.append(position)
        elif sign in _CLOSES and not opened:
            return f"the `{sign}` {_where(query, position)} closes nothing"
        elif sign in _CLOSES and query[opened[-1]] != _CLOSES[sign]:
            first, there = opened[-1], _where(query, position)
            return f"the `{query[first]}` {_where(query, first)} is not closed before the `{sign}` {there}"
        elif sign in _CLOSES:
            opened.pop()
        position += 1
    return f"the `{query[opened[-1]]}` {_where(query, opened[-1])} is not closed" if opened else None


def _where(query: str, position: int) -> str:
    before = query[:position].split("\n")
    return (f"in line {len(before)}, " if "\n" in query.rstrip("\n") else "in ") + f"column {len(before[-1]) + 1}"


def _end_of_text(query: str, start: int) -> int:
    """Return where the quote at ``start`` is closed, -1 if nowhere."""
    position = start + 1
    while position < len(query):
        if query[position] == query[start]:
            return position
        position += 2 if query[position] == "\\" and query[start] != "`" else 1
    return -1
