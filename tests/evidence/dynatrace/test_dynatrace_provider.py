"""Dynatrace as the loop asks it, over HTTP on loopback, with every kind of answer that is none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reconciler.evidence.dynatrace import DynatraceProvider
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.login import Login
from reconciler.evidence.protocol import Asked
from reconciler.evidence.providers import Providers
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, Query, Series, WantMeasures
from tests.evidence.dynatrace.double import TOKEN, DynatraceDouble, refused, said, served
from tests.evidence.speaking import Response

T = 1_795_305_600
CPU = "builtin:host.cpu.usage"
ASK = f"metricSelector={CPU}"
OF_CARTS = (
    "type(SERVICE),tag(keptn_project:sockshop),tag(keptn_stage:production),tag(keptn_service:carts)"
    ",tag(keptn_deployment:primary)"
)


@pytest.fixture
def double() -> Iterator[DynatraceDouble]:
    with served() as made:
        yield made


@pytest.fixture
def ask(double: DynatraceDouble) -> Iterator[Callable[..., Measure]]:
    made: list[DynatraceProvider] = []

    def asking(
        query: str | None = ASK, *, sli: str = "cpu", seconds: int = 60, since_end: float = 600.0, token: str = TOKEN,
        deadline: float = 5.0,
    ) -> Measure:  # fmt: skip
        client = HttpClient(double.url, "Dynatrace", login=Login("Api-Token", lambda: token), deadline=deadline)
        provider = DynatraceProvider(client, deadline, wall=lambda: T + since_end)
        made.append(provider)
        return provider.measure(Asked(sli, query, want(seconds)))

    yield asking
    for provider in made:
        provider.close()


def want(seconds: int = 60, *queries: Query) -> WantMeasures:
    return WantMeasures("sockshop", "production", "carts", Instant(T - seconds), Instant(T), queries)


def test_a_metric_is_asked_for_by_the_book(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.value(CPU, 12.5)
    assert ask(f"{ASK}&entitySelector=type(HOST),tag(a b+c/d)&mzSelector=mzId(1)") == (
        Measure("cpu", 12.5, provider="dynatrace")
    )
    [request] = double.requests
    assert (request.method, request.path) == ("GET", "/api/v2/metrics/query")
    assert request.params == {
        "metricSelector": CPU, "entitySelector": "type(HOST),tag(a b+c/d)", "mzSelector": "mzId(1)",
        "from": f"{T - 60}000", "to": f"{T}000", "resolution": "Inf",
    }  # fmt: skip
    assert request.headers["authorization"] == f"Api-Token {TOKEN}"


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("metricSelector=builtin:service.response.time:splitBy():avg", 41.463),
        ("MV2;MicroSecond;metricSelector=calc:x", 41.463),
        ("MV2;Byte;metricSelector=calc:x", 41463 / 1024),
        ("metricSelector=calc:x", 41463),
        ("calc:x", 41463),
    ],
)
def test_units_are_converted_as_in_keptn(
    double: DynatraceDouble, ask: Callable[..., Measure], query: str, value: float
) -> None:
    double.value("builtin:service.response.time:splitBy():avg", 41463)
    double.value("calc:x", 41463)
    assert ask(query).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("sli", "selector"),
    [
        ("throughput", "builtin:service.requestCount.total:splitBy():sum"),
        ("error_rate", "builtin:service.errors.total.rate:splitBy():avg"),
        ("response_time_p50", "builtin:service.response.time:splitBy():percentile(50)"),
        ("response_time_p90", "builtin:service.response.time:splitBy():percentile(90)"),
        ("response_time_p95", "builtin:service.response.time:splitBy():percentile(95)"),
    ],
)
def test_keptns_defaults(double: DynatraceDouble, ask: Callable[..., Measure], sli: str, selector: str) -> None:
    double.value(selector, 2000.0)
    assert ask(None, sli=sli).value == (2 if "response" in sli else 2000)
    assert double.requests[0].params["entitySelector"] == OF_CARTS


def test_the_series_is_in_minutes_and_has_60_points_at_most(
    double: DynatraceDouble, ask: Callable[..., Measure]
) -> None:
    double.value("builtin:service.response.time", 5000)
    double.over_time["builtin:service.response.time"] = [
        (T - 3600, 1000.0), (T - 2400, None), (T - 1200, 3000.0), (T, 2000.0),
    ]  # fmt: skip
    measure = ask("metricSelector=builtin:service.response.time", seconds=3 * 3600)
    assert measure.series == Series(Instant(T - 3600), 1200, (1.0, None, 3.0, 2.0))
    assert [request.params["resolution"] for request in double.requests] == ["Inf", "3m"]


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(T, 1.0)],
        [(T - 120, None), (T - 60, None)],
        [(T - 120, 1.0), (T - 60, 1.0), (T - 59, 1.0)],
        [(T + number, 1.0) for number in range(61)],
    ],
)
def test_a_picture_that_is_none_costs_no_value(
    double: DynatraceDouble, ask: Callable[..., Measure], points: list[tuple[int, float | None]]
) -> None:
    double.value(CPU, 1.0)
    double.over_time[CPU] = points
    assert ask(seconds=600) == Measure("cpu", 1.0, provider="dynatrace")


def test_a_picture_that_is_refused_costs_no_value(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.faults = [collection(), refused(400, "not at this resolution")]
    assert ask(seconds=600) == Measure("cpu", 1.0, provider="dynatrace")
    assert double.faults == []


def test_how_far_an_slo_is_met(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.slos["7d07-ab"] = {"evaluatedPercentage": 95.66}
    assert ask("SLO;7d07-ab").value == 95.66
    assert double.requests[0].params == {"from": f"{T - 60}000", "to": f"{T}000", "timeFrame": "GTF"}


@pytest.mark.parametrize(
    ("shape", "error", "told"),
    [
        ({"error": "METRIC_NOT_FOUND"}, BlindError, "cannot evaluate the SLO: METRIC_NOT_FOUND"),
        ({"evaluatedPercentage": -1.0}, BlindError, "no value for the SLO"),
        ({"evaluatedPercentage": None}, BlindError, "did not answer as Dynatrace does"),
    ],
)
def test_an_slo_without_a_value(
    double: DynatraceDouble, ask: Callable[..., Measure], shape: dict[str, Any], error: type[Exception], told: str
) -> None:
    double.slos["a"] = shape
    with pytest.raises(error, match=told):
        ask("SLO;a")
    with pytest.raises(TerminalError, match="answered 404: SLO b not found"):
        ask("SLO;b")


def test_problems_are_counted(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.counts = {"problems": 30, "securityProblems": 177}
    assert ask("PV2;problemSelector=status(open)&entitySelector=mzId(7)").value == 30
    assert ask("SECPV2;securityProblemSelector=status(open)").value == 177
    assert [request.path for request in double.requests] == ["/api/v2/problems", "/api/v2/securityProblems"]
    assert double.requests[0].params["problemSelector"] == "status(open)"


TABLE = (("iPad mini", 90.5, 5280001), ("Linux", 76, 4922943))


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("USQL;SINGLE_VALUE;;SELECT AVG(duration) FROM usersession", 12.25),
        ("USQL;COLUMN_CHART;Linux;SELECT os, AVG(duration), MAX(duration)", 76),
        ("USQL;PIE_CHART;iPad mini;SELECT os, AVG(duration), MAX(duration)", 90.5),
        ("USQL;TABLE;Linux;SELECT os, AVG(duration), MAX(duration)", 4922943),
    ],
)
def test_a_value_out_of_user_sessions(
    double: DynatraceDouble, ask: Callable[..., Measure], query: str, value: float
) -> None:
    double.table = [[12.25]] if "SINGLE" in query else TABLE
    assert ask(query).value == value
    assert double.requests[0].params == {
        "query": query.split(";", 3)[3], "explain": "false", "addDeepLinkFields": "false",
        "startTimestamp": f"{T - 60}000", "endTimestamp": f"{T}000",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "kind", "error", "told"),
    [
        ([], "TABLE;x", BlindError, "no user sessions"),
        (TABLE, "TABLE;BeOS", BlindError, "no row of the table begins with `BeOS`"),
        ([[1, 2]], "TABLE;x", TerminalError, "first column of the table is no text"),
        ([["x", "y"]], "TABLE;x", TerminalError, "column 2 of the table is no number"),
        ([["x"]], "PIE_CHART;x", TerminalError, "column 2 of the table is no number"),
        ([["x"]], "SINGLE_VALUE;", TerminalError, "column 1 of the table is no number"),
        ([[]], "SINGLE_VALUE;", BlindError, "did not answer as Dynatrace does"),
    ],
)
def test_user_sessions_without_the_value(
    double: DynatraceDouble, ask: Callable[..., Measure], table: Any, kind: str, error: type[Exception], told: str
) -> None:
    double.table = table
    with pytest.raises(error, match=told):
        ask(f"USQL;{kind};SELECT a")


def test_a_window_is_asked_about_when_its_data_is_there(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.value(CPU, 1.0)
    double.table = [[1]]
    with pytest.raises(BlindError, match="all data of a window only 120 s after its end, in 20 s") as early:
        ask(since_end=100.5)
    assert early.value.retry_after == 19.5
    with pytest.raises(BlindError, match="only 360 s after its end"):
        ask("USQL;SINGLE_VALUE;;SELECT 1", since_end=359)
    assert double.requests == []
    assert ask(since_end=120).value == 1.0
    assert ask("USQL;SINGLE_VALUE;;SELECT 1", since_end=360).value == 1


def collection(**changed: Any) -> Response:
    data = [{"dimensions": [], "dimensionMap": {}, "timestamps": [1], "values": [1.0]}]
    return said({"totalCount": 1, "nextPageKey": None, "result": [{"metricId": "m", "data": data, **changed}]})


ANSWERS: dict[str, tuple[Response, type[Exception], str]] = {
    "no metric": (said({"totalCount": 0, "nextPageKey": None, "result": []}), BlindError, "no data in the window"),
    "no series": (collection(data=[]), BlindError, "no data in the window"),
    "no series and a word why": (
        collection(data=[], warnings=["the metric has no such key"]), BlindError, "the metric has no such key"
    ),
    "no value": (collection(data=[{"timestamps": [], "values": []}]), BlindError, "the value is null"),
    "null": (collection(data=[{"timestamps": [1], "values": [None]}]), BlindError, "the value is null"),
    "several metrics": (said({"result": [{"data": []}, {"data": []}]}), TerminalError, "asks for 2 metrics"),
    "several series": (
        collection(data=[{"values": [1]}, {"values": [2]}]), TerminalError, r"gives 2 series or more.*splitBy"
    ),
    "several pages": (
        said({"nextPageKey": "x", "result": [{"data": [{"values": [1]}]}]}), TerminalError, "1 series or more"
    ),
    "several values": (collection(data=[{"values": [1, 2]}]), TerminalError, r"gives 2 values.*fold"),
    "a part of the series": (collection(dimensionCountRatio=1.5), TerminalError, "more series than Dynatrace counts"),
    "a text": (collection(data=[{"values": ["1"]}]), BlindError, "did not answer as Dynatrace does"),
    "a truth": (collection(data=[{"values": [True]}]), BlindError, "did not answer as Dynatrace does"),
    "too large": (Response(200, b'{"result":[{"data":[{"values":[1e999]}]}]}'), BlindError, "too large"),
    "NaN": (Response(200, b'{"result":[{"data":[{"values":[NaN]}]}]}'), BlindError, "did not answer with JSON"),
    "another list": (said([]), BlindError, "did not answer as Dynatrace does"),
    "another shape": (said({"result": ["x"]}), BlindError, "did not answer as Dynatrace does"),
    "other data": (collection(data=["x"]), BlindError, "did not answer as Dynatrace does"),
    "a page for people": (Response(200, b"<html>"), BlindError, "did not answer with JSON"),
    "400": (
        refused(400, "Constraints violated.", [{"path": "metricSelector", "message": "unknown metric `m`"}]),
        TerminalError, "answered 400: Constraints violated.; unknown metric `m`",
    ),
    "401": (refused(401, "Token Authentication failed"), BlindError, "does not accept the credentials"),
    "403": (refused(403, "Token is missing required scope"), BlindError, "403: Token is missing.*metrics.read"),
    "404": (refused(404, "not here"), TerminalError, "answered 404: not here"),
    "429": (Response(429, headers={"Retry-After": "17"}), BlindError, "too many requests"),
    "500": (Response(500, b"oh"), BlindError, "answered 500"),
    "503": (refused(503, "busy"), BlindError, "answered 503: busy"),
    "a redirect": (Response(302, headers={"Location": "https://sso.example/"}), BlindError, "redirect"),
    "cut off": (Response(200, b'{"result": []}', fault="cut"), BlindError, "broke off"),
    "no HTTP": (Response(fault="garbage"), BlindError, "broke off"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_without_one_number_is_told_with_its_reason(
    double: DynatraceDouble, ask: Callable[..., Measure], name: str
) -> None:
    answer, error, told = ANSWERS[name]
    double.faults = [answer] * 2  # what breaks off is asked for once more
    with pytest.raises(error, match=told) as caught:
        ask()
    assert TOKEN not in str(caught.value)


def test_after_429_dynatrace_is_left_alone_as_long_as_it_asked(double: DynatraceDouble) -> None:
    client = HttpClient(double.url, "Dynatrace", login=Login("Api-Token", lambda: TOKEN))
    provider = DynatraceProvider(client, 5.0, wall=lambda: T + 600.0)
    double.faults = [Response(429, headers={"Retry-After": "17"})]
    with pytest.raises(BlindError) as caught:
        provider.measure(Asked("cpu", ASK, want()))
    assert caught.value.retry_after == 17
    with pytest.raises(BlindError, match="asked to be left alone"):
        provider.measure(Asked("cpu", ASK, want()))
    assert len(double.requests) == 1
    provider.close()


def test_a_warning_stands_beside_the_value(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.value(CPU, 1.0)
    double.warnings = ("The metric is deprecated.",)
    assert ask() == Measure("cpu", 1.0, "The metric is deprecated.", "dynatrace")


def test_a_server_that_hangs_is_given_up(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.faults = [Response(fault="hang")]
    before = time.monotonic()
    with pytest.raises(BlindError, match=r"took longer than 0.2 s"):
        ask(deadline=0.2)
    assert time.monotonic() - before < 10


def test_a_token_is_never_told_even_if_dynatrace_does(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.faults = [refused(400, f"the token {TOKEN} is fine, the query is not")]
    with pytest.raises(ReconcilerError) as caught:
        ask()
    assert TOKEN not in repr(caught.value) + str(caught.value)
    assert "the token *** is fine" in str(caught.value)


def test_a_wrong_token_is_refused_by_the_double(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    with pytest.raises(BlindError, match="does not accept the credentials"):
        ask(token="another")


def test_it_measures_as_one_of_a_stages_providers(double: DynatraceDouble) -> None:
    client = HttpClient(double.url, "Dynatrace", login=Login("Api-Token", lambda: TOKEN))
    providers = Providers([DynatraceProvider(client, 5.0, wall=lambda: T + 600.0)])
    double.value("builtin:service.errors.total.rate:splitBy():avg", 2.5)
    fact = providers.measure(want(60, Query("error_rate"), Query("x", (("dynatrace", "SLO;no such"),))))
    providers.close()
    assert isinstance(fact, MeasuresFact)
    assert fact.measures[0] == Measure("error_rate", 2.5, provider="dynatrace")
    assert fact.measures[1].value is None
    assert "is no id of an SLO" in fact.measures[1].message


# The double itself, against the public reference


def test_the_double_answers_in_the_documented_shapes(double: DynatraceDouble, ask: Callable[..., Measure]) -> None:
    double.value(CPU, 1.0)
    ask()
    answer = json.loads(double.respond(double.requests[-1]).body)
    assert set(answer) == {"totalCount", "nextPageKey", "resolution", "result"}
    assert set(answer["result"][0]) == {"metricId", "dataPointCountRatio", "dimensionCountRatio", "data"}
    assert set(answer["result"][0]["data"][0]) == {"dimensions", "dimensionMap", "timestamps", "values"}


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, "expected one of nextPageKey or metricSelector"),
        ({"metricSelector": "m", "from": "now-1h", "to": f"{T}000"}, "is no timestamp"),
        ({"metricSelector": "m", "from": f"{T}000", "to": f"{T}000"}, "before the end"),
        ({"metricSelector": "m", "from": f"{T - 1}000", "to": f"{T}000", "resolution": "fine"}, "parse resolution"),
    ],
)
def test_the_double_refuses_what_dynatrace_would(double: DynatraceDouble, params: dict[str, str], told: str) -> None:
    client = HttpClient(double.url, "Dynatrace", login=Login("Api-Token", lambda: TOKEN))
    answer = client.get("/api/v2/metrics/query", list(params.items()))
    client.close()
    assert answer.status == 400
    assert told in answer.json()["error"]["constraintViolations"][0]["message"]
