"""Health, readiness and metrics: what probes and Prometheus see, on a port of its own."""

from __future__ import annotations

import socket
import time

import pytest
import structlog

from reconciler.daemon.metrics import Metrics
from reconciler.daemon.web.limits import Limits
from reconciler.daemon.web.servers import serving
from reconciler.daemon.web.status import Seen
from reconciler.daemon.web.webhooks import Around
from reconciler.model.errors import ConfigError
from reconciler.model.webhooks import Listen, ServerConfig, WebhooksConfig
from tests.daemon.web.kit import ANYWHERE, Counted, status_site

WELL = Seen("shop", alive=True, age=1.26, stale=300, read=True)


@pytest.mark.parametrize(
    ("seen", "health", "ready"),
    [
        (Seen("shop", alive=True, age=1, stale=300, read=True), 200, 200),
        (Seen("shop", alive=True, age=1, stale=300, read=True, conditions={"production": "no Git"}), 200, 200),
        (Seen("shop", alive=True, age=1, stale=300, read=False), 200, 503),
        (Seen("shop", alive=False, age=1, stale=300, read=True), 503, 503),
        (Seen("shop", alive=True, age=301, stale=300, read=True), 503, 200),
    ],
)
def test_health_is_about_the_loop_and_readiness_about_what_it_has_read(seen: Seen, health: int, ready: int) -> None:
    with status_site(lambda: (WELL, seen), Metrics().exposition) as client:
        healthy, readiness = client.get("/healthz"), client.get("/readyz")
        assert (healthy.status_code, readiness.status_code) == (health, ready)
        assert healthy.json()["status"] == ("ok" if health == 200 else "failing")
        assert healthy.json()["projects"][0] == {
            "project": "shop", "alive": True, "read": True, "secondsSinceLastPass": 1.3, "conditions": {},
        }  # fmt: skip
        assert readiness.json()["projects"][1]["conditions"] == seen.conditions


def test_metrics_are_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.webhook("alertmanager", 200, 0.01)
    with status_site(lambda: (), metrics.exposition) as client:
        answer = client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        assert 'reconciler_webhook_requests_total{code="200",source="alertmanager"} 1.0' in answer.text
        openmetrics = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")


def test_only_questions_are_answered() -> None:
    with status_site(lambda: (WELL,), Metrics().exposition) as client:
        assert client.head("/healthz").status_code == 200
        assert client.head("/healthz").content == b""
        for path in ("/healthz", "/readyz", "/metrics"):
            answer = client.post(path, json={})
            assert answer.status_code == 405
            assert "GET" in answer.headers["allow"]
        assert client.get("/webhooks/problem").status_code == 404


def test_an_address_that_is_taken_is_told_with_its_place() -> None:
    around = Around({}, (), Counted(), structlog.get_logger(), time.time, Limits())
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = Listen("127.0.0.1", port)
        for name, config in {"listen": ServerConfig(taken, ANYWHERE), "status": ServerConfig(ANYWHERE, taken)}.items():
            with (
                pytest.raises(ConfigError, match=rf"server\.{name}.*127\.0\.0\.1:{port}"),
                serving(config, WebhooksConfig(), around, lambda: (), lambda _: (b"", "")),
            ):
                raise AssertionError("served")


def test_an_address_of_another_machine_is_no_address_here() -> None:
    around = Around({}, (), Counted(), structlog.get_logger(), time.time, Limits())
    config = ServerConfig(status=Listen("192.0.2.1", 0))
    with (
        pytest.raises(ConfigError, match=r"server\.status.*an address that this machine has"),
        serving(config, WebhooksConfig(), around, lambda: (), lambda _: (b"", "")),
    ):
        raise AssertionError("served")
