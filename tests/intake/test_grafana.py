"""Grafana's alerting: its body is Alertmanager's under another version, and it alerts where it is blind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.intake.alertmanager import read
from reconciler.intake.merging import file_path, merged
from reconciler.model.errors import UserError
from tests.intake.payloads import ANYWHERE, FINGERPRINT, alert, group, only

SITE = "https://grafana.example.com"


def told(**changes: Any) -> dict[str, Any]:
    """An alert with what Grafana adds to it."""
    return alert(**{
        "generatorURL": f"{SITE}/alerting/grafana/a1/view?orgId=1", "silenceURL": f"{SITE}/alerting/silence/new",
        "dashboardURL": f"{SITE}/d/carts?orgId=1", "panelURL": f"{SITE}/d/carts?orgId=1&viewPanel=2",
        "values": {"B": 44.23, "C": 1}, "valueString": "[ var='B' labels={} value=44.23 ]", **changes,
    })  # fmt: skip


def body(*alerts: Any, **changes: Any) -> bytes:
    """A notification of a webhook's contact point."""
    return group(*alerts, **{
        "version": "1", "orgId": 1, "receiver": "My Super Webhook", "externalURL": f"{SITE}/", "state": "alerting",
        "title": "[FIRING:1] carts (sockshop production)", "message": "**Firing**\n\nValue: B=44.23", **changes,
    })  # fmt: skip


def test_its_alerts_are_read_as_alertmanagers() -> None:
    report = only(read(body(told()), ANYWHERE))
    assert file_path(report) == f"problems/2026-11-21/alertmanager-{FINGERPRINT}-20261121T100000.123Z.yaml"
    assert (report.problem.title, report.problem.state) == ("Response time degradation", "open")
    assert report.problem.url == f"{SITE}/alerting/grafana/a1/view?orgId=1"
    assert report.problem.details["dashboardURL"] == f"{SITE}/d/carts?orgId=1"
    assert report.problem.details["panelURL"] == f"{SITE}/d/carts?orgId=1&viewPanel=2"


def test_what_it_tells_again_with_other_values_changes_nothing() -> None:
    first = merged(only(read(body(told()), ANYWHERE)), None, "x")
    assert first is not None
    again = only(read(body(told(values={"B": 99.9, "C": 1}, valueString="other"), title="again"), ANYWHERE))
    assert merged(again, first, "x") is None
    over = only(read(body(told(status="resolved", values=None)), ANYWHERE))
    assert b'state: "resolved"' in (merged(over, first, "x") or b"")


@pytest.mark.parametrize("link", ["", "javascript:alert(1)", "https://x y", 7, None, ["https://x"]])
def test_an_address_that_is_none_is_left_out(link: object) -> None:
    problem = only(read(body(told(dashboardURL=link, panelURL=link)), ANYWHERE)).problem
    assert not {"dashboardURL", "panelURL"} & problem.details.keys()


@pytest.mark.parametrize("name", ["DatasourceNoData", "DatasourceError"])
@pytest.mark.parametrize("status", ["firing", "resolved"])
@pytest.mark.parametrize("make", [body, group])
def test_that_it_cannot_look_is_no_problem_of_a_service(name: str, status: str, make: Any) -> None:
    """It alerts with all labels of the rule then, whichever way the alert comes here."""
    labels = {**alert()["labels"], "alertname": name, "rulename": "slow", "datasource_uid": "x", "ref_id": "A"}
    payload = read(make(told(labels=labels, status=status), told(fingerprint="c647d101be34fa7e")), ANYWHERE)
    assert len(payload.reports) == 1
    (refused,) = payload.refused
    assert refused.which == "alerts[0]"
    assert name in refused.reason
    assert "no data" in refused.hint


@pytest.mark.parametrize(
    "reason", ["MissingSeries", "NoData", "NoData, KeepLast", "Error", "Paused", "RuleDeleted", "?"]
)
@pytest.mark.parametrize("make", [body, group])
def test_what_it_calls_over_without_having_seen_it_is_not_over(reason: str, make: Any) -> None:
    """A series that is gone, a rule that is paused or deleted: none says that the service is well again."""
    annotations = {"grafana_state_reason": reason}
    over = told(fingerprint="c647d101be34fa7e", status="resolved")
    payload = read(make(told(annotations=annotations, status="resolved"), over), ANYWHERE)
    assert [report.problem.state for report in payload.reports] == ["resolved"]
    (refused,) = payload.refused
    assert refused.which == "alerts[0]"
    assert reason in refused.reason
    assert "problem resolve" in refused.hint


@pytest.mark.parametrize(("reason", "status", "state"), [("NoData", "firing", "open"), (" ", "resolved", "resolved")])
def test_what_a_rule_alerts_on_is_its_makers_choice(reason: str, status: str, state: str) -> None:
    alerting = told(annotations={"grafana_state_reason": reason}, status=status)
    assert only(read(body(alerting), ANYWHERE)).problem.state == state


def test_a_rule_of_ones_own_may_be_called_so() -> None:
    labels = {**alert()["labels"], "alertname": "DatasourceError"}
    assert only(read(group(alert(labels=labels)), ANYWHERE)).problem.state == "open"


@pytest.mark.parametrize(
    "changes",
    [{"version": "1"}, {"version": "1", "orgId": "1"}, {"version": "2", "orgId": 1}, {"version": 1, "orgId": 1}],
)
def test_another_version_is_nobodys(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="version"):
        read(group(alert(), **changes), ANYWHERE)


def test_what_it_left_out_is_counted() -> None:
    payload = read(body(told(), truncatedAlerts=3), ANYWHERE)
    assert payload.group is not None
    assert payload.group.truncated == 3


def test_the_notification_of_a_test_does_not_say_where_it_belongs() -> None:
    test = told(labels={"alertname": "TestAlert", "instance": "Grafana"}, annotations={"summary": "Notification test"})
    report = only(read(body(test), ANYWHERE))
    assert json.dumps([report.where.project, report.where.stage, report.where.service]) == '["", "", ""]'
