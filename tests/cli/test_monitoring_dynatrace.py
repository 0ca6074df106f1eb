"""`reconciler monitoring dynatrace`: settings objects from the files of a stage, and what is not in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler, git

SLI = (
    "indicators:\n"
    "  response_time_p90: metricSelector=builtin:service.response.time:splitBy():percentile(90)"
    "&entitySelector=type(SERVICE),tag(keptn_service:$SERVICE)\n"
)


@pytest.fixture
def stage(clone: Path) -> Path:
    """Return a clone in which Dynatrace measures what the template's objective is about."""
    (clone / "carts" / "dynatrace").mkdir()
    (clone / "carts" / "dynatrace" / "sli.yaml").write_text(SLI, "utf-8")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "Dynatrace measures")
    git(clone, "push", "-q")
    return clone


@pytest.mark.usefixtures("stage")
def test_json_is_what_the_settings_api_takes(reconciler: Reconciler) -> None:
    named = ("--url", "https://r.example.com", "--alerting-profile", "custom-alerts")
    result = reconciler("monitoring", "dynatrace", *named, "-o", "json")
    assert result.code == 0, result.err
    notification, event = json.loads(result.out)
    assert notification["value"]["alertingProfile"] == "custom-alerts"
    assert notification["schemaId"] == "builtin:problem.notifications"
    assert notification["value"]["webHookNotification"]["url"] == "https://r.example.com/webhooks/dynatrace"
    value = event["value"]
    assert value["eventTemplate"]["title"] == "Response time degradation"
    assert (value["modelProperties"]["alertCondition"], value["modelProperties"]["threshold"]) == ("ABOVE", 1_000_000)
    assert "tag(keptn_service:carts)" in value["queryDefinition"]["metricSelector"]
    assert "`response_time_p90`, is watched in part: `<=+10%` compares with earlier evaluations" in result.err


@pytest.mark.usefixtures("stage")
def test_on_the_default_profile_no_event_reports_what_dynatrace_reports_itself(reconciler: Reconciler) -> None:
    result = reconciler("monitoring", "dynatrace", "--url", "https://r.example.com", "-o", "json")
    assert [each["schemaId"] for each in json.loads(result.out)] == ["builtin:problem.notifications"]
    assert "1 metric event is left out" in result.err
    assert "--alerting-profile" in result.err


@pytest.mark.usefixtures("stage")
def test_without_an_address_there_are_events_only_and_that_is_said(reconciler: Reconciler) -> None:
    result = reconciler("monitoring", "dynatrace", "--stage", "production", "-o", "json")
    assert [each["schemaId"] for each in json.loads(result.out)] == ["builtin:anomaly-detection.metric-events"]
    assert "without --url there is no notification" in result.err
    assert "custom alerts" in result.err


@pytest.mark.usefixtures("stage")
def test_a_table_shows_the_template_and_when_events_fire(reconciler: Reconciler) -> None:
    out = reconciler("monitoring", "dynatrace").out
    assert '"PID": "{PID}",' in out
    assert out.splitlines()[-1].split("   ")[-1].strip() == "above 1e+06"
    assert reconciler("monitoring", "dynatrace", "-o", "yaml").out.startswith("objects:\n")


@pytest.mark.usefixtures("clone")
def test_an_objective_of_another_provider_is_told_and_so_is_an_event_without_an_entry(
    reconciler: Reconciler, clone: Path
) -> None:
    result = reconciler("monitoring", "dynatrace", "-o", "json")
    assert (result.code, json.loads(result.out)) == (0, [])
    assert "carts/slo.yaml: warning: objective 1, `response_time_p90`, has no event: it has no query" in result.err
    (clone / "dynatrace").mkdir()
    (clone / "dynatrace" / "sli.yaml").write_text(SLI, "utf-8")
    (clone / "carts" / "remediation.yaml").write_text("remediations: []\n", "utf-8")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "No entry")
    git(clone, "push", "-q")
    result = reconciler("monitoring", "dynatrace", "--service", "carts", "-o", "json")
    assert len(json.loads(result.out)) == 1
    assert "no entry is for the event `Response time degradation`" in result.err


def test_the_template_alone_needs_no_clone(
    reconciler: Reconciler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = reconciler("monitoring", "dynatrace", "--payload")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith('{\n  "State": "{State}",')


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "r.example.com"], "is not http:// or https://"),
        (["--url", "https://ada:hunter2@r.example.com"], "holds credentials"),
        (["--service", "cart"], "did you mean carts?"),
        (["--stage", "prod"], "did you mean production?"),
    ],
)
def test_what_is_not_there_is_told(reconciler: Reconciler, arguments: list[str], said: str) -> None:
    result = reconciler("monitoring", "dynatrace", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert "hunter2" not in result.err


@pytest.mark.usefixtures("stage")
def test_a_file_that_cannot_be_read_is_a_no(reconciler: Reconciler, stage: Path) -> None:
    (stage / "carts" / "slo.yaml").write_text("objectives: 5\n", "utf-8")
    git(stage, "commit", "-qam", "Broken")
    git(stage, "push", "-q")
    result = reconciler("monitoring", "dynatrace", "-o", "json")
    assert (result.code, json.loads(result.out)) == (1, [])
    assert "carts/slo.yaml:1:13: error: " in result.err
