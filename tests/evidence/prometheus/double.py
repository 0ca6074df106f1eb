"""A Prometheus that has never looked at anything, as a double: what it says to the queries that need no data.

Held against the real one: `test_contract` is run by `make test` with this, and by `make acceptance` with a server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from tests.evidence.speaking import Request, Response

Kind = Literal["vector", "matrix", "scalar", "string", ""]
JSON: Final = {"Content-Type": "application/json"}
TEXT: Final = {"Content-Type": "text/plain; charset=utf-8"}
_TWO: Final = "label_replace(vector(1), 'core', '0', '', '') or label_replace(vector(2), 'core', '1', '', '')"


@dataclass(frozen=True)
class Said:
    """What is said to a query: a kind of value with its samples by their labels, or a refusal."""

    kind: Kind = "vector"
    samples: tuple[tuple[Mapping[str, str], str], ...] = ()
    status: int = 200
    error: str = ""
    words: str = ""

    def instant(self, time: float) -> Any:
        """Return the document at a moment, in seconds since 1970."""
        if self.error:
            return {"status": "error", "errorType": self.error, "error": self.words}
        found: Any = [{"metric": dict(labels), "value": [time, text]} for labels, text in self.samples]
        if self.kind == "matrix":
            times = (time - 1, time)
            found = [{"metric": dict(labels), "values": [[at, text] for at in times]} for labels, text in self.samples]
        if self.kind in ("scalar", "string"):
            found = [time, self.samples[0][1]]
        return {"status": "success", "data": {"resultType": self.kind, "result": found}}

    def series(self, start: float, end: float, step: float) -> Any:
        """Return the document over a range."""
        if self.error:
            return self.instant(end)
        times = [start + at * step for at in range(int((end - start) / step) + 1)]
        found = [{"metric": dict(labels), "values": [[at, text] for at in times]} for labels, text in self.samples]
        return {"status": "success", "data": {"resultType": "matrix", "result": found}}


SAID: Final[Mapping[str, Said]] = {
    "vector(0.25)": Said(samples=(({}, "0.25"),)),
    "nosuch_metric": Said(),
    "sum(nosuch_metric) / sum(nosuch_metric)": Said(),
    "vector(1) > 100": Said(),
    "vector(0) / vector(0)": Said(samples=(({}, "NaN"),)),
    "vector(1) / vector(0)": Said(samples=(({}, "+Inf"),)),
    "vector(-1) / vector(0)": Said(samples=(({}, "-Inf"),)),
    _TWO: Said(samples=(({"core": "0"}, "1"), ({"core": "1"}, "2"))),
    "1 + 1": Said("scalar", (({}, "2"),)),
    "'x'": Said("string", (({}, "x"),)),
    "vector(1)[1s:1s]": Said("matrix", (({}, "1"),)),
    "sum(": Said("", status=400, error="bad_data", words='invalid parameter "query": 1:5: parse error: unclosed'),
    f"({_TWO}) + on(job) ({_TWO})": Said(
        "", status=422, error="execution", words="found duplicate series for the match group {} on the right side"
    ),
}
"""What a server without data says, by the query."""


def respond(request: Request) -> Response:
    """Answer as the real one does."""
    asked = {**request.params, **dict(parse_qsl(request.body.decode()))}
    said = SAID.get(asked.get("query", "").strip())
    if request.path == "/api/v1/query" and said is not None:
        document = said.instant(float(asked["time"]))
    elif request.path == "/api/v1/query_range" and said is not None:
        document = said.series(*(float(asked[name]) for name in ("start", "end", "step")))
    else:
        return Response(404, b"404 page not found\n", TEXT)
    return Response(said.status, json.dumps(document).encode(), JSON)


def starting(_: Request) -> Response:
    """Answer as the real one does while it reads what it has written before it was ended."""
    return Response(503, b"Service Unavailable", TEXT)
