"""`reconciler monitoring prometheus` on a person's clone: printed, applied, and told what is not in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.embedded.cluster import EmbeddedCluster, Kind
from reconciler.monitoring import promtool
from reconciler.monitoring.objects import GROUP
from tests.cli.conftest import Reconciler, Result, git
from tests.evidence.speaking import Response, SpeakingServer
from tests.monitoring.making import needs_promtool

SLO = """\
objectives:
  - {sli: response_time_p90, pass: [{criteria: ["<1000"]}]}
  - {sli: queue_length, pass: [{criteria: ["<=+10%"]}]}
  - {sli: errors, pass: [{criteria: ["<=0.05"]}]}
total_score: {pass: "90%"}
"""
SLI = "indicators: {errors: 'sum(rate(errors[$DURATION_SECONDS]))', queue_length: q}\n"
URL = "http://reconciler.example:8080/webhooks/alertmanager"
CONFIG = """\
projects:
  shop:
    repository: {{url: shop.git}}
    stages: {{production: {{kubernetes: {{kubeconfig: kubeconfig}}}}}}
server: {{listen: "{listen}"}}
webhooks: {{alertmanager: {{auth: {{kind: bearer, tokenFile: token}}}}}}
"""


def commit(files: dict[str, str | None], clone: Path) -> None:
    for name, text in files.items():
        path = clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text, "utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "change")
    git(clone, "push", "-q", "origin", "production")


@pytest.fixture
def prometheus(reconciler: Reconciler, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`prometheus("-o", "json")`; without promtool, so that it is the same everywhere."""
    monkeypatch.setattr(promtool, "is_there", lambda: False)
    return lambda *arguments: reconciler("monitoring", "prometheus", "--stage", "production", *arguments)


def read(result: Result) -> Any:
    return YAML(typ="safe").load(result.out)


def rules(document: Any) -> list[Any]:
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_a_new_repository_has_a_rule_that_its_playbook_matches(prometheus: Any) -> None:
    result = prometheus()
    assert result.code == 0
    (rule,) = rules(read(result))
    assert rule["labels"]["problem"] == "Response time degradation"
    assert rule["for"] == "1m"
    assert 'job="carts-shop-production"}[600s]' in rule["expr"]
    assert "does not watch `<=+10%`" in result.err
    assert "no promtool" in result.err


def test_what_has_no_alert_and_what_does_not_meet_is_told(prometheus: Any, clone: Path) -> None:
    playbook = "remediations:\n  - {name: Response time degradation, actions: [{action: restart}]}\n"
    playbook += "  - {name: CPU saturation, actions: [{action: restart}]}\n"
    commit({"carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": SLI, "carts/remediation.yaml": playbook}, clone)
    result = prometheus("-o", "json")
    assert result.code == 0
    data = json.loads(result.out)
    assert [each["sli"] for each in data["alerts"]] == ["response_time_p90", "errors"]
    assert [(each["objective"], each["sli"]) for each in data["leftOut"]] == [(2, "queue_length")]
    assert [each["problem"] for each in data["unmatchedAlerts"]] == ["Failure rate increase"]
    assert [each["entry"] for each in data["unreachableEntries"]] == ["CPU saturation"]
    assert "carts/slo.yaml: warning: objective 2, `queue_length`, has no alert" in result.err
    assert "no entry is for carts_errors" in result.err
    assert "carts/remediation.yaml:3:5: warning: no alert is for the entry `CPU saturation`" in result.err


def test_the_options_are_in_the_rules(prometheus: Any) -> None:
    (rule,) = rules(
        read(prometheus("--for", "5m", "--window", "2m", "--severity", "page", "--runbook-base", "https://x/"))
    )
    assert (rule["for"], rule["labels"]["severity"]) == ("5m", "page")
    assert "[120s]" in rule["expr"]
    assert rule["annotations"]["runbook"].startswith("https://x/carts/remediation.yaml#L")
    fast = read(prometheus("--profile", "fast"))["groups"][0]
    assert (fast["interval"], fast["rules"][0]["for"]) == ("250ms", "1s")


