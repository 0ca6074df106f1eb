"""Asking a Prometheus over HTTP: the value at the window's end, the picture after it, and every way of failing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.evidence.prometheus import PrometheusProvider
from reconciler.evidence.providers import Providers
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, Query, Series
from tests.evidence.conftest import MakeClient
from tests.evidence.speaking import Request, Response, SpeakingServer
from tests.evidence.wanting import END, START, asked, want

Respond = Callable[[Request], Response]


def success(kind: str, result: Any) -> Response:
    return Response(body=json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode())


def value(text: str) -> Response:
    return success("vector", [{"metric": {}, "value": [END, text]}])


def prometheus(instant: Response, series: Response | None = None) -> Respond:
    picture = series if series is not None else success("matrix", [])
    return lambda request: instant if request.path.endswith("/query") else picture


def provider(connect: MakeClient, server: SpeakingServer, deadline: float = 10.0) -> PrometheusProvider:
    return PrometheusProvider(connect(server.url, "Prometheus", deadline=deadline), deadline)


def test_the_value_is_that_of_the_windows_end(connect: MakeClient) -> None:
    with SpeakingServer(prometheus(value("0.25"))) as server:
        found = provider(connect, server).measure(asked('rate(x{job="$SERVICE"}[$DURATION_SECONDS])'))
    assert found == Measure("p90", 0.25, provider="prometheus")
    instant, _ = server.requests
    assert (instant.method, instant.path) == ("GET", "/api/v1/query")
    assert instant.params == {"query": 'rate(x{job="carts"}[180s])', "time": str(END), "timeout": "10"}


def test_without_a_query_keptns_default_is_asked(connect: MakeClient) -> None:
    with SpeakingServer(prometheus(value("1"))) as server:
        asking = provider(connect, server)
        assert [asking.knows(sli) for sli in ("throughput", "response_time_p95", "response_time_p99")] == [
            True,
            True,
            False,
        ]
        asking.measure(asked(None, "throughput"))
    assert server.requests[0].params["query"] == "sum(rate(http_requests_total{job='carts-sockshop-production'}[180s]))"


def test_a_long_query_is_sent_as_a_form(connect: MakeClient) -> None:
    with SpeakingServer(prometheus(value("1"))) as server:
        provider(connect, server).measure(asked(f'x{{a="{"b" * 3000}"}}'))
    assert [(request.method, request.path) for request in server.requests] == [
        ("POST", "/api/v1/query"),
        ("POST", "/api/v1/query_range"),
    ]
    assert b"&time=" in server.requests[0].body


# The picture


@pytest.mark.parametrize(
    ("seconds", "first", "step", "count"),
    [(1, 0, 1, 1), (7, 6, 1, 7), (60, 59, 1, 60), (61, 58, 2, 30), (180, 177, 3, 60), (3600, 3540, 60, 60)],
)
def test_the_series_has_at_most_sixty_points_and_ends_with_the_window(
    connect: MakeClient, seconds: int, first: int, step: int, count: int
) -> None:
    def respond(request: Request) -> Response:
        if request.path.endswith("/query"):
            return value("1")
        begin, end, width = (int(request.params[name]) for name in ("start", "end", "step"))
        return success("matrix", [{"metric": {}, "values": [[at, str(at)] for at in range(begin, end + 1, width)]}])

    with SpeakingServer(respond) as server:
        found = provider(connect, server).measure(asked("x", start=Instant(END - seconds))).series
    moments = tuple(float(END - first + step * place) for place in range(count))
    assert found == Series(Instant(END - first), step, moments)
    assert found.values[-1] == END
    assert START + 180 == END


@pytest.mark.parametrize(
    "series",
    [
        Response(400, b'{"status": "error", "errorType": "bad_data", "error": "exceeded maximum resolution"}'),
        Response(body=b"no JSON"),
        Response(503),
        Response(fault="drop"),
        success("vector", []),
        success("matrix", [{"metric": {}, "values": [[END, 1]]}]),
    ],
)
def test_a_series_that_fails_costs_only_the_picture(connect: MakeClient, series: Response) -> None:
    with SpeakingServer(prometheus(value("0.25"), series)) as server:
        assert provider(connect, server).measure(asked("x")) == Measure("p90", 0.25, provider="prometheus")


def test_a_series_that_hangs_costs_only_the_picture(connect: MakeClient) -> None:
    with SpeakingServer(prometheus(value("0.25"), Response(fault="hang"))) as server:
        assert provider(connect, server, deadline=0.3).measure(asked("x")).value == 0.25


def test_no_picture_is_asked_for_what_has_no_value(connect: MakeClient) -> None:
    with SpeakingServer(prometheus(value("NaN"))) as server, pytest.raises(BlindError, match="NaN"):
        provider(connect, server).measure(asked("x"))
    assert len(server.requests) == 1


# Failing


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(400, b'{"status": "error", "errorType": "bad_data", "error": "1:5: parse error"}'), "1:5: parse"),
        (Response(503, b"Service Unavailable"), "answered 503"),
        (Response(401), "wants credentials"),
        (Response(302, headers={"Location": "/login"}), "redirect"),
        (Response(body=b"<html>Sign in</html>"), "did not answer with JSON"),
        (Response(body=b"x" * 5_000_000), "sent more than"),
        (Response(body=b'{"status": "success"', fault="cut"), "broke off"),
        (Response(fault="drop"), "broke off"),
        (Response(fault="garbage"), "broke off"),
        (Response(fault="hang"), r"took longer than 0\.3 s"),
    ],
)  # fmt: skip
def test_s1_every_failure_is_told_with_the_server(connect: MakeClient, response: Response, message: str) -> None:
    with SpeakingServer(prometheus(response)) as server, pytest.raises(ReconcilerError, match=message) as caught:
        provider(connect, server, deadline=0.3).measure(asked("x"))
    assert f"Prometheus at {server.url[7:]}" in caught.value.message


def test_a_label_that_is_missing_is_no_request(connect: MakeClient) -> None:
    with SpeakingServer(prometheus(value("1"))) as server, pytest.raises(TerminalError):
        provider(connect, server).measure(asked("x{a='$LABEL.a'}"))
    assert server.requests == []


def test_many_indicators_of_several_services_at_once(connect: MakeClient) -> None:
    def respond(request: Request) -> Response:
        return value(str(len(request.params["query"]))) if request.path.endswith("/query") else success("matrix", [])

    with SpeakingServer(respond) as server:
        evidence = Providers([provider(connect, server)])
        wanted = want(*(Query(f"x{n}", (("prometheus", "y" * n),)) for n in range(1, 21)))
        fact = evidence.measure(wanted)
        evidence.close()
    assert isinstance(fact, MeasuresFact)
    assert [each.value for each in fact.measures] == [float(n) for n in range(1, 21)]
