"""Values of JSON endpoints: the address is the daemon's, the query only fills it in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.evidence.http_json import HttpJsonProvider
from reconciler.evidence.http_json.address import filled
from reconciler.evidence.http_json.address import given as always
from reconciler.evidence.http_json.provider import Endpoint
from reconciler.evidence.http_json.query import JsonQuery, parse_query
from reconciler.model.errors import ReconcilerError, UserError
from reconciler.model.json_path import parse_json_path
from reconciler.model.measures import Measure
from tests.evidence.conftest import MakeClient
from tests.evidence.speaking import Response, SpeakingServer
from tests.evidence.wanting import asked, want

TARGET = "/v1/{service}/latency?p={percentile}&zone={zone}&from={from}&to={to}"
PARAMS = {"percentile": "95", "zone": None}


def answering(body: Any) -> SpeakingServer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SpeakingServer(lambda _: Response(body=data))


def provider(
    connect: MakeClient,
    server: SpeakingServer,
    target: str = "/",
    path: str | None = None,
    params: Mapping[str, str | None] | None = None,
) -> HttpJsonProvider:
    where = parse_json_path(path) if path is not None else None
    client = connect(server.url, "stats", deadline=0.5)
    return HttpJsonProvider({"stats": Endpoint(client, target, where, params or {})})


# Queries


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("stats", JsonQuery("stats", None, {})),
        ("stats jsonPath=a.b", JsonQuery("stats", parse_json_path("a.b"), {})),
        (" stats  p=95\n z='eu west' q=a=b ", JsonQuery("stats", None, {"p": "95", "z": "eu west", "q": "a=b"})),
        ('stats "jsonPath=a[\\"b c\\"]"', JsonQuery("stats", parse_json_path('a["b c"]'), {})),
        ("stats empty=", JsonQuery("stats", None, {"empty": ""})),
    ],
)
def test_a_query_names_an_endpoint_and_sets_parameters(text: str, query: JsonQuery) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no endpoint"),
        ("p=95", "names no endpoint"),
        ("https://evil.example.com/x", "names no endpoint"),
        ("stats https://evil.example.com/", "sets nothing"),
        ("stats =x", "sets nothing"),
        ("stats a=1 a=2", "`a` is set twice"),
        ("stats a='b", "the query cannot be read"),
        ("stats jsonPath=a[*]", "is no path to one value"),
    ],
)
def test_what_is_no_query_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_query(text)


# Addresses


def test_the_address_is_filled_in_and_encoded(connect: MakeClient) -> None:
    with answering({"p": 1.5}) as server:
        asking = provider(connect, server, TARGET, "p", PARAMS)
        query = 'stats zone="$LABEL.zone west" percentile=99'
        found = asking.measure(asked(query, labels=(("zone", "a&b=c/ü%"),)))
    assert found == Measure("p90", 1.5, provider="http")
    assert server.requests[0].path == "/v1/carts/latency"
    assert server.requests[0].params == {"p": "99", "zone": "a&b=c/ü% west", "from": "1795305600", "to": "1795305780"}


def test_a_parameter_has_its_default_unless_the_query_sets_it(connect: MakeClient) -> None:
    with answering(1) as server:
        provider(connect, server, TARGET, "$", PARAMS).measure(asked("stats zone=x"))
    assert server.requests[0].params["p"] == "95"


def test_a_label_is_one_value_and_no_word(connect: MakeClient) -> None:
    with answering(1) as server:
        asking = provider(connect, server, "/?a={a}&b={b}", "$", {"a": None, "b": "own"})
        asking.measure(asked("stats a=$LABEL.x", labels=(("x", "1 b=2 jsonPath=y"),)))
    assert server.requests[0].params == {"a": "1 b=2 jsonPath=y", "b": "own"}


VALUES = st.text(max_size=20) | st.sampled_from(
    [".", "..", "../..", "a/../b", "?x=y", "#", "%2e%2e", "\ud800", "//h", "\r\n"]
)


@settings(deadline=None)
@given(VALUES)
def test_no_value_changes_where_an_address_leads(value: str) -> None:
    try:
        found = filled("/v1/{a}/x?b={a}", {"a": value})
    except UserError:
        assert value in (".", "..")
        return
    path, _, query = found.partition("?")
    assert path.count("/") == 3
    assert query.count("&") == 0
    assert "#" not in found
    assert found.isascii()
    text = value.encode("utf-8", "replace").decode()
    assert (unquote(path), unquote(query)) == (f"/v1/{text}/x", f"b={text}")


def test_the_window_comes_in_the_forms_that_apis_want() -> None:
    found = always(want())
    assert (found["from"], found["toMillis"], found["seconds"]) == ("1795305600", "1795305780000", "180")
    assert (found["fromTime"], found["toTime"]) == ("2026-11-22T00:00:00Z", "2026-11-22T00:03:00Z")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("stat", "no endpoint `stat`.*did you mean `stats`"),
        ("elsewhere", "no endpoint `elsewhere`.*add it under `evidence.http`"),
        ("stats", "parameter `zone` is not set"),
        ("stats zone=x percentil=9", "no parameter `percentil`.*did you mean `percentile`"),
        ("stats zone=..", "`zone` cannot be `..`"),
        (f"stats zone={'x' * 9000}", "the address has"),
    ],
)
def test_what_cannot_be_asked_is_no_request(connect: MakeClient, query: str, message: str) -> None:
    with answering(1) as server, pytest.raises(UserError, match=message):
        provider(connect, server, TARGET, "$", PARAMS).measure(asked(query))
    assert server.requests == []


def test_somebody_must_say_where_the_value_is(connect: MakeClient) -> None:
    with answering(1) as server, pytest.raises(UserError, match="nothing says where the value is"):
        provider(connect, server).measure(asked("stats"))


# Values


@pytest.mark.parametrize(
    ("body", "value"), [(7, 7.0), (0.5, 0.5), ("312.5", 312.5), (" -1e3 ", -1000.0), (1 << 70, float(1 << 70))]
)
def test_a_number_is_a_value_also_as_text(connect: MakeClient, body: Any, value: float) -> None:
    with answering({"v": body}) as server:
        assert provider(connect, server, path="v").measure(asked("stats")).value == value


def test_where_the_configuration_says_which_value_no_query_says_another(connect: MakeClient) -> None:
    with answering({"a": 1, "b": 2}) as server:
        asking = provider(connect, server, path="a")
        assert asking.measure(asked("stats jsonPath=$.a")).value == 1.0
        server.requests.clear()
        with pytest.raises(UserError, match=r"says where the value of `stats` is.*delete it there"):
            asking.measure(asked("stats jsonPath=b"))
        assert server.requests == []
        assert provider(connect, server).measure(asked("stats jsonPath=b")).value == 2.0


@pytest.mark.parametrize("path", ["data.secret", "data.secre", "data.secret.x", "data", "data.secret[0]", "$"])
@pytest.mark.parametrize("status", [200, 403])
def test_nothing_of_an_answer_but_its_number_is_told(connect: MakeClient, path: str, status: int) -> None:
    body = json.dumps({"data": {"secret": "hunter2"}, "message": "hunter2", "error": "hunter2"}).encode()
    with (
        SpeakingServer(lambda _: Response(status, body)) as server,
        pytest.raises(ReconcilerError) as caught,
    ):
        provider(connect, server).measure(asked(f"stats jsonPath={path}"))
    told = str(caught.value).replace(f"`{path}`", "")
    assert "hunter2" not in told
    assert "secret" not in told
    assert "message" not in told


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"v": None}, "at `v` there is null, so there is no value now"),
        ({"v": True}, "at `v` there is a truth value, not a finite number"),
        ({"v": []}, "at `v` there is a list, not a finite number"),
        ({"v": {}}, "at `v` there is an object, not a finite number"),
        ({"v": "n/a"}, "at `v` there is text, not a finite number"),
        ({"v": "NaN"}, "there is text"),
        ({"v": "1e999"}, "there is text"),
        ({"v": "1_000"}, "there is text"),
        (b'{"v": 1' + b"0" * 400 + b"}", "there is a number, not a finite number"),
        ({"w": 1}, "at `v` there is nothing"),
        (b"<html>", "did not answer with JSON"),
        (b'{"v": NaN}', "did not answer with JSON"),
    ],
)
def test_anything_else_has_a_reason(connect: MakeClient, body: Any, message: str) -> None:
    with answering(body) as server, pytest.raises(ReconcilerError, match=message) as caught:
        provider(connect, server, path="v").measure(asked("stats"))
    assert "stats at 127.0.0.1" in caught.value.message


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(404, b'{"message": "no such service"}'), "answered 404$"),
        (Response(500), "answered 500$"),
        (Response(302), "redirect"),
        (Response(fault="hang"), "took longer"),
    ],
)
def test_an_endpoint_that_fails_is_told(connect: MakeClient, response: Response, message: str) -> None:
    with SpeakingServer(lambda _: response) as server, pytest.raises(ReconcilerError, match=message):
        provider(connect, server, path="v").measure(asked("stats"))


def test_it_has_no_queries_of_its_own(connect: MakeClient) -> None:
    with SpeakingServer(lambda _: Response()) as server:
        assert not provider(connect, server).knows("throughput")
