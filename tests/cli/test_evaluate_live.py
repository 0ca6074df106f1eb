"""`reconciler evaluate --service`: objectives and queries from the clone, values from a server, nothing written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli import context
from reconciler.model.evaluations import Evaluation, render_evaluations
from reconciler.model.instant import Instant
from reconciler.model.names import RemediationId
from reconciler.repo.steps import as_commit
from tests.cli.conftest import Reconciler, Result, git
from tests.evidence.speaking import Request, Response, SpeakingServer
from tests.repo.branch import a_step

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
SLO = """\
filter: {handler: addToCart}
comparison: {compare_with: single_result, include_result_with_score: pass}
objectives:
- sli: response_time_p95
  pass: [{criteria: ["<=+10%", "<600"]}]
  warning: [{criteria: ["<=800"]}]
- sli: error_rate
  pass: [{criteria: ["<=5"]}]
total_score: {pass: 90%, warning: 75%}
"""
SLI = """\
indicators:
  response_time_p95: p95{service="$SERVICE",handler="$HANDLER",zone="$LABEL.zone"}[$DURATION_SECONDS]
"""
CONFIG = """\
projects:
  shop:
    repository: {{url: shop.git}}
    stages:
      production:
        evidence: {{prometheus: {{url: "{url}", deadline: 1s}}}}
