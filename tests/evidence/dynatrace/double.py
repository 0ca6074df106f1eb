"""A double of the parts of Dynatrace's API that are used here.

No Dynatrace was at hand when it was made: it follows the public reference of the environment API (metrics v2, problems
v2 with comments, SLOs, user sessions) and answers that Keptn's dynatrace-service was tested with. So what it shows is
that we ask by the book; that Dynatrace keeps to it, it cannot show.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.evidence.speaking import Request, Response, SpeakingServer

TOKEN = "dt0c01.AAAA.secret"
_RESOLUTION = re.compile(r"Inf|\d{1,4}[mhdwMqy]?\Z")


@dataclass
class DynatraceDouble:
    """Answers by what the tests put into it.

    ``faults`` are answered first, in their order, whatever is asked. ``lost`` are answered in place of what was done,
    None for the truth.
    """

    metrics: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    over_time: dict[str, list[tuple[int, float | None]]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    slos: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {"problems": 0, "securityProblems": 0})
    table: Sequence[Sequence[Any]] = ()
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[Response] = field(default_factory=list)
    lost: list[Response | None] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def value(self, selector: str, *values: float | None, dimensions: int = 1) -> None:
        """Let a metric have one series, or several, with these values at a resolution of `Inf`."""
        self.metrics[selector] = [
            {"dimensions": [f"SERVICE-{number}"], "dimensionMap": {"dt.entity.service": f"SERVICE-{number}"},
             "timestamps": [1_795_305_600_000] * len(values), "values": list(values)}
            for number in range(dimensions)
        ]  # fmt: skip

    def respond(self, request: Request) -> Response:
        with self.lock:
            self.requests.append(request)
            if self.faults:
                return self.faults.pop(0)
            if request.headers.get("authorization") != f"Api-Token {TOKEN}":
                return refused(401, "Missing authorization parameter.")
            done = self._respond(request)
            return (self.lost.pop(0) if self.lost else None) or done

    def _respond(self, request: Request) -> Response:
        match request.path.strip("/").split("/"):
            case ["api", "v2", "metrics", "query"]:
                return self._metric(request.params)
            case ["api", "v2", "slo", slo]:
                return self._slo(slo, request.params)
            case ["api", "v2", ("problems" | "securityProblems") as what]:
                return self._count(what, request.params)
            case ["api", "v2", "problems", problem, "comments"]:
                return self._comments(unquote(problem), request)
            case ["api", "v1", "userSessionQueryLanguage", "table"]:
                return self._sessions(request.params)
            case _:
                return refused(404, "HTTP 404 Not Found")

    def _metric(self, params: Mapping[str, str]) -> Response:
        if "metricSelector" not in params:
            return violated("nextPageKey", "expected one of nextPageKey or metricSelector to be specified")
        if wrong := _window(params, "from", "to"):
            return wrong
        resolution = params.get("resolution", "120")
        if not _RESOLUTION.fullmatch(resolution):
            return violated("resolution", f"Could not parse resolution '{resolution}'")
        selector = params["metricSelector"]
        data = self.metrics.get(selector, [])
        if resolution != "Inf" and selector in self.over_time:
            points = self.over_time[selector]
            data = [{**data[0], "timestamps": [moment * 1000 for moment, _ in points],
                     "values": [value for _, value in points]}]  # fmt: skip
        collection = {"metricId": selector, "dataPointCountRatio": 1e-6, "dimensionCountRatio": 1e-5, "data": data}
        if self.warnings:
            collection["warnings"] = list(self.warnings)
        return said({"totalCount": len(data), "nextPageKey": None, "resolution": resolution, "result": [collection]})

    def _slo(self, slo: str, params: Mapping[str, str]) -> Response:
        if wrong := _window(params, "from", "to"):
            return wrong
        if slo not in self.slos or params.get("timeFrame") != "GTF":
            return refused(404, f"SLO {slo} not found")
        shape = {"id": slo, "name": "RT", "evaluatedPercentage": 0.0, "errorBudget": 0.0, "status": "SUCCESS",
                 "error": "NONE", "target": 99.0, "warning": 99.5, "evaluationType": "AGGREGATE",
                 "timeframe": "-1w", "filter": "", "enabled": True}  # fmt: skip
        return said({**shape, **self.slos[slo]})

    def _count(self, what: str, params: Mapping[str, str]) -> Response:
        known = {"problems": {"problemSelector", "entitySelector"}, "securityProblems": {"securityProblemSelector"}}
        if wrong := _window(params, "from", "to"):
            return wrong
        if extra := set(params) - known[what] - {"from", "to"}:
            return violated(min(extra), "unknown parameter")
        return said({"totalCount": self.counts[what], "pageSize": 50, what: []})

    def _sessions(self, params: Mapping[str, str]) -> Response:
        if wrong := _window(params, "startTimestamp", "endTimestamp"):
            return wrong
        if not params.get("query", "").upper().startswith("SELECT"):
            return refused(400, "The query could not be parsed")
        return said({"extrapolationLevel": 1, "columnNames": ["a"], "values": [list(row) for row in self.table]})

    def _comments(self, problem: str, request: Request) -> Response:
        if problem not in self.comments:
            return refused(404, f"Problem {problem} not found")
        listed = self.comments[problem]
        if request.method == "POST":
            body = json.loads(request.body)
            if not body.get("message"):
                return violated("message", "must not be null")
            if extra := set(body) - {"message", "context"}:
                return violated(min(extra), "unknown property")
            listed.append({"id": str(len(listed)), "createdAtTimestamp": 1_795_305_600_000, "authorName": "token",
                           "content": body["message"], "context": body.get("context", "")})  # fmt: skip
            return Response(201)
        return self._page(listed, request.params)

    def _page(self, listed: Sequence[Mapping[str, Any]], params: Mapping[str, str]) -> Response:
        if "nextPageKey" in params:
            if set(params) - {"nextPageKey", "fields"}:
                return violated("nextPageKey", "no other parameters may be given with nextPageKey")
            first, size = (int(each) for each in params["nextPageKey"].split("-"))
        else:
            first, size = 0, int(params.get("pageSize", "10"))
        if not 1 <= size <= 500:
            return violated("pageSize", "must be from 1 to 500")
        page: dict[str, Any] = {"totalCount": len(listed), "pageSize": size, "comments": listed[first : first + size]}
        if first + size < len(listed):
            page["nextPageKey"] = f"{first + size}-{size}"
        return said(page)


def said(document: Any) -> Response:
    return Response(200, json.dumps(document).encode(), {"Content-Type": "application/json; charset=utf-8"})


def refused(status: int, message: str, violations: Sequence[Mapping[str, Any]] = ()) -> Response:
    """Dynatrace's error envelope."""
    error: dict[str, Any] = {"code": status, "message": message}
    if violations:
        error["constraintViolations"] = list(violations)
    return Response(status, json.dumps({"error": error}).encode(), {"Content-Type": "application/json"})


def violated(path: str, message: str) -> Response:
    violation = {"path": path, "message": message, "parameterLocation": "QUERY", "location": None}
    return refused(400, "Constraints violated.", [violation])


def _window(params: Mapping[str, str], start: str, end: str) -> Response | None:
    for name in (start, end):
        if not re.fullmatch(r"\d{13}", params.get(name, "")):
            return violated(name, f"'{params.get(name)}' is no timestamp in milliseconds")
    if int(params[start]) >= int(params[end]):
        return violated(start, "must be before the end")
    return None


@contextmanager
def served() -> Iterator[DynatraceDouble]:
    """Serve a double on loopback."""
    double = DynatraceDouble()
    with SpeakingServer(double.respond) as server:
        double.url = server.url
        yield double
