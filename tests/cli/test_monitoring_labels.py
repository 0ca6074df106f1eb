"""`reconciler monitoring prometheus -c`: what is made has the labels by which the daemon will know where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.intake.belonging import where
from reconciler.intake.report import Where
from reconciler.model.daemon_config import load_daemon_config
from reconciler.monitoring import promtool
from tests.cli.conftest import Reconciler, Result
from tests.cli.test_monitoring import read, rules

URL = ("--alertmanager", "--url", "http://127.0.0.1:8080/webhooks/alertmanager")
Run = Callable[..., Result]


@pytest.fixture
def prometheus(reconciler: Reconciler, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`prometheus("{stage: environment}")`: with these labels in the daemon's configuration."""
    monkeypatch.setattr(promtool, "is_there", lambda: False)

    def call(labels: str, *arguments: object, more: str = "") -> Result:
        config = clone.parent / "reconciler.yaml"
        config.write_text(
            "projects: {shop: {repository: {url: shop.git}}}\nserver: {listen: '127.0.0.1:8080'}\n"
            f"webhooks:\n  alertmanager:\n    auth: {{kind: none}}\n    labels: {labels}\n{more}",
            "utf-8",
        )
        return reconciler("monitoring", "prometheus", "--stage", "production", "-c", config, *arguments)

    return call


def labels(result: Result) -> dict[str, Any]:
    (rule,) = rules(read(result))
    return dict(rule["labels"])


def test_rules_have_the_labels_that_the_daemon_looks_for(prometheus: Run, clone: Path) -> None:
    result = prometheus("{stage: environment, service: app}")
    found = labels(result)
    assert {name: found[name] for name in ("project", "environment", "app")} == {
        "project": "shop", "environment": "production", "app": "carts",
    }  # fmt: skip
    file = clone.parent / "reconciler.yaml"
    hook = load_daemon_config(file.read_bytes(), str(file)).webhooks.alertmanager
    assert hook is not None
    assert where(found, hook.belonging) == Where("shop", "production", "carts")
    assert "belong" not in result.err
    assert found["stage"] == "production", "a daemon of another configuration knows it too"


def test_labels_that_change_places_are_the_daemons(prometheus: Run) -> None:
    found = labels(prometheus("{project: stage, stage: project}"))
    assert (found["stage"], found["project"], found["service"]) == ("shop", "production", "carts")
    route = read(prometheus("{project: stage, stage: project}", *URL))["route"]["routes"][0]
    assert route["matchers"][0] == 'stage="shop"'


def test_the_route_takes_and_groups_by_the_same_labels(prometheus: Run) -> None:
    route = read(prometheus("{project: team, stage: environment}", *URL))["route"]["routes"][0]
    assert route["matchers"] == ['team="shop"', 'problem!=""']
    assert route["group_by"] == ["team", "environment", "service", "problem"]
    spec = read(prometheus("{project: team}", *URL, "--format", "crd"))["spec"]
    assert spec["route"]["matchers"][0] == {"name": "team", "matchType": "=", "value": "shop"}
    assert spec["route"]["groupBy"] == ["team", "stage", "service", "problem"]


@pytest.mark.parametrize(
    ("names", "more", "said"),
    [
        ("{stage: my-env}", [], "the stage in the label `my-env`"),
        ("{service: alertname}", [], "the service in the label `alertname`"),
        ("{service: __app}", [], "the service in the label `__app`"),
        ("{service: app, stage: app}", [], "the stage in the label `app`"),
        ("{stage: namespace}", ["--format", "crd"], "the stage in the label `namespace`"),
    ],
)
def test_a_label_that_no_rule_of_ours_can_have_is_told(prometheus: Run, names: str, more: list[str], said: str) -> None:
    result = prometheus(names, *more)
    assert result.code == 0
    assert f"warning: the daemon looks for {said}, which no rule of ours can have" in result.err
    assert "hint: name another one under `labels` of webhooks.alertmanager" in result.err


def test_a_namespace_is_a_label_as_any_other_where_no_operator_sets_it(prometheus: Run) -> None:
    assert labels(prometheus("{stage: namespace}"))["namespace"] == "production"


def test_a_rule_of_the_daemon_that_leads_elsewhere_is_told(prometheus: Run) -> None:
    lead = "    rules: [{labels: {severity: critical}, stage: staging}]\n"
    result = prometheus("{}", more=lead)
    assert "warning: the daemon takes carts_response_time_p90 for a problem of shop/staging/carts" in result.err
    assert "`rules` of webhooks.alertmanager" in result.err
    assert "takes carts" not in prometheus("{}", "--severity", "page", more=lead).err


@pytest.mark.usefixtures("clone")
def test_without_such_a_configuration_the_labels_are_the_usual_ones(reconciler: Reconciler) -> None:
    found = labels(reconciler("monitoring", "prometheus", "--stage", "production", "--no-check"))
    assert sorted(found) == ["problem", "project", "service", "severity", "sli", "stage"]
