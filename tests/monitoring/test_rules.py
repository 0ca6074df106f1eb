"""How rules, objects and routes are written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.checks import dns_subdomain
from reconciler.model.names import ProjectName
from reconciler.monitoring.alertmanager import PACES, Hook, Secret, alertmanager_file, alertmanager_spec
from reconciler.monitoring.names import LONGEST, name_of, part
from reconciler.monitoring.objects import rule_objects
from reconciler.monitoring.rules import Style, go_duration, groups
from tests.monitoring.making import made, slo, watched

P90 = "{sli: p90, displayName: Slow, pass: [{criteria: ['<600']}]}"
CARTS = made(watched(slo(P90), {"p90": "a"}, "Other", "Slow"))
SHOP = ProjectName("sockshop")
URL = "http://127.0.0.1:8080/webhooks/alertmanager"


def test_a_rule() -> None:
    assert groups([CARTS], Style()) == [
        {
            "name": "sockshop/production/carts",
            "rules": [
                {
                    "alert": "carts_p90",
                    "expr": "vector(scalar(a)) >= 600 < Inf",
                    "for": "1m",
                    "labels": {
                        "problem": "Slow",
                        "project": "sockshop",
                        "service": "carts",
                        "severity": "critical",
                        "sli": "p90",
                        "stage": "production",
                    },
                    "annotations": {
                        "description": "The objective `p90` of carts/slo.yaml is missed in production;"
                        " it asks for <600.",
                        "runbook": "carts/remediation.yaml:4",
                        "summary": "carts in production: Slow is {{ $value | humanize }}",
                    },
                }
            ],
        }
    ]


def test_a_runbook_is_a_link_where_the_files_can_be_read() -> None:
    (group,) = groups([CARTS], Style(runbooks="https://git.example/shop/src/production/"))
    link = group["rules"][0]["annotations"]["runbook"]
    assert link == "https://git.example/shop/src/production/carts/remediation.yaml#L4"


def test_texts_of_people_are_no_templates() -> None:
    sly = made(watched(slo("{sli: p90, displayName: '{{ .Labels }}', pass: [{criteria: ['<600']}]}"), {"p90": "a"}))
    (rule,) = groups([sly], Style())[0]["rules"]
    assert rule["labels"]["problem"] == '{{"{{"}} .Labels }}'
    assert rule["annotations"]["summary"].startswith('carts in production: {{"{{"}} .Labels }} is ')


def test_the_order_is_that_of_paths_and_objectives() -> None:
    other = made(watched(slo(P90), {"p90": "a"}, path="a/zebra"))
    silent = made(watched(slo(), {}, path="quiet"))
    names = [group["name"] for group in groups([CARTS, silent, other], Style())]
    assert names == ["sockshop/production/a/zebra", "sockshop/production/carts"]
    assert groups([CARTS, other], Style()) == groups([other, CARTS], Style())


def test_an_object_a_service_with_the_operators_labels() -> None:
    (one,) = rule_objects([CARTS], Style(), "shop", {"release": "prometheus"})
    assert (one["apiVersion"], one["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert one["metadata"] == {
        "name": "reconciler.sockshop.production.carts",
        "namespace": "shop",
        "labels": {
            "app.kubernetes.io/managed-by": "reconciler",
            "reconciler.dev/project": "sockshop",
            "reconciler.dev/stage": "production",
            "release": "prometheus",
        },
    }
    # The operator has an AlertmanagerConfig route the alerts of its own namespace only.
    assert one["spec"]["groups"][0]["rules"][0]["labels"]["namespace"] == "shop"


def test_the_route_takes_our_alerts_and_leaves_them_to_others_too() -> None:
    config = alertmanager_file(SHOP, Hook(URL, "/etc/token"), PACES["production"])
    (route,) = config["route"]["routes"]
    assert route["matchers"] == ['project="sockshop"', 'problem!=""']
    assert route["continue"] is True
    assert config["route"]["receiver"] == "nobody"
    hook = config["receivers"][1]["webhook_configs"][0]
    assert (hook["url"], hook["send_resolved"], hook["max_alerts"]) == (URL, True, 0)
    assert hook["http_config"]["authorization"] == {"type": "Bearer", "credentials_file": "/etc/token"}


def test_without_a_token_nothing_is_sent() -> None:
    config = alertmanager_file(SHOP, Hook(URL), PACES["fast"])
    assert "authorization" not in json.dumps(config)
    assert "authorization" not in json.dumps(alertmanager_spec(SHOP, URL, None, PACES["fast"]))


def test_in_a_cluster_the_token_is_a_secrets() -> None:
    spec = alertmanager_spec(SHOP, URL, Secret("hook", "token"), PACES["production"])
    http = spec["receivers"][0]["webhookConfigs"][0]["httpConfig"]
    assert http["authorization"]["credentials"] == {"name": "hook", "key": "token"}


@pytest.mark.parametrize(
    ("seconds", "text"), [(60, "1m"), (0, "0s"), (0.25, "250ms"), (90.5, "1m30s500ms"), (3600, "1h"), (86400, "1d")]
)
def test_durations_are_prometheus_own(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


@given(st.text(max_size=80), st.text(max_size=80))
def test_names_are_kubernetes_and_different_for_what_differs(one: str, other: str) -> None:
    assert len(part(one)) <= LONGEST
    assert dns_subdomain(name_of(one, other), "object")
    assert (part(one) == part(other)) == (one == other)