def test_the_window_is_the_evaluations(prometheus: Any, clone: Path) -> None:
    commit({"carts/service.yaml": "wait: 5m\nwindow: 90s\n"}, clone)
    assert "[90s]" in rules(read(prometheus()))[0]["expr"]


def test_one_bad_file_does_not_stop_the_others(prometheus: Any, clone: Path) -> None:
    commit({"orders/slo.yaml": "objectives: 5\n", "orders/remediation.yaml": "remediations: []\n"}, clone)
    result = prometheus()
    assert result.code == 1
    assert "orders/slo.yaml:1:13: error:" in result.err
    assert [rule["labels"]["service"] for rule in rules(read(result))] == ["carts"]


def test_only_the_named_service(prometheus: Any, clone: Path) -> None:
    commit({"orders/slo.yaml": SLO}, clone)
    assert {rule["labels"]["service"] for rule in rules(read(prometheus("--service", "orders")))} == {"orders"}
    assert prometheus("--service", "nobody").code == 2


@needs_promtool
def test_what_prometheus_would_refuse_is_left_out(reconciler: Reconciler, clone: Path) -> None:
    sli = "indicators: {errors: 'nosuch(rate(errors[5m]))', queue_length: q}\n"
    commit({"carts/slo.yaml": SLO, "carts/prometheus/sli.yaml": sli}, clone)
    result = reconciler("monitoring", "prometheus")
    assert [rule["labels"]["sli"] for rule in rules(read(result))] == ["response_time_p90"]
    assert result.code == 1
    assert (
        "carts/prometheus/sli.yaml:1:14: error: objective 3, `errors`, has no alert: Prometheus refuses it"
        in result.err
    )
    assert "unknown function" in result.err
    assert len(rules(read(reconciler("monitoring", "prometheus", "--no-check")))) == 2


# Alertmanager


def test_the_route_has_the_address_and_the_tokens_file(prometheus: Any) -> None:
    result = prometheus("--alertmanager", "--url", URL, "--token-file", "/etc/alertmanager/token")
    hook = read(result)["receivers"][1]["webhook_configs"][0]
    assert hook["url"] == URL
    assert hook["http_config"]["authorization"]["credentials_file"] == "/etc/alertmanager/token"


def test_the_address_and_the_token_are_the_configurations(prometheus: Any, clone: Path) -> None:
    config = clone.parent / "reconciler.yaml"
    config.write_text(CONFIG.format(listen="127.0.0.1:8080"), "utf-8")
    hook = read(prometheus("--alertmanager", "-c", config))["receivers"][1]["webhook_configs"][0]
    assert hook["url"] == "http://127.0.0.1:8080/webhooks/alertmanager"
    assert hook["http_config"]["authorization"]["credentials_file"] == str(clone.parent / "token")
    config.write_text(CONFIG.format(listen="0.0.0.0:8080"), "utf-8")
    result = prometheus("--alertmanager", "-c", config)
    assert result.code == 2
    assert "--url http://reconciler.example:8080/webhooks/alertmanager" in result.err


def test_a_webhook_that_wants_a_token_is_not_left_without(prometheus: Any, clone: Path) -> None:
    config = clone.parent / "reconciler.yaml"
    config.write_text(CONFIG.format(listen="127.0.0.1:8080"), "utf-8")
    result = prometheus("--alertmanager", "--format", "crd", "-c", config)
    assert result.code == 2
    assert "--token-secret NAME/KEY" in result.err
    assert "--token-file" in prometheus("--alertmanager", "--url", URL).err
    assert prometheus("--alertmanager", "--url", URL.replace("reconciler.example", "127.0.0.1")).err == ""


# Applying


