"""The `evidence` block of `reconciler.yaml`: every key, the order of the file, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.daemon_config import DaemonConfig, load_daemon_config
from reconciler.model.evidence_config import (
    Access,
    DynatraceConnection,
    EvidenceConfig,
    HttpConnection,
    JsonEndpoint,
    PluginConnection,
    PrometheusConnection,
    ScrapeConnection,
)
from reconciler.model.invalid import InvalidFile
from reconciler.model.json_path import parse_json_path
from reconciler.model.names import ProjectName, StageName

STAGE = "projects: {shop: {repository: {url: x}, stages: {dev: {evidence: %s}}}}"
WHOLE = """\
projects:
  shop:
    repository: {url: x}
    stages:
      "*":
        evidence: {prometheus: {url: "http://127.0.0.1:9090"}}
      production:
        evidence:
          deadline: 45s
          dynatrace: {url: "https://abc12345.live.dynatrace.com", tokenFile: dynatrace.token}
          plugins:
            influx: {url: "https://influx.example.com", retries: 3, tokenFile: influx.token}
          prometheus:
            url: https://prometheus.example.com/base
            username: reconciler
            passwordEnv: PROMETHEUS_PASSWORD
            caFile: ca.crt
            certFile: client.crt
            keyFile: client.key
            deadline: 1500ms
          http:
            stats:
              url: "https://stats.example.com/v1/{service}?from={from}&p={percentile}&zone={zone}"
              jsonPath: data.p95
              params: {percentile: 95, zone: null}
              tokenHeader: X-Api-Key
              tokenEnv: STATS_KEY
            plain: {url: "http://127.0.0.1/x"}
          scrape:
            url: "http://{service}.{namespace}:8080/metrics"
            targets: {carts: ["http://127.0.0.1:1/metrics", "http://127.0.0.1:2/metrics"]}
            every: 1s
