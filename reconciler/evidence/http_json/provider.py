"""Asking an endpoint of the daemon's configuration, and taking one number out of its answer.

Whoever may open a pull request writes queries, and what is told of a value goes into Git, where many read it. So where
the configuration says which number of an answer is meant, no query says otherwise, and nothing else of the answer is
repeated: neither its texts nor its keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.evidence.answer import Answer
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.http_json.address import filled, given, parameters
from reconciler.evidence.http_json.query import PATH, JsonQuery, parse_query
from reconciler.evidence.protocol import Asked
from reconciler.model.errors import BlindError, TerminalError, UserError
from reconciler.model.json_path import JsonPath, kind
from reconciler.model.measures import Measure
from reconciler.model.placeholders import placed, values
from reconciler.model.suggest import did_you_mean

NAME: Final = "http"
_SHOWN: Final = 120
"""Characters of a path that a message repeats."""
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,300}(\.[0-9]{0,300})?([eE][-+]?[0-9]{1,3})?\Z", re.ASCII)


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that can be asked. ``target`` is the address behind the server's name, placeholders included."""

    client: HttpClient
    target: str
    path: JsonPath | None
    params: Mapping[str, str | None]


@dataclass(frozen=True)
class HttpJsonProvider:
    """Asks the endpoints of one stage, by their names."""

    endpoints: Mapping[str, Endpoint]

    @property
    def name(self) -> str:
        """The folder of its `sli.yaml`."""
        return NAME

    def knows(self, sli: str) -> bool:
        """It has no queries of its own."""
        del sli
        return False

    def measure(self, asked: Asked) -> Measure:
        """Return the number that the endpoint answers with.

        Raises:
            BlindError, TerminalError, UserError: why there is none.
        """
        query = parse_query(asked.query or "")
        endpoint = self.endpoints.get(query.endpoint)
        if endpoint is None:
            raise UserError(
                f"the daemon's configuration has no endpoint `{query.endpoint[:60]}`",
                expected=", ".join(f"`{name}`" for name in self.endpoints),
                hint=did_you_mean(query.endpoint, self.endpoints) or "add it under `evidence.http`",
            )
        path = _path(query, endpoint)
        known = values(asked.want)
        asked_for = {name: placed(text, known, lambda value, _: value.text) for name, text in query.params.items()}
        chosen = parameters(endpoint.params, asked_for)
        answer = endpoint.client.get(filled(endpoint.target, {**given(asked.want), **chosen}))
        if not answer.good:
            raise answer.refusal()
        return Measure(asked.sli, _number(answer, path), provider=NAME)

    def close(self) -> None:
        """Let go of connections."""
        for endpoint in self.endpoints.values():
            endpoint.client.close()


def _path(query: JsonQuery, endpoint: Endpoint) -> JsonPath:
    if endpoint.path is None:
        if query.path is None:
            raise UserError("nothing says where the value is in the answer", hint=f"add `{PATH}=...` to the query")
        return query.path
    if query.path is not None and query.path.steps != endpoint.path.steps:
        raise UserError(
            f"the daemon's configuration says where the value of `{query.endpoint}` is in the answer",
            expected=f"no `{PATH}` in the query",
            hint="delete it there; for another value add another endpoint under `evidence.http`",
        )
    return endpoint.path


def _number(answer: Answer, path: JsonPath) -> float:
    where = f"at `{path.text[:_SHOWN]}`" if path.steps else "in the answer"
    try:
        found = path.find(answer.json())
    except UserError as error:
        # Its own words name keys that were not asked for.
        raise TerminalError(f"{answer.server}: {where} there is nothing", hint=f"correct `{PATH}`") from error
    value = _float(found)
    if value is None:
        if found is None:
            raise BlindError(f"{answer.server}: {where} there is null, so there is no value now")
        raise TerminalError(f"{answer.server}: {where} there is {kind(found)}, not a finite number")
    return value


def _float(found: Any) -> float | None:
    """Return a finite number, also one that is written as text; None for anything else."""
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    if isinstance(found, str) and not _NUMBER.match(found.strip()):
        return None
    try:
        value = float(found)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None
