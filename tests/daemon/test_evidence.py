"""From the daemon's configuration to providers that measure: credentials, order, and what cannot be connected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.daemon.evidence import connect_evidence
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.errors import ConfigError
from reconciler.model.evidence_config import EvidenceConfig
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, Query, WantMeasures
from reconciler.model.names import ProjectName, StageName
from tests.evidence.speaking import Request, Response, SpeakingServer

PROJECT, STAGE = ProjectName("shop"), StageName("production")


def config(folder: Path, block: str) -> EvidenceConfig:
    text = f"projects: {{shop: {{repository: {{url: x}}, stages: {{production: {{evidence: {block}}}}}}}}}"
    found = load_daemon_config(text.encode(), str(folder / "reconciler.yaml")).projects[PROJECT].reach(STAGE).evidence
    assert found is not None
    return found


def respond(request: Request) -> Response:
    """Speak for a Prometheus, a Dynatrace and a JSON endpoint."""
    if request.path == "/api/v1/query":
        vector = [{"metric": {}, "value": [1, "1"]}]
        return Response(
            body=json.dumps({"status": "success", "data": {"resultType": "vector", "result": vector}}).encode()
        )
    if request.path == "/api/v2/metrics/query":
        data = [{"timestamps": [1], "values": [2]}]
        return Response(body=json.dumps({"result": [{"data": data}]}).encode())
    return Response(body=b'{"value": 3}')


def wanted(*queries: Query) -> WantMeasures:
    return WantMeasures("shop", "production", "carts", Instant(1_000_000), Instant(1_000_600), queries)


def measured(evidence: EvidenceConfig, want: WantMeasures) -> tuple[Measure, ...]:
    providers = connect_evidence(evidence, PROJECT, STAGE)
    try:
        fact = providers.measure(want)
    finally:
        providers.close()
    assert isinstance(fact, MeasuresFact)
    return fact.measures


def test_every_provider_is_asked_with_its_own_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNATRACE_TOKEN", "dt0c01.abc")
    (tmp_path / "password").write_text("pass\n", "utf-8")
    (tmp_path / "key").write_text("k3y\n", "utf-8")
    with SpeakingServer(respond) as server:
        block = (
            f"{{prometheus: {{url: '{server.url}', username: ada, passwordFile: password}},"
            f" dynatrace: {{url: '{server.url}', tokenEnv: DYNATRACE_TOKEN}},"
            f" http: {{stats: {{url: '{server.url}/v1/{{service}}', jsonPath: value, tokenHeader: X-Key,"
            " tokenFile: key}}}"
        )
        found = measured(
            config(tmp_path, block),
            wanted(
                Query("p", (("prometheus", "x"),)),
                Query("d", (("dynatrace", "metricSelector=x:splitBy():avg"),)),
                Query("h", (("http", "stats"),)),
            ),
        )
    assert [(each.value, each.provider) for each in found] == [(1.0, "prometheus"), (2.0, "dynatrace"), (3.0, "http")]
    sent = {request.path: request.headers for request in server.requests}
    assert sent["/api/v1/query"]["authorization"] == "Basic YWRhOnBhc3M="
    assert sent["/api/v2/metrics/query"]["authorization"] == "Api-Token dt0c01.abc"
    assert (sent["/v1/carts"]["x-key"], sent["/v1/carts"].get("authorization")) == ("k3y", None)


def test_a_changed_token_file_is_read_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    with SpeakingServer(respond) as server:
        block = f"{{http: {{stats: {{url: '{server.url}/', jsonPath: value, tokenFile: token}}}}}}"
        providers = connect_evidence(config(tmp_path, block), PROJECT, STAGE)
        want = wanted(Query("h", (("http", "stats"),)))
        missing = providers.measure(want)
        for text in ("one", "two"):
            token.write_text(text, "utf-8")
            providers.measure(want)
        providers.close()
    assert isinstance(missing, MeasuresFact)
    assert "token" in missing.measures[0].message
    assert missing.measures[0].value is None
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("first", ["prometheus", "http"])
def test_the_first_in_the_file_that_has_a_query_measures(tmp_path: Path, first: str) -> None:
    with SpeakingServer(respond) as server:
        blocks = {
            "prometheus": f"prometheus: {{url: '{server.url}'}}",
            "http": f"http: {{stats: {{url: '{server.url}/', jsonPath: value}}}}",
        }
        order = [blocks.pop(first), *blocks.values()]
        (found,) = measured(
            config(tmp_path, f"{{{', '.join(order)}}}"), wanted(Query("x", (("http", "stats"), ("prometheus", "x"))))
        )
    assert found.provider == first


def test_a_service_is_looked_at_from_the_start_where_the_file_names_it(tmp_path: Path) -> None:
    with SpeakingServer(lambda _: Response(body=b"x_total 1\n")) as server:
        block = f"{{scrape: {{targets: {{carts: ['{server.url}/metrics']}}, every: 10ms}}}}"
        providers = connect_evidence(config(tmp_path, block), PROJECT, STAGE)
        providers.watch("carts")
        providers.watch("unknown")
        for _ in range(1000):
            if server.requests:
                break
            server.released.wait(0.01)
        providers.close()
    assert server.requests[0].path == "/metrics"


def test_one_that_cannot_be_connected_is_told(tmp_path: Path) -> None:
    block = "{scrape: {targets: {carts: ['http://127.0.0.1:1/metrics']}}, plugins: {nobody-has-this: {}}}"
    with pytest.raises(ConfigError, match="no SLI provider `nobody-has-this` is installed"):
        connect_evidence(config(tmp_path, block), PROJECT, STAGE)
