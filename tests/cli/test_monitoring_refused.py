"""`reconciler monitoring prometheus --apply` where a query has a slip: what watches an objective stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.embedded.cluster import EmbeddedCluster, Kind
from reconciler.monitoring import promtool
from reconciler.monitoring.objects import GROUP
from tests.cli.conftest import Reconciler, Result
from tests.cli.test_monitoring import commit
from tests.monitoring.making import needs_promtool

SLO = """\
objectives:
  - {sli: latency, pass: [{criteria: ["<1000"]}]}
  - {sli: errors, pass: [{criteria: ["<=0.05"]}]}
total_score: {pass: "90%"}
"""
GOOD = 'sum(rate(errors{job="a", code="500"}[5m]))'
COMMA = GOOD.replace(",", "")
BRACKET = GOOD.removesuffix(")")
FILE = "reconciler.shop.production.carts.yml"
Apply = Callable[..., Result]


def sli(errors: str, latency: str = "max(latency)") -> dict[str, str | None]:
    return {
        "carts/slo.yaml": SLO,
        "carts/prometheus/sli.yaml": f"indicators: {{errors: '{errors}', latency: '{latency}'}}\n",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    return tmp_path / "rules"


@pytest.fixture
def apply(reconciler: Reconciler, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Apply:
    """Without promtool, as where it is not installed."""
    monkeypatch.setattr(promtool, "is_there", lambda: False)
    to = ("--stage", "production", "--apply", "--to", folder, "-o", "json")
    return lambda *more: reconciler("monitoring", "prometheus", *to, *more)


def did(result: Result) -> list[str]:
    return [each["did"] for each in json.loads(result.out)["changes"]]


def rules(path: Path) -> list[Any]:
    (group,) = YAML(typ="safe").load(path.read_text("utf-8"))["groups"]
    return list(group["rules"])


@needs_promtool
def test_a_comma_that_is_missing_does_not_switch_the_alert_off(
    reconciler: Reconciler, clone: Path, folder: Path
) -> None:
    one = SLO.replace('  - {sli: latency, pass: [{criteria: ["<1000"]}]}\n', "")
    commit({**sli(GOOD), "carts/slo.yaml": one}, clone)
    to = ("monitoring", "prometheus", "--stage", "production", "--apply", "--to", folder, "-o", "json")
    assert did(reconciler(*to)) == ["created"]
    before = (folder / FILE).read_bytes()
    commit({**sli(COMMA), "carts/slo.yaml": one}, clone)
    result = reconciler(*to)
    assert (result.code, did(result)) == (1, ["unchanged"])
    assert "carts/prometheus/sli.yaml:1:" in result.err
    assert "error: objective 1, `errors`, has no new alert: Prometheus refuses it" in result.err
    assert "what is live, carts_errors, stays as it is" in result.err
    assert (folder / FILE).read_bytes() == before


def test_among_good_rules_the_live_one_is_kept_and_the_others_are_brought_up_to_date(
    apply: Apply, clone: Path, folder: Path
) -> None:
    commit(sli(GOOD), clone)
    apply()
    _, live = rules(folder / FILE)
    commit(sli(BRACKET, latency="min(latency)"), clone)
    result = apply("--severity", "page")
    assert (result.code, did(result)) == (1, ["changed"])
    latency, errors = rules(folder / FILE)
    assert (latency["expr"], latency["labels"]["severity"]) == ("vector(scalar(min(latency))) >= 1000 < Inf", "page")
    assert errors == live
    (out,) = json.loads(result.out)["leftOut"]
    assert (out["sli"], out["refused"], out["kept"]) == ("errors", True, True)
    commit(sli(GOOD), clone)
    assert apply().code == 0
    assert rules(folder / FILE)[1] == live


def test_what_was_never_live_is_left_out(apply: Apply, clone: Path, folder: Path) -> None:
    commit(sli(BRACKET), clone)
    result = apply()
    assert (result.code, did(result)) == (1, ["created"])
    assert [rule["labels"]["sli"] for rule in rules(folder / FILE)] == ["latency"]
    assert "hint: correct the brackets\n" in result.err
    (out,) = json.loads(result.out)["leftOut"]
    assert (out["refused"], out["kept"]) == (True, False)


def test_what_is_meant_to_have_no_alert_loses_it(apply: Apply, clone: Path, folder: Path) -> None:
    commit(sli(GOOD), clone)
    apply()
    commit({"carts/slo.yaml": SLO.replace('"<=0.05"', '"<=+10%"')}, clone)
    assert apply().code == 0
    assert [rule["labels"]["sli"] for rule in rules(folder / FILE)] == ["latency"]


@pytest.mark.parametrize("text", ["groups: 5\n", "groups: [5, {rules: [5, {alert: carts_errors}]}]\n", "groups: [\n"])
def test_a_live_file_that_says_nothing_is_kept_where_nothing_better_is_known(
    apply: Apply, clone: Path, folder: Path, text: str
) -> None:
    commit(sli(GOOD), clone)
    apply()
    heading = (folder / FILE).read_text("utf-8").splitlines()[0]
    (folder / FILE).write_text(f"{heading}\n{text}", "utf-8")
    commit(sli(BRACKET, latency="max(latency"), clone)
    assert apply().code == 1
    assert (folder / FILE).read_text("utf-8") == f"{heading}\n{text}"


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster() as found:
        found.declare(Kind(GROUP, "v1", "prometheusrules", "PrometheusRule"))
        found.namespace("shop-production")
        yield found


def test_in_a_cluster_it_is_the_same(
    reconciler: Reconciler, clone: Path, tmp_path: Path, cluster: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promtool, "is_there", lambda: False)
    monkeypatch.setenv("KUBECONFIG", str(cluster.write_kubeconfig(tmp_path / "kubeconfig")))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    to = ("monitoring", "prometheus", "--stage", "production", "--format", "crd", "--apply", "-o", "json")
    commit(sli(GOOD), clone)
    assert did(reconciler(*to)) == ["created"]
    (before,) = cluster.items("PrometheusRule", "shop-production")
    commit(sli(BRACKET), clone)
    result = reconciler(*to)
    assert (result.code, did(result)) == (1, ["unchanged"])
    commit(sli(BRACKET, latency="max(latency"), clone)
    result = reconciler(*to)
    assert (result.code, did(result)) == (1, ["unchanged"])
    (after,) = cluster.items("PrometheusRule", "shop-production")
    assert after["spec"] == before["spec"]