def test_files_are_written_reloaded_and_pruned(prometheus: Any, clone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    commit({"orders/slo.yaml": SLO}, clone)
    with SpeakingServer(lambda _: Response()) as server:
        to = ("--apply", "--to", folder, "--reload", server.url, "-o", "json")
        first = json.loads(prometheus(*to).out)
        commit({"orders/slo.yaml": "objectives: 5\n"}, clone)
        broken = prometheus(*to)
        commit({"orders/slo.yaml": None}, clone)
        last = json.loads(prometheus(*to).out)
    assert [each["did"] for each in first["changes"]] == ["created", "created"]
    assert broken.code == 1
    assert [each["did"] for each in json.loads(broken.out)["changes"]] == ["unchanged"]
    assert [each["did"] for each in last["changes"]] == ["unchanged", "removed"]
    assert [path.name for path in folder.iterdir()] == ["reconciler.shop.production.carts.yml"]


def test_a_refused_reload_is_told_and_nothing_has_changed(prometheus: Any, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    with SpeakingServer(lambda _: Response(status=500, body=b"bad rule")) as server:
        result = prometheus("--apply", "--to", folder, "--reload", server.url)
    assert result.code == 2
    assert "answered 500: bad rule" in result.err
    assert list(folder.iterdir()) == []


def test_alertmanagers_file_is_not_taken_from_its_owner(prometheus: Any, tmp_path: Path) -> None:
    to = ("--alertmanager", "--url", URL, "--apply", "--to", tmp_path)
    assert prometheus(*to).code == 0
    assert "unchanged" in prometheus(*to).out
    (tmp_path / "alertmanager.yml").write_text("route: {receiver: people}\n", "utf-8")
    result = prometheus(*to)
    assert result.code == 2
    assert "is not ours" in result.err


def test_objects_are_applied_to_the_cluster(prometheus: Any, clone: Path) -> None:
    config = clone.parent / "reconciler.yaml"
    config.write_text(CONFIG.format(listen="127.0.0.1:8080"), "utf-8")
    with EmbeddedCluster() as cluster:
        cluster.declare(Kind(GROUP, "v1", "prometheusrules", "PrometheusRule"))
        cluster.declare(Kind(GROUP, "v1alpha1", "alertmanagerconfigs", "AlertmanagerConfig"))
        cluster.namespace("shop-production")
        cluster.write_kubeconfig(clone.parent / "kubeconfig")
        to = ("--format", "crd", "--apply", "-c", config, "-o", "json")
        commit({"orders/slo.yaml": SLO}, clone)
        assert [each["did"] for each in json.loads(prometheus(*to).out)["changes"]] == ["created", "created"]
        commit({"orders/slo.yaml": "objectives: 5\n"}, clone)
        assert [each["did"] for each in json.loads(prometheus(*to).out)["changes"]] == ["unchanged"]
        commit({"orders/slo.yaml": None}, clone)
        assert [each["did"] for each in json.loads(prometheus(*to).out)["changes"]] == ["unchanged", "removed"]
        (found,) = cluster.items("PrometheusRule", "shop-production")
        assert found["metadata"]["name"] == "reconciler.shop.production.carts"
        assert prometheus("--alertmanager", "--token-secret", "hook/token", *to).code == 0
        (route,) = cluster.items("AlertmanagerConfig", "shop-production")
        hook = route["spec"]["receivers"][0]["webhookConfigs"][0]
        assert hook["httpConfig"]["authorization"]["credentials"] == {"name": "hook", "key": "token"}


# Options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "x"], "--to means nothing without --apply"),
        (["--apply"], "--apply needs a place"),
        (["--apply", "--format", "crd", "--to", "x"], "--to is for files"),
        (["--url", URL], "--url means nothing without --alertmanager"),
        (["--label", "a=b"], "--label means nothing without --format crd"),
        (["--format", "crd", "--label", "a b"], "write KEY=VALUE"),
        (["--format", "crd", "--namespace", "../x"], "write a namespace's name"),
        (["--for", "soon"], "write a duration"),
        (["--alertmanager"], "nothing says where the daemon's webhook is"),
        (["--alertmanager", "--url", "file:///x"], "is no address"),
        (["--alertmanager", "--url", "http://user:pass@x/"], "is no address"),
        (["--alertmanager", "--url", URL, "--format", "crd", "--token-file", "x"], "--token-secret"),
        (["--alertmanager", "--url", URL, "--service", "carts"], "one route is for all"),
    ],
)
def test_options_that_do_not_go_together(prometheus: Any, arguments: list[str], message: str) -> None:
    result = prometheus(*arguments)
    assert result.code == 2
    assert message in result.err
