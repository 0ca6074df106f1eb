"""What Alertmanager was seen to send and what Keptn's projects published, as problem files.

The captured payloads are in the conformance folder beside the repository; without it there is nothing to check.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.intake import alertmanager, cloudevents, dynatrace
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Payload, Where
from reconciler.model.problem import load_problem
from tests.intake.payloads import ANYWHERE, encoded, only

CONFORMANCE = Path(__file__).parents[3] / "shared" / "conformance"
ALERTS = CONFORMANCE / "payloads" / "alertmanager"
EVENTS = CONFORMANCE / "keptn" / "samples" / "events"

pytestmark = pytest.mark.skipif(not ALERTS.is_dir(), reason="the conformance folder is not beside the repository")

SLOW, FAILING = "Response time degradation", "Failure rate increase"
SLOW_PATH = "2026-11-22/alertmanager-0ccb298e18a222fd-20261122T000219.886Z"
FAILING_PATH = "2026-11-22/alertmanager-b94aadf6b43623bd-20261122T000247.886Z"
CASES = {
    "01-firing-response-time": [(SLOW_PATH, "carts", SLOW, "open")],
    "02-resolved-response-time": [(SLOW_PATH, "carts", SLOW, "resolved")],
    "03-firing-failure-rate": [(FAILING_PATH, "carts", FAILING, "open")],
    "04-resolved-failure-rate": [(FAILING_PATH, "carts", FAILING, "resolved")],
    "05-resolved-because-target-vanished": [
        ("2026-11-22/alertmanager-0ccb298e18a222fd-20261122T004613.886Z", "carts", SLOW, "resolved")
    ],
    "06-mixed-group-firing-and-resolved": [
        ("2026-11-21/alertmanager-167651cab8d3339a-20261121T000000.000Z", "carts", SLOW, "open"),
        ("2026-11-21/alertmanager-c647d101be34fa7e-20261121T000000.000Z", "orders", SLOW, "resolved"),
    ],
    "07-truncated-group": [
        ("2026-11-21/alertmanager-7c5942b675517a5e-20261121T000000.000Z", "carts", SLOW, "open"),
        ("2026-11-21/alertmanager-abbc9b4e7e2453ce-20261121T000000.000Z", "front-end", SLOW, "open"),
    ],
}


def files(payload: Payload) -> list[tuple[str, str, str, str]]:
    assert payload.refused == ()
    found: list[tuple[str, str, str, str]] = []
    for report in payload.reports:
        path = file_path(report)
        data = merged(report, None, path)
        assert data is not None
        problem = load_problem(data, path)
        assert problem == report.problem
        stem = path.removeprefix("problems/").removesuffix(".yaml")
        found.append((stem, report.where.service, problem.title, problem.state))
    return found


def delivery(name: str) -> Any:
    return json.loads((ALERTS / f"{name}.json").read_bytes())["request"]["body"]


@pytest.mark.parametrize("name", CASES)
def test_a_captured_delivery_gives_its_files(name: str) -> None:
    payload = alertmanager.read(encoded(delivery(name)), ANYWHERE)
    assert files(payload) == CASES[name]
    assert {(report.where.project, report.where.stage) for report in payload.reports} == {("sockshop", "production")}
    assert (payload.group is not None) == (name == "07-truncated-group")


def test_alertmanagers_own_list_names_the_same_identities() -> None:
    captured = json.loads((ALERTS / "20-api-get-alerts.json").read_bytes())["response"]["body"]
    payload = alertmanager.read_api(encoded(captured), ANYWHERE)
    assert payload.refused == ()
    active = [each["fingerprint"] for each in captured if each["status"]["state"] == "active"]
    assert [report.problem.details["fingerprint"] for report in payload.reports] == active


def test_keptns_sample_alert_is_called_by_its_alerts_name() -> None:
    payload = alertmanager.read((EVENTS / "prometheus-alertmanager-carts.json").read_bytes(), ANYWHERE)
    path = "2022-11-26/alertmanager-add2c31a47cf2e78-20221126T105714.057Z"
    assert files(payload) == [(path, "carts", "response_time_p90", "open")]


@pytest.mark.parametrize("read", [dynatrace.read, lambda body, to: cloudevents.read({}, body, to)])
def test_keptns_closed_problem_is_resolved(read: Any) -> None:
    report = only(read((EVENTS / "dynatrace-closed-problem.json").read_bytes(), ANYWHERE))
    assert file_path(report).endswith("--6478017825120311599_1641223491837V2.yaml")
    assert report.where == Where("shop", "production", "carts")
    assert (report.problem.title, report.problem.state) == ("Browser monitor global outage", "resolved")


@pytest.mark.parametrize("name", ["open-problem", "open-problem-no-stage", "open-problem-with-tags"])
def test_keptns_open_samples_are_dynatraces_test_notification(name: str) -> None:
    body = (EVENTS / f"dynatrace-{name}.json").read_bytes()
    assert dynatrace.read(body, ANYWHERE).note == cloudevents.read({}, body, ANYWHERE).note != ""
    real = body.replace(b'"99999"', b'"1_1V2"')
    where = only(dynatrace.read(real, ANYWHERE)).where
    plus = "2" if name.endswith("tags") else ""
    stage = "" if name.endswith("no-stage") else f"production{plus}"
    assert where == Where(f"shop{plus}", stage, f"carts{plus}")


@pytest.mark.parametrize(
    ("name", "title", "cause", "service"),
    [
        ("remediation-triggered-prometheus", "response_time_p90", SLOW, "carts"),
        ("remediation-triggered-unleash", "failure_rate_increase", "Failure rate increase", "carts"),
        ("spec-problem", "Response Time Degradation", "", "service"),
    ],
)
def test_keptns_events_are_reports(name: str, title: str, cause: str, service: str) -> None:
    report = only(cloudevents.read({}, (EVENTS / f"{name}.json").read_bytes(), ANYWHERE))
    assert (report.problem.title, report.problem.root_cause) == (title, cause)
    assert (report.where.project, report.where.stage, report.where.service) == ("sockshop", "production", service)
