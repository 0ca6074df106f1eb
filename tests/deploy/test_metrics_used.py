"""Alerts and dashboard ask for metrics and labels that the daemon has, and promtool takes every expression."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.samples import Sample
from ruamel.yaml import YAML

from deploy.dashboard import dashboard
from reconciler.daemon.counting import CONDITIONS, OTHER, OUTCOMES, PHASES
from reconciler.daemon.metrics import Metrics
from reconciler.model.step import EVENTS
from tests.daemon.exposed import everything
from tests.deploy.cases import FULL
from tests.deploy.rendering import CHART, documents, helm, kustomize, of_kind, one, program

SCRAPED = {"instance", "job", "le"}
"""What Prometheus adds, and the label of buckets."""
KNOWN_VALUES = {
    "condition": {*CONDITIONS, OTHER, "standstill"},
    "phase": {*PHASES},
    "event": {*EVENTS},
    "outcome": {*OUTCOMES},
    "op": {"list", "fetch", "push"},
    "result": {"ok", "lost", "missing", "forbidden", "invalid", "blind", "failed"},
}
RULES = YAML(typ="safe").load(CHART / "files" / "rules.yaml")["groups"][0]["rules"]
BOARD: Any = json.loads((CHART / "files" / "dashboard.json").read_text("utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
ASKED = [
    *((rule["alert"], rule["expr"], "") for rule in RULES),
    *((panel["title"], each["expr"], each["legendFormat"]) for panel in PANELS for each in panel["targets"]),
]


@cache
def known() -> dict[str, set[str]]:
    """Return every sample that the daemon exposes, with its labels."""
    metrics = Metrics()
    everything(metrics)
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        samples: list[Sample] = family.samples
        for sample in samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def parsed(expression: str) -> Any:
    parser = pytest.importorskip("promql_parser", reason="promql-parser is not installed")
    return parser.parse(expression.replace("$__rate_interval", "5m"))


def walk(node: Any) -> Iterator[Any]:
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector", "vs", "param", "args"):
        below = getattr(node, name, None)
        for each in below if isinstance(below, list) else [below]:
            if each is not None and not isinstance(each, str | int | float):
                yield from walk(each)


def selectors(expression: str) -> list[Any]:
    found = [node for node in walk(parsed(expression)) if type(node).__name__ == "VectorSelector"]
    assert len(found) == len(re.findall(r"\b(?:reconciler|process)_\w+", expression)), expression
    return found


@pytest.mark.parametrize(("title", "expression", "legend"), ASKED, ids=lambda each: str(each)[:40])
def test_only_what_is_measured_is_asked_for(title: str, expression: str, legend: str) -> None:
    used = selectors(expression)
    assert used, title
    labels: set[str] = set()
    for selector in used:
        assert selector.name in known(), f"{title}: there is no {selector.name}"
        labels |= known()[selector.name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in known()[selector.name], f"{title}: {selector.name} has no label {matcher.name}"
            if matcher.name in KNOWN_VALUES:
                assert set(matcher.value.split("|")) <= KNOWN_VALUES[matcher.name], f"{title}: {matcher}"
    for node in walk(parsed(expression)):
        modifier = getattr(node, "modifier", None)
        grouped = (
            getattr(modifier, "labels", None) or getattr(getattr(modifier, "matching", None), "labels", None) or []
        )
        assert set(grouped) <= labels | SCRAPED, f"{title}: {grouped}"
    named = re.findall(r"\{\{(\w+)\}\}", legend)
    assert set(named) <= labels | SCRAPED, f"{title}: {legend}"


def test_the_check_finds_what_is_not_there() -> None:
    for wrong in ("reconciler_nothing", 'reconciler_leader{service="carts"}', "sum by (service) (reconciler_leader)"):
        with pytest.raises(AssertionError):
            test_only_what_is_measured_is_asked_for("wrong", wrong, "")
    with pytest.raises(AssertionError):
        test_only_what_is_measured_is_asked_for("wrong", "reconciler_leader", "{{service}}")


def test_no_metric_of_a_family_is_forgotten_by_the_dashboard() -> None:
    text = " ".join(expression for _, expression, _ in ASKED)
    names = {
        re.sub(r"_(bucket|sum|count|created|total)$", "", name) for name in known() if name.startswith("reconciler_")
    }
    assert sorted(name for name in names if name not in text) == []


def test_what_alerts_say_has_labels_that_are_left(tmp_path: Path) -> None:
    for rule in RULES:
        said = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        kept = re.search(r"by \(([^)]*)\)", rule["expr"])
        if kept:
            assert said <= {each.strip() for each in kept[1].split(",")}, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_promtool_takes_the_rules_and_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{index}", "expr": each["expr"].replace("$__rate_interval", "5m")}
        for index, each in enumerate(target for panel in PANELS for target in panel["targets"])
    ]
    board = tmp_path / "board.yaml"
    board.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
    for file in (CHART / "files" / "rules.yaml", board):
        command = [program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    inside = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return {"series": f"{name}{{{inside}}}", "values": values}


def fires(alert: str, at: str, **labels: str) -> dict[str, Any]:
    """Expect an alert, with what it says once labels and value are filled in."""
    rule = next(rule for rule in RULES if rule["alert"] == alert)
    told = rule["annotations"]["summary"].replace("{{ $value }}", "1")
    for name in re.findall(r"\$labels\.(\w+)", told):
        told = told.replace(f"{{{{ $labels.{name} }}}}", labels.get(name, ""))
    expected = {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": {"summary": told}}
    return {"eval_time": at, "alertname": alert, "exp_alerts": [expected]}


def test_alerts_fire_when_they_should_and_are_silent_when_all_is_well(tmp_path: Path) -> None:
    """In Prometheus' own test runner, minute by minute, with one daemon that works and one that does not."""
    one_stage = {"project": "shop", "stage": "production", "instance": "a"}
    push = {"project": "shop", "op": "push", "instance": "a"}
    well = [
        series("reconciler_build_info", "1x40", instance="a"),
        series("reconciler_last_pass_timestamp_seconds", "0+60x40", **one_stage),
        series("reconciler_leader", "1x40", **one_stage),
        series("reconciler_conditions", "0x40", condition="standstill", **one_stage),
        series("reconciler_git_unpushed_commits", "0x40", **one_stage),
        series("reconciler_git_requests_total", "0+1x40", result="ok", **push),
        series("reconciler_git_requests_total", "0+1x40", result="lost", **push),
        series("reconciler_held", "0x40", condition="approval", **one_stage),
        series("reconciler_steps_total", "0x40", event="rewritten", **one_stage),
    ]
    ill = [
        series("reconciler_build_info", "1x40", instance="a"),
        series("reconciler_build_info", "1x40", instance="b"),
        series("reconciler_last_pass_timestamp_seconds", "0x40", **one_stage),
        series("reconciler_leader", "1x40", **one_stage),
        series("reconciler_conditions", "1x40", condition="standstill", **one_stage),
        series("reconciler_git_unpushed_commits", "2x40", **one_stage),
        series("reconciler_git_requests_total", "0+1x40", result="declined", **push),
        series("reconciler_held", "1x40", condition="approval", **one_stage),
        series("reconciler_steps_total", "0x25 1x15", event="rewritten", **one_stage),
        series("reconciler_apply_total", "0+1x40", target="kubernetes", result="forbidden", **one_stage),
    ]
    stage = {"project": "shop", "stage": "production"}
    silent = [{"eval_time": "30m", "alertname": rule["alert"], "exp_alerts": []} for rule in RULES]
    wrong = [
        fires("ReconcilerNotReady", "30m", instance="b"),
        fires("ReconcilerStandsStill", "30m", condition="standstill", **one_stage),
        fires("ReconcilerNoPass", "30m", **one_stage),
        fires("ReconcilerUnpushed", "30m", **one_stage),
        fires("ReconcilerPushFails", "30m", project="shop", result="declined"),
        fires("ReconcilerRewritten", "30m", **stage),
        fires("ReconcilerHeld", "30m", condition="approval", **one_stage),
        fires("ReconcilerForbidden", "30m", target="kubernetes", **stage),
    ]
    tests = [
        {"interval": "1m", "input_series": well, "alert_rule_test": silent},
        {"interval": "1m", "input_series": ill, "alert_rule_test": wrong},
        {"interval": "1m", "input_series": [], "alert_rule_test": [fires("ReconcilerGone", "30m")]},
    ]
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"rule_files": [str(CHART / "files" / "rules.yaml")], "tests": tests}), "utf-8")
    command = [program("promtool"), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# The dashboard as Grafana reads it


def test_panels_are_told_apart_and_do_not_lie_on_each_other() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_a_panel_says_what_it_shows_and_asks_the_chosen_prometheus() -> None:
    variables = {each["name"] for each in BOARD["templating"]["list"]}
    assert variables == {"datasource", "project", "stage"}
    for panel in PANELS:
        assert panel["description"], panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}"
            assert set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"} <= variables
    for variable in BOARD["templating"]["list"][1:]:
        name, label = re.findall(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["definition"])[0]
        assert label in known()[name]


def test_what_is_installed_is_what_was_checked() -> None:
    assert dashboard() == BOARD
    charts = helm(FULL)
    made = one(charts, "ConfigMap", "reconciler-dashboard")
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(made["data"]["reconciler.json"]) == BOARD
    assert one(charts, "PrometheusRule")["spec"]["groups"][0]["rules"] == RULES


def test_kustomize_installs_the_same() -> None:
    items = kustomize("overlays/example")
    assert json.loads(one(items, "ConfigMap", "reconciler-dashboard")["data"]["reconciler.json"]) == BOARD
    assert of_kind(items, "PrometheusRule")[0]["spec"]["groups"][0]["rules"] == RULES
    assert documents((CHART / "files" / "rules.yaml").read_text("utf-8"))[0]["groups"][0]["rules"] == RULES
