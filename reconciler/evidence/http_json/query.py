"""The queries of `http/sli.yaml`: an endpoint's name, and what it is asked.

::

    latency_p95: shop-stats jsonPath=data.p95 percentile=95 region="eu $LABEL.zone"

The first word is the endpoint's name in the daemon's configuration; an address cannot be written here. `jsonPath` says
where the value is in the answer, where the endpoint does not say so itself; every other word sets one of the endpoint's
parameters. Words are told apart by blanks, which quotes keep together as in a shell. Placeholders are replaced in what
stands behind a `=` after that, so nothing in a label can become a word of its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.errors import UserError
from reconciler.model.json_path import JsonPath, parse_json_path

PATH = "jsonPath"


@dataclass(frozen=True)
class JsonQuery:
    """A query as written, placeholders included. ``path`` None: the endpoint must have one."""

    endpoint: str
    path: JsonPath | None
    params: Mapping[str, str]


def parse_query(text: str) -> JsonQuery:
    """Read a query.

    Raises:
        UserError: it is none.
    """
    expected = "an endpoint's name, then words such as `jsonPath=data.value`"
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(f"the query cannot be read: {error}", expected=expected, hint="close the quotes") from error
    if not words or "=" in words[0] or "://" in words[0]:
        hint = "name an endpoint of `evidence.http` in the daemon's configuration; addresses stand there only"
        raise UserError("the query names no endpoint", expected=expected, hint=hint)
    params: dict[str, str] = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UserError(f"`{word[:60]}` sets nothing", expected=expected, hint="write `name=value`")
        if name in params:
            raise UserError(f"`{name}` is set twice", expected=expected, hint="delete one")
        params[name] = value
    path = params.pop(PATH, None)
    return JsonQuery(words[0], parse_json_path(path) if path is not None else None, params)
