"""Providers of values: each is asked for something small, with our credentials, and says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.doctor.finding import Finding
from reconciler.cli.doctor.providers import ProviderOf
from reconciler.model.evidence_config import (
    Access,
    DynatraceConnection,
    HttpConnection,
    JsonEndpoint,
    PluginConnection,
    PrometheusConnection,
    ProviderConnection,
    ScrapeConnection,
)
from reconciler.model.names import ProjectName, StageName
from tests.cli.doctor.looking import seen, wrong
from tests.evidence.speaking import Request, Response, SpeakingServer

SECRET = "dt0c01.SECRET"
NOW = 1_790_000_000.0


@pytest.fixture
def access(tmp_path: Path) -> Access:
    (tmp_path / "token").write_text(SECRET, "utf-8")
    return Access(token_file=tmp_path / "token", deadline=60.0)


def looked(name: str, connection: ProviderConnection, *services: str) -> list[Finding]:
    one = ProviderOf(
        "shop/production", name, connection, ProjectName("shop"), StageName("production"), services, NOW
    )  # fmt: skip
    found = list(one.examine())
    assert SECRET not in repr(found)
    return found


def says(status: int, body: Any) -> Callable[[Request], Response]:
    return lambda _: Response(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, {"status": "success", "data": {}}, ""),
        (404, {}, "no query API"),
        (401, {}, "401"),
        (403, {"error": "not yours"}, "403: not yours"),
        (503, {}, "503"),
        (200, {"status": "error", "error": "what?"}, "what?"),
    ],
)
def test_prometheus(access: Access, status: int, body: Any, words: str) -> None:
    with SpeakingServer(says(status, body)) as server:
        told = looked("prometheus", PrometheusConnection(f"{server.url}/prefix", access))
        assert server.requests[0].path == "/prefix/api/v1/query"
        assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert (wrong(told) == {}) == (not words)
    assert words in told[0].found


def test_what_is_not_there_or_hangs(access: Access) -> None:
    gone = looked("prometheus", PrometheusConnection("http://127.0.0.1:1", access))
    assert "cannot be reached" in wrong(gone)["evidence-reach"].found
    with SpeakingServer(lambda _: Response(fault="hang")) as server:
        hangs = looked("prometheus", PrometheusConnection(server.url, Access(deadline=0.2)))
    assert "took longer than" in wrong(hangs)["evidence-reach"].found


def dynatrace(scopes: Any, **more: Any) -> Callable[[Request], Response]:
    """Answer as the Access tokens API is documented to."""

    def respond(request: Request) -> Response:
        assert (request.method, request.path) == ("POST", "/e/x/api/v2/apiTokens/lookup")
        assert json.loads(request.body) == {"token": SECRET}
        body = {"id": "dt0c01.PUBLIC", "name": "reconciler", "enabled": True, "scopes": scopes, **more}
        return Response(body=json.dumps(body).encode())

    return respond


@pytest.mark.parametrize(
    ("scopes", "more", "verdict", "words"),
    [
        (["metrics.read", "slo.read"], {"expirationDate": "2027-01-02T03:04:05Z"}, "ok", "until 2027-01-02"),
        (["slo.read"], {}, "problem", "has not the scope `metrics.read`"),
        (["metrics.read"], {"enabled": False}, "problem", "switched off"),
        (["metrics.read"], {}, "ok", "without slo.read, problems.read"),
        (5, {}, "problem", "has not the scope `metrics.read`"),
    ],
)
def test_scopes_of_dynatrace(access: Access, scopes: Any, more: Any, verdict: Any, words: str) -> None:
    with SpeakingServer(dynatrace(scopes, **more)) as server:
        told = seen(looked("dynatrace", DynatraceConnection(f"{server.url}/e/x", access)))
    assert words in told["evidence-token", verdict].found


@pytest.mark.parametrize(
    ("status", "check", "verdict"),
    [(200, "evidence-token", "unknown"), (403, "evidence-token", "problem"), (500, "evidence-reach", "problem")],
)
def test_a_token_of_dynatrace_that_may_not_look_itself_up(
    access: Access, status: int, check: str, verdict: Any
) -> None:
    def respond(request: Request) -> Response:
        return Response(403 if request.method == "POST" else status, b"{}")

    with SpeakingServer(respond) as server:
        told = seen(looked("dynatrace", DynatraceConnection(server.url, access)))
        assert (server.requests[1].path, server.requests[1].params["pageSize"]) == ("/api/v2/metrics", "1")
    assert (check, verdict) in told


def test_a_token_of_dynatrace_that_is_not_known(access: Access) -> None:
    with SpeakingServer(says(401, {})) as server:
        assert "401" in wrong(looked("dynatrace", DynatraceConnection(server.url, access)))["evidence-reach"].found
        missing = wrong(looked("dynatrace", DynatraceConnection(server.url, Access())))
    assert "no token is configured" in missing["evidence-token"].found


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (200, b"{}", "ok", "JSON"), (200, b"<html>", "problem", "did not answer with JSON"),
        (404, b"", "warning", "404"), (403, b"", "problem", "403"), (500, b"", "problem", "500"),
    ],
)  # fmt: skip
def test_endpoints(access: Access, status: int, body: bytes, verdict: Any, words: str) -> None:
    with SpeakingServer(lambda _: Response(status, body)) as server:
        url = f"{server.url}/v1/{{service}}?from={{from}}&zone={{zone}}"
        endpoint = JsonEndpoint(url, params={"zone": "eu"}, access=access)
        told = seen(looked("http", HttpConnection({"orders": endpoint}), "carts", "orders"))
        assert server.requests[0].path == "/v1/carts"
        assert server.requests[0].params == {"from": str(int(NOW) - 300), "zone": "eu"}
    assert words in told["evidence-reach", verdict].found


def test_endpoints_that_cannot_be_asked_without_knowing_more() -> None:
    by_service = JsonEndpoint("http://127.0.0.1:1/{service}")
    assert wrong(looked("http", HttpConnection({"a": by_service})))["evidence-reach"].verdict == "unknown"
    with_zone = JsonEndpoint("http://127.0.0.1:1/{zone}", params={"zone": None})
    told = wrong(looked("http", HttpConnection({"a": with_zone})))["evidence-reach"]
    assert (told.verdict, "`zone` is not set" in told.found) == ("unknown", True)


def test_metrics_that_are_scraped() -> None:
    with SpeakingServer(lambda request: Response(200 if "carts" in request.path else 500, b"x 1\n")) as server:
        connection = ScrapeConnection(f"{server.url}/{{service}}", {"orders": (f"{server.url}/orders",)})
        told = looked("scrape", connection, "carts")
    assert [(each.about, each.verdict) for each in told] == [
        ("shop/production, scrape orders", "warning"), ("shop/production, scrape carts", "ok"),
    ]  # fmt: skip
    gone = looked("scrape", ScrapeConnection("http://127.0.0.1:1/{service}"), "carts")
    assert gone[0].verdict == "warning"


def test_a_plugin_that_is_not_installed(tmp_path: Path) -> None:
    told = wrong(looked("newrelic", PluginConnection({}, tmp_path)))
    assert "no SLI provider `newrelic` is installed" in told["evidence-reach"].found


def test_who_we_are_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be set is told; nobody is sent to a server that was not asked."""
    monkeypatch.delenv("NOBODY", raising=False)
    nowhere, gone = "http://127.0.0.1:1", Access(token_file=tmp_path / "none")
    unset = Access(token_env="NOBODY")
    password = Access(username="ada", password_env="NOBODY")
    mount, token = "mount a token that may query as that file", "set NOBODY to a token that may query"
    connections: tuple[tuple[ProviderConnection, str], ...] = (
        (PrometheusConnection(nowhere, gone), mount),
        (PrometheusConnection(nowhere, password), "set NOBODY to the password of ada"),
        (DynatraceConnection(nowhere, unset), token),
        (ScrapeConnection(url=nowhere, access=gone), mount),
        (HttpConnection({"orders": JsonEndpoint(nowhere, access=unset)}), token),
    )
    for connection, do in connections:
        told = wrong(looked("it", connection, "carts"))
        assert list(told) == ["evidence-reach"], connection
        assert told["evidence-reach"].verdict == "problem"
        assert told["evidence-reach"].do.startswith(do)