"""


def load(text: str) -> DaemonConfig:
    return load_daemon_config(text.encode(), "etc/reconciler.yaml")


def evidence(text: str, stage: str = "dev") -> EvidenceConfig:
    found = load(text).projects[ProjectName("shop")].reach(StageName(stage)).evidence
    assert found is not None
    return found


def refused(block: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        load(STAGE % block)
    return "\n".join(str(error) for error in caught.value.errors)


def test_a_whole_block_in_the_order_of_the_file() -> None:
    found = evidence(WHOLE, "production")
    assert found.deadline == 45.0
    assert list(found.providers) == ["dynatrace", "influx", "prometheus", "http", "scrape"]
    folder = Path("etc")
    assert found.providers == {
        "dynatrace": DynatraceConnection(
            "https://abc12345.live.dynatrace.com", Access(token_file=folder / "dynatrace.token")
        ),
        "influx": PluginConnection(
            {"url": "https://influx.example.com", "retries": 3, "tokenFile": "influx.token"}, folder
        ),
        "prometheus": PrometheusConnection(
            "https://prometheus.example.com/base",
            Access(
                username="reconciler",
                password_env="PROMETHEUS_PASSWORD",
                ca_file=folder / "ca.crt",
                cert_file=folder / "client.crt",
                key_file=folder / "client.key",
                deadline=1.5,
            ),
        ),
        "http": HttpConnection(
            {
                "stats": JsonEndpoint(
                    "https://stats.example.com/v1/{service}?from={from}&p={percentile}&zone={zone}",
                    parse_json_path("data.p95"),
                    {"percentile": "95", "zone": None},
                    "X-Api-Key",
                    Access(token_env="STATS_KEY"),
                ),
                "plain": JsonEndpoint("http://127.0.0.1/x"),
            }
        ),
        "scrape": ScrapeConnection(
            "http://{service}.{namespace}:8080/metrics",
            {"carts": ("http://127.0.0.1:1/metrics", "http://127.0.0.1:2/metrics")},
            1.0,
            Access(deadline=2.0),
        ),
    }


def test_the_block_of_all_stages_holds_where_a_stage_has_none() -> None:
    found = evidence(WHOLE, "staging")
    assert found == EvidenceConfig({"prometheus": PrometheusConnection("http://127.0.0.1:9090")})
    assert (found.deadline, Access().deadline) == (30.0, 10.0)


def test_a_stage_without_the_block_has_no_providers() -> None:
    text = "projects: {shop: {repository: {url: x}, stages: {dev: {}}}}"
    assert load(text).projects[ProjectName("shop")].reach(StageName("dev")).evidence is None


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{prometheus: {}}", "url"),
        ("{promethius: {url: 'http://x'}}", "promethius"),
        ("{prometheus: {url: 'ftp://x'}}", "https://"),
        ("{prometheus: {url: 'http://user:pass@x'}}", "without a user or password"),
        ("{prometheus: {url: 'http://x', tokenFile: a, tokenEnv: B}}", "`tokenFile` and `tokenEnv` exclude each other"),
        (
            "{prometheus: {url: 'http://x', username: a, passwordFile: b, tokenFile: c}}",
            "`tokenFile` and `passwordFile` exclude each other",
        ),
        ("{prometheus: {url: 'http://x', username: a}}", "`username` without `passwordFile`"),
        ("{prometheus: {url: 'http://x', passwordEnv: A}}", "`passwordEnv` without `username`"),
        ("{prometheus: {url: 'http://x', certFile: a}}", "`certFile` without `keyFile`"),
        ("{prometheus: {url: 'http://x', keyFile: a}}", "`keyFile` without `certFile`"),
        ("{prometheus: {url: 'http://x', deadline: 0s}}", "`deadline` is no time at all"),
        ("{deadline: 0s}", "`deadline` is no time at all"),
        ("{dynatrace: {url: 'https://x'}}", "`dynatrace` needs `tokenFile` or `tokenEnv`"),
        ("{http: {}}", "http"),
        ("{http: {a: {url: 'http://{service}/x'}}}", "placeholders in path and query only"),
        ("{http: {a: {url: 'http://x/ü'}}}", "address"),
        ("{http: {a: {url: 'http://x/{servic}'}}}", "`{servic}` stands for nothing"),
        ("{http: {a: {url: 'http://x/', params: {p: 1}}}}", "`p` does not stand in `url`"),
        ("{http: {a: {url: 'http://x/{stage}', params: {stage: 1}}}}", "`stage` has a meaning already"),
        ("{http: {a: {url: 'http://x/', jsonPath: 'a[*]'}}}", "is no path to one value"),
        ("{http: {a: {url: 'http://x/', tokenHeader: X-Key}}}", "`tokenHeader` without `tokenFile` or `tokenEnv`"),
        ("{scrape: {}}", "`scrape` needs `url` or `targets`"),
        ("{scrape: {url: 'http://{host}/metrics'}}", "`{host}` stands for nothing"),
        ("{scrape: {url: 'http://x/metrics', every: 0s}}", "`every` is no time at all"),
        ("{scrape: {url: 'http://x/metrics', every: 2h}}", "`every` is too long"),
        ("{scrape: {url: 'http://x:99999/metrics'}}", "`url` has no host and port that there are"),
        ("{scrape: {targets: {carts: ['http://[::1/m']}}}", "`carts` has no host and port that there are"),
        ("{scrape: {targets: {carts: []}}}", "carts"),
        ("{prometheus: {url: 'http://x:99999'}}", "a port from 1 to 65535"),
        ("{prometheus: {url: 'http://x:0'}}", "a port from 1 to 65535"),
        ("{http: {a: {url: 'http://x:port/{service}'}}}", "a port from 1 to 65535"),
        ("{prometheus: {url: 'http://x/api/v1/'}}", "`url` ends with `/api/v1`"),
        ("{dynatrace: {url: 'https://x/api/v2', tokenEnv: A}}", "`url` ends with `/api/v2`"),
        ("{deadline: 1s}", "`evidence` has no provider"),
        ("{plugins: {prometheus: {}}}", "`prometheus` is no plugin"),
        ("{plugins: {influx: {token: hunter2}}}", "`token` holds a secret in the file itself"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(block: str, message: str) -> None:
    told = refused(block)
    assert message in told
    assert told.startswith("etc/reconciler.yaml:1:")
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "block",
    ["{scrape: {url: 'http://{service}:9090/m', every: 10m}}", "{prometheus: {url: 'https://[::1]:65535/x'}}", "{}"],
)
def test_what_may_work_is_taken(block: str) -> None:
    assert load(STAGE % block).projects[ProjectName("shop")].reach(StageName("dev")).evidence is not None


def test_all_mistakes_are_told_at_once() -> None:
    told = refused("{prometheus: {url: 'http://x', username: a}, scrape: {}, dynatrace: {url: 'https://x'}}")
    assert [word in told for word in ("username", "scrape", "dynatrace")] == [True] * 3
