r"""PromQL as it is sent: queries of people with their placeholders filled in, and Keptn's default queries.

A value is put into a query so that it stays what it is. Inside of a string, a problem's label is escaped for the kind
of quotes around it; outside of one it must be a word, such as a metric's name or a number. What slo.yaml says under
`filter` was written by those who write the queries, so it stands as they wrote it, less its quotes (as in Keptn).
Within a pattern (`=~`) a label is taken for a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.model.errors import TerminalError
from reconciler.model.measures import WantMeasures
from reconciler.model.placeholders import Value, placed, values

_WORD: Final = re.compile(r"[A-Za-z0-9_:.]+\Z")
# What nothing ends goes on to the query's end, and nothing is tried a second time: the time that a query takes grows
# with its length and no faster.
_STRING: Final = re.compile(
    r""" "(?:[^"\\]|\\.)*+(?:(?P<double>")|\\?\Z) | '(?:[^'\\]|\\.)*+(?:(?P<single>')|\\?\Z)
    | `[^`]*+(?:(?P<raw>`)|\Z) | \#[^\n]*+ """,
    re.VERBOSE | re.DOTALL,
)
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_OPERATOR: Final = re.compile(r"(=~|!~|!=|=|)(.*)\Z", re.DOTALL)
_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\0": "\\x00"}

DEFAULTS: Final[Mapping[str, str]] = {
    "throughput": "sum(rate(http_requests_total{%s}[%s]))",
    # Without a failed request there is no series of them: Keptn took the empty answer for 0, we say it in the query.
    "error_rate": "(sum(rate(http_requests_total{%s,status!~'2..'}[%s])) or vector(0))"
    " / sum(rate(http_requests_total{%s}[%s]))",
    **{
        f"response_time_p{percent}": f"histogram_quantile(0.{percent}, sum by (le) "
        "(rate(http_response_time_milliseconds_bucket{%s}[%s])))"
        for percent in (50, 90, 95)
    },
}
"""Keptn's queries for indicators that no file has one for: matchers, and the window's length (prometheus-service)."""


def filled(query: str, want: WantMeasures) -> str:
    """Return a query with its placeholders replaced.

    Raises:
        TerminalError: for a label that the problem does not have, or that cannot stand where the query wants it.
    """
    quotes = _quotes(query)

    def put(value: Value, position: int) -> str:
        match value.origin:
            case "label":
                return _escaped(value.text, quotes.get(position, ""))
            case "filter":
                return _unquoted(value.text)
            case _:
                return value.text

    return placed(query, values(want), put)


def default(sli: str, want: WantMeasures) -> str:
    """Return Keptn's query for an indicator of `DEFAULTS`.

    Raises:
        TerminalError: `filter` in slo.yaml holds what is no label, or a text that ends in the middle of an escape.
    """
    matchers, window = _matchers(want), f"{want.end - want.start}s"
    query = DEFAULTS[sli]
    return query % ((matchers, window) * (query.count("%s") // 2))


def _quotes(query: str) -> dict[int, str]:
    """Return which quotes are around each `$` of a query, for those that stand in a string; it must end to be one."""
    return {
        place: found[0][0]
        for found in _STRING.finditer(query)
        if found["double"] or found["single"] or found["raw"]
        for place in range(found.start(), found.end())
        if query[place] == "$"
    }


def _escaped(text: str, quote: str) -> str:
    if quote in ('"', "'"):
        return "".join(f"\\{letter}" if letter == quote else _ESCAPES.get(letter, letter) for letter in text)
    if not (quote == "`" and "`" not in text) and not _WORD.match(text):
        where = "between backticks" if quote else "outside of a string"
        raise TerminalError(
            f"a label of the problem cannot stand {where}: {text[:40]!r}", hint='put the placeholder between `"`'
        )
    return text


def _unquoted(text: str) -> str:
    return text.replace('"', "").replace("'", "")


def _matchers(want: WantMeasures) -> str:
    """Return the labels that a default query selects by: the job, unless the filter has one, and the filter."""
    job = (
        [] if any(key == "job" for key, _ in want.filters) else [("job", f"{want.service}-{want.project}-{want.stage}")]
    )
    return ",".join(_matcher(key, text) for key, text in [*job, *want.filters])


def _matcher(key: str, text: str) -> str:
    """Return one matcher; as in Keptn the value may begin with an operator, and its quotes don't matter."""
    found = _OPERATOR.match(text.strip())
    operator, rest = (found[1] or "=", found[2]) if found else ("=", text)
    value = _unquoted(rest.strip())
    if not _LABEL.match(key):
        raise TerminalError(f"`filter` of slo.yaml: `{key[:40]}` is no label", hint="write letters, digits and `_`")
    if (len(value) - len(value.rstrip("\\"))) % 2 or "\n" in value:
        raise TerminalError(f"`filter` of slo.yaml: the value of `{key}` is no text of PromQL", hint="correct it")
    return f"{key}{operator}'{value}'"