"""


@dataclass
class Metrics:
    """A Prometheus that answers a query which starts like this with that; and a clone whose carts it knows."""

    server: SpeakingServer
    evaluate: Callable[..., Result]
    values: dict[str, str] = field(default_factory=lambda: {"p95": "300", "(sum": "0"})

    def respond(self, request: Request) -> Response:
        query = request.params.get("query", "")
        found = next((text for start, text in self.values.items() if query.startswith(start)), None)
        if request.path.endswith("query_range"):
            matrix = [{"metric": {}, "values": [[int(request.params["end"]), "7"]]}]
            return success("matrix", matrix)
        return success("vector", [{"metric": {}, "value": [1, found]}] if found is not None else [])

    def queries(self) -> list[str]:
        return [request.params["query"] for request in self.server.requests if request.path.endswith("/query")]


def success(kind: str, result: object) -> Response:
    return Response(body=json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode())


def commit(clone: Path, files: Mapping[str, str | bytes | None], message: str = "change") -> None:
    """Push files to production."""
    for name, content in files.items():
        path = clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", message)
    git(clone, "push", "-q")


@pytest.fixture
def metrics(clone: Path, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> Iterator[Metrics]:
    commit(clone, {"carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": SLI})
    monkeypatch.setattr(context, "now", lambda: NOW)
    config = clone.parent / "reconciler.yaml"

    def evaluate(*arguments: object) -> Result:
        return reconciler("evaluate", "--service", "carts", "-c", config, *arguments)

    with SpeakingServer(lambda _: Response(503)) as server:
        found = Metrics(server, evaluate)
        server.respond = found.respond
        config.write_text(CONFIG.format(url=server.url), "utf-8")
        yield found


def test_a_service_is_evaluated_now(metrics: Metrics, clone: Path) -> None:
    before = git(clone.parent / "shop.git", "rev-parse", "production")
    result = metrics.evaluate("--label", "zone=eu", "--window", "10m")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[1].split()[:3] == ["response_time_p95", "pass", "300"]
    assert lines[2].split()[:3] == ["error_rate", "pass", "0"]
    assert lines[-1] == "pass: the score of 100% reaches the 90% that pass"
    assert result.err.splitlines()[-1] == (
        "measuring 2 indicators of carts in production from 2026-11-21T10:20:00Z to 2026-11-21T10:30:00Z"
    )
    own, default = sorted(metrics.queries(), reverse=True)
    assert own == 'p95{service="carts",handler="addToCart",zone="eu"}[600s]'
    assert "http_requests_total{job='carts-shop-production',handler='addToCart',status!~'2..'}[600s]" in default
    assert git(clone.parent / "shop.git", "rev-parse", "production") == before


def test_as_json_with_what_was_measured(metrics: Metrics) -> None:
    found = json.loads(metrics.evaluate("--label", "zone=eu", "-o", "json", "--window", "1m").out)
    assert [found[key] for key in ("project", "stage", "service")] == ["shop", "production", "carts"]
    assert (found["start"], found["end"]) == ("2026-11-21T10:29:00Z", "2026-11-21T10:30:00Z")
    assert (found["result"], found["score"]) == ("pass", 100.0)
    first, second = found["measures"]
    assert (first["sli"], first["value"], first["provider"]) == ("response_time_p95", 300.0, "prometheus")
    assert (first["series"]["step"], first["series"]["values"][-1], len(first["series"]["values"])) == (1, 7.0, 60)
    assert second["sli"] == "error_rate"


@pytest.mark.parametrize(
    ("rt", "result", "arguments", "code"),
    [
        ("300", "pass", [], 0),
        ("700", "warning", [], 0),
        ("700", "warning", ["--warning-is", "fail"], 1),
        ("900", "fail", [], 1),
    ],
)
def test_exit_codes(metrics: Metrics, rt: str, result: str, arguments: list[str], code: int) -> None:
    metrics.values["p95"] = rt
    found = metrics.evaluate("--label", "zone=eu", "-o", "json", *arguments)
    assert (json.loads(found.out)["result"], found.code) == (result, code)


def test_the_evaluations_of_the_daemon_are_compared_with(metrics: Metrics, clone: Path) -> None:
    earlier = Evaluation(RemediationId("p1"), 4, Instant(0), Instant(600), "pass", 100.0, {"response_time_p95": 200.0})
    step = a_step(1, files={"ops/production/carts/state/evaluations.yaml": render_evaluations([earlier])})
    commit(clone, as_commit(step).files, as_commit(step).message)
    found = json.loads(metrics.evaluate("--label", "zone=eu", "-o", "json").out)
    assert found["comparedWith"] == ["p1/4"]
    assert found["indicators"][0]["comparedValue"] == 200.0
    assert (found["result"], found["score"]) == ("warning", 75.0)


def test_a_missing_label_and_a_missing_series_are_told(metrics: Metrics) -> None:
    del metrics.values["(sum"]
    found = metrics.evaluate()
    assert found.code == 1
    assert "none: the problem has no label for `$LABEL.zone`" in found.out
    assert "none: the query gives nothing for this window" in found.out
    assert "no data: no value for `response_time_p95`, `error_rate`" in found.out


def test_a_server_that_is_down_is_no_data_and_no_pass(metrics: Metrics) -> None:
    metrics.server.respond = lambda _: Response(503)
    found = metrics.evaluate("--label", "zone=eu", "-o", "json")
    assert (json.loads(found.out)["result"], found.code) == ("no data", 1)


# Windows


@pytest.mark.parametrize(
    ("arguments", "start", "end"),
    [
        ([], "2026-11-21T10:20:00Z", "2026-11-21T10:30:00Z"),
        (["--window", "30s"], "2026-11-21T10:29:30Z", "2026-11-21T10:30:00Z"),
        (["--from", "2026-11-21T09:00:00Z", "--window", "5m"], "2026-11-21T09:00:00Z", "2026-11-21T09:05:00Z"),
        (["--from", "2026-11-21T09:00:00Z", "--to", "2026-11-21T11:01:00+02:00"], "2026-11-21T09:00:00Z",
         "2026-11-21T09:01:00Z"),
    ],
)  # fmt: skip
def test_which_window(metrics: Metrics, arguments: list[str], start: str, end: str) -> None:
    found = json.loads(metrics.evaluate("--label", "zone=eu", "-o", "json", *arguments).out)
    assert (found["start"], found["end"]) == (start, end)


def test_the_window_is_the_stages_unless_one_is_asked_for(metrics: Metrics, clone: Path) -> None:
    commit(clone, {"stage.yaml": "wait: 4m\nwindow: 2m\n"})
    found = json.loads(metrics.evaluate("--label", "zone=eu", "-o", "json").out)
    assert found["start"] == "2026-11-21T10:28:00Z"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--window", "soon"], "`soon` is no timeframe"),
        (["--from", "yesterday", "--window", "1m"], "`yesterday` is no moment"),
        (["--from", "2026-11-21T09:00:00Z"], "`--from` alone is no window"),
        (["--from", "2026-11-21T10:29:00Z", "--window", "5m"], "the window ends in the future"),
    ],
)
def test_a_window_that_is_none_is_refused(metrics: Metrics, arguments: list[str], message: str) -> None:
    found = metrics.evaluate(*arguments)
    assert (found.code, found.out) == (2, "")
    assert message in found.err


# What is not there


def test_without_objectives_there_is_nothing_to_evaluate(metrics: Metrics, clone: Path) -> None:
    commit(clone, {"carts/slo.yaml": None})
    found = metrics.evaluate()
    assert found.code == 2
    assert "carts/slo.yaml: error: carts has no objectives" in found.err


def test_objectives_that_cannot_be_read_are_told_with_their_place(metrics: Metrics, clone: Path) -> None:
    commit(clone, {"carts/slo.yaml": SLO.replace("<=800", "about 800")})
    found = metrics.evaluate()
    assert found.code == 2
    assert "carts/slo.yaml:6:" in found.err


def test_queries_that_cannot_be_read_are_a_warning(metrics: Metrics, clone: Path) -> None:
    commit(clone, {"carts/prometheus/sli.yaml": "indicators: [x]\n"})
    metrics.values["histogram_quantile"] = "300"
    found = metrics.evaluate()
    assert "carts/prometheus/sli.yaml:1:13: warning:" in found.err
    assert found.code == 0
    assert any(query.startswith("histogram_quantile(0.95") for query in metrics.queries())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("  shop:", "  other:"), "has no project `shop`"),
        (("evidence:", "flags: {kind: flagd, file: x} #"), "has no SLI provider for the stage `production`"),
        (("prometheus:", "prometheuss:"), "prometheuss"),
    ],
)
def test_a_configuration_that_lacks_something(
    metrics: Metrics, clone: Path, change: tuple[str, str], message: str
) -> None:
    config = clone.parent / "reconciler.yaml"
    config.write_text(config.read_text("utf-8").replace(*change), "utf-8")
    found = metrics.evaluate()
    assert (found.code, found.out) == (2, "")
    assert message in found.err


def test_an_unknown_service_and_a_missing_configuration(metrics: Metrics, reconciler: Reconciler) -> None:
    assert "there is no service `cart`" in reconciler("evaluate", "--service", "cart").err
    found = reconciler("evaluate", "--service", "carts", "-c", "nowhere.yaml")
    assert (found.code, "nowhere.yaml" in found.err) == (2, True)
    assert metrics.queries() == []


# Waiting


def test_on_a_terminal_it_is_shown_what_is_waited_for(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    found = metrics.evaluate("--label", "zone=eu", "-o", "json")
    assert json.loads(found.out)["result"] == "pass"
    assert "measuring 2 indicators of carts in production" in found.err


# Usage


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a service with --service, or files with --slo and --values."),
        (["--slo", "slo.yaml"], "Missing option '--values'."),
        (["--values", "slo.yaml"], "Missing option '--slo'."),
        (["--slo", "slo.yaml", "--values", "slo.yaml", "--service", "carts"], "--service means nothing with --slo"),
        (["--slo", "slo.yaml", "--values", "slo.yaml", "--from", "x"], "--from means nothing with --slo"),
        (["--service", "carts", "--label", "zone"], "'zone' is not NAME=VALUE."),
    ],
)
def test_usage(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("slo.yaml").write_text("[]", "utf-8")
    found = reconciler("evaluate", *arguments)
    assert found.code == 2
    assert message in found.err


def test_a_service_of_the_environment_does_not_disturb_an_evaluation_of_files(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_SERVICE", "carts")
    (tmp_path / "slo.yaml").write_text(SLO, "utf-8")
    (tmp_path / "values.json").write_text(
        '[{"metric": "response_time_p95", "value": 1}, {"metric": "error_rate", "value": 1}]', "utf-8"
    )
    assert reconciler("evaluate", "--slo", tmp_path / "slo.yaml", "--values", tmp_path / "values.json").code == 0
