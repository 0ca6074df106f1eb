"""Placeholders in Dynatrace's selectors: a value that is put there stays a value.

What the problem's labels say comes from whoever reports problems. Between quotes, a quote or tilde in it is escaped by
a tilde, which is Dynatrace's escape; outside of quotes, where tags mostly stand, it may not have what ends a value.
What slo.yaml says under `filter` was written by those who write the queries, so it stands as they wrote it.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.model.errors import TerminalError
from reconciler.model.measures import WantMeasures
from reconciler.model.placeholders import Value, placed, values

_STRING: Final = re.compile(r'"(?:[^"~]|~.)*+(?P<end>"|~?\Z)', re.DOTALL)
_ENDS_A_VALUE: Final = frozenset('"~,()')
_KEPTNS_OWN: Final = re.compile(r"\$(?:CONTEXT|EVENT|SOURCE|TESTSTRATEGY|ENV\.[A-Za-z0-9_]+)(?![A-Za-z0-9_])")


def strings(text: str) -> list[range]:
    """Return where strings stand in a selector, quotes included, from left to right; one without an end is none.

    Takes time in proportion to the text: behind a quote that nothing ends there is no string either.
    """
    return [range(*found.span()) for found in _STRING.finditer(text) if found["end"] == '"']


def filled(selector: str, want: WantMeasures) -> str:
    """Return a selector with its placeholders replaced.

    Raises:
        TerminalError: for a label that the problem does not have or that cannot stand there, and for a placeholder of
            Keptn's that means nothing here.
    """
    known = _known(selector, want)
    quoted = {place for string in strings(selector) for place in string}

    def put(value: Value, position: int) -> str:
        if value.origin != "label":
            return _unquoted(value)
        if not value.text.isprintable() or (position not in quoted and _ENDS_A_VALUE & set(value.text)):
            raise _unfit(value, 'put the placeholder between `"`')
        return value.text.replace("~", "~~").replace('"', '~"') if position in quoted else value.text

    return placed(selector, known, put)


def filled_plainly(text: str, want: WantMeasures) -> str:
    """Return what is no selector, such as an id or a query of user sessions; a label in it must be words.

    Raises:
        TerminalError: as `filled`.
    """

    def put(value: Value, _: int) -> str:
        if value.origin == "label" and not re.fullmatch(r"[\w .:/@+-]*", value.text):
            raise _unfit(value, "report it without quotes and other marks")
        return _unquoted(value)

    return placed(text, _known(text, want), put)


def _known(text: str, want: WantMeasures) -> dict[str, Value]:
    known = dict(values(want))
    for found in _KEPTNS_OWN.finditer(text):
        if found[0][1:] not in known:
            hint = "take it out of the query"
            raise TerminalError(f"`{found[0]}` was said by Keptn's events or its pod and means nothing here", hint=hint)
    return known


def _unquoted(value: Value) -> str:
    """Return a value as it is; a filter is taken without its quotes, as in Keptn."""
    return value.text.replace('"', "").replace("'", "") if value.origin == "filter" else value.text


def _unfit(value: Value, hint: str) -> TerminalError:
    return TerminalError(f"a label of the problem cannot stand in the query: {value.text[:40]!r}", hint=hint)
