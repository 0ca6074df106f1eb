"""Metric events from objectives: none fires for a value that passes, and each says where it belongs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.decide.evaluation.criterion import satisfied
from reconciler.intake import dynatrace as intake
from reconciler.model.dynatrace_query import MetricQuery, read_query
from reconciler.model.errors import UserError
from reconciler.model.webhooks import Belonging
from reconciler.monitoring.dynatrace import MetricEvents, metric_events
from reconciler.monitoring.dynatrace_notification import DEFAULT_PROFILE, PAYLOAD, notification
from reconciler.monitoring.dynatrace_selector import event_query
from tests.monitoring.making import slo, watched

CPU = "builtin:host.cpu.usage:splitBy():avg"
TIME = "builtin:service.response.time:splitBy():percentile(95)"
OURS = "type(SERVICE),tag(keptn_service:$SERVICE)"


def events(criteria: str, query: str = CPU, *entries: str, sli: str = "cpu") -> MetricEvents:
    """Return the events of one objective with `pass: criteria`."""
    objective = slo(f"{{sli: {sli}, pass: {criteria}}}")
    return metric_events(watched(objective, {}, *entries, other={"dynatrace": {sli: query}}))


def fires(found: MetricEvents) -> list[tuple[str, float]]:
    return [(event.condition, event.threshold) for event in found.events]


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ('[{criteria: ["<=80"]}]', [("ABOVE", 80)]),
        ('[{criteria: ["<80"]}]', [("ABOVE", 80)]),
        ('[{criteria: [">=20"]}]', [("BELOW", 20)]),
        ('[{criteria: [">=20", "<80", "<=+10%"]}]', [("BELOW", 20), ("ABOVE", 80)]),
        ('[{criteria: ["<80"]}, {criteria: ["<90"]}]', [("ABOVE", 90)]),
        ('[{criteria: ["<80", "<90"]}]', [("ABOVE", 80)]),
        ('[{criteria: ["=5"]}]', [("BELOW", 5), ("ABOVE", 5)]),
        ('[{criteria: ["<10"]}, {criteria: [">20", "<30"]}]', [("ABOVE", 30)]),
        ('[{criteria: [">=(-5)"]}]', [("BELOW", -5)]),
    ],
)
def test_what_passes_lies_between_the_limits(criteria: str, expected: list[tuple[str, float]]) -> None:
    assert fires(events(criteria)) == expected


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ('[{criteria: ["<=+10%"]}]', "earlier evaluations"),
        ('[{criteria: ["<80"]}, {criteria: ["<=+10%"]}]', "earlier evaluations"),
        ("[]", "for information only"),
        ('[{criteria: ["<10"]}, {criteria: [">20"]}]', "leaves no value out"),
        ('[{criteria: ["<20"]}, {criteria: [">10"]}]', "leaves no value out"),
        ('[{criteria: [">10", "<5"]}]', "leaves no value out"),
    ],
)
def test_what_cannot_be_an_event_is_told(criteria: str, said: str) -> None:
    found = events(criteria)
    assert not found.events
    (out,) = found.left_out
    assert said in out.reason
    assert (out.service, out.objective, out.sli, out.partly) == ("carts", 1, "cpu", False)


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ('[{criteria: ["<80", "<=+10%"]}]', "`<=+10%` compares with earlier evaluations"),
        ('[{criteria: ["<10"]}, {criteria: [">20", "<30"]}]', "values between 10 and 20 miss it too"),
    ],
)
def test_what_is_only_watched_in_part_is_told_too(criteria: str, said: str) -> None:
    found = events(criteria)
    assert found.events
    assert [(said in out.reason, out.partly) for out in found.left_out] == [(True, True)]


CRITERION = st.tuples(st.sampled_from(["<", "<=", "=", ">=", ">"]), st.integers(0, 6)).map(lambda pair: pair)


@given(st.lists(st.lists(CRITERION, min_size=1, max_size=3), min_size=1, max_size=3), st.integers(-2, 16))
def test_no_event_fires_for_a_value_that_passes(sets: list[list[tuple[str, int]]], doubled: int) -> None:
    value = doubled / 2
    listed = [{"criteria": [f"{operator}{limit}" for operator, limit in each]} for each in sets]
    found = fires(events(json.dumps(listed)))
    if any(all(satisfied(value, operator, limit) for operator, limit in each) for each in sets):
        assert not any(value > limit if condition == "ABOVE" else value < limit for condition, limit in found)


# Queries


def selector(query: str) -> str:
    found = read_query(query)
    assert isinstance(found, MetricQuery)
    return event_query(found).selector


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (CPU, CPU),
        (
            f"metricSelector={TIME}&entitySelector=type(SERVICE),tag(a:b)",
            ('builtin:service.response.time:filter(in("dt.entity.service",entitySelector("type(SERVICE),tag(a:b)")))'
            ":splitBy():percentile(95)"),
        ),
        (
            'metricSelector=ext:x.y:avg&entitySelector=fromRelationships.runsOn(type(HOST)),type("APPLICATION"),tag("a~"b")',
            ('ext:x.y:filter(in("dt.entity.application",entitySelector('
            '"fromRelationships.runsOn(type(HOST)),type(~"APPLICATION~"),tag(~"a~~~"b~")")))'
            ":avg"),
        ),
        ("metricSelector=kafka.lag:splitBy():sum:rate(1m)", "kafka.lag:splitBy():sum:rate(1m)"),
        (
            'metricSelector=kafka.lag:filter(eq("a:b","(")):max',
            'kafka.lag:filter(eq("a:b","(")):max',
        ),
    ],
)  # fmt: skip
def test_entities_go_into_the_selector_before_series_are_merged(query: str, expected: str) -> None:
    assert selector(query) == expected


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("metricSelector=builtin:service.requestCount.total:splitBy():sum", "`:sum` grows with the window"),
        ("metricSelector=kafka.lag:rate(1m):sum", "`:sum` grows with the window"),
        ("metricSelector=kafka.lag:splitBy()", "does not say how values become one"),
        ("metricSelector=kafka.lag:avg:fold(max)", "`:fold` is not known"),
        ("metricSelector=(a.b:avg)/(c.d:avg)", "more than one metric"),
        ("metricSelector=a.b:avg,c.d:avg", "more than one metric"),
        ("metricSelector=a.b:avg + 5", "more than one metric"),
        ("metricSelector=a.b:avg&entitySelector=tag(x)", "no `type(...)`"),
        ('metricSelector=a.b:avg&entitySelector=tag("type(HOST)")', "no `type(...)`"),
        ("metricSelector=a.b:avg&mzSelector=mzName(x)", "`mzSelector` is more than"),
        ("metricSelector=a.b:avg&resolution=1h", "`resolution`"),
        (f"metricSelector={'a' * 10_000}:avg", "more than 10000 characters"),
    ],
)
def test_a_query_that_means_something_else_by_the_minute_is_refused(query: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        selector(query)
    assert said in caught.value.message


@given(st.text(alphabet='abAS:(),."~& =+-1$', max_size=60))
def test_any_query_has_an_answer(text: str) -> None:
    found = events('[{criteria: ["<80"]}]', f"metricSelector={text}&entitySelector=type(HOST)")
    assert bool(found.events) != bool(found.left_out)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SLO;7d07efde-b714-3e6e-ad95-08490e2540c4", "asks for no metric"),
        ("metricSelector=a.b:filter(eq(x,$LABEL.zone)):avg", "no label"),
        ("metricSelector=a.b:avg:timeshift($DURATION_SECONDS)", "$DURATION_SECONDS"),
        ("MV2;Percent;metricSelector=a.b:avg", "names no unit"),
    ],
)
def test_queries_of_other_kinds_are_told(query: str, said: str) -> None:
    (out,) = events('[{criteria: ["<80"]}]', query).left_out
    assert said in out.reason


def test_an_indicator_of_another_provider_is_told_with_keptns_query() -> None:
    objective = slo('{sli: response_time_p95, pass: [{criteria: ["<600"]}]}')
    (out,) = metric_events(watched(objective, {"response_time_p95": "up"})).left_out
    assert out.reason == "it has no query in dynatrace/sli.yaml"
    assert "builtin:service.response.time:splitBy():percentile(95)" in out.hint


# Settings


def test_an_event_is_the_object_that_dynatrace_takes() -> None:
    query = f"metricSelector={TIME}&entitySelector={OURS}&mzSelector=mzId(42)"
    entry = "Response time degradation"
    (event,) = events('[{criteria: ["<=600"]}]', query, entry, sli="response_time_p95").events
    assert event.entry is not None
    assert event.entry.name == entry
    assert event.setting() == {
        "schemaId": "builtin:anomaly-detection.metric-events",
        "scope": "environment",
        "externalId": "reconciler:sockshop/production/carts/1/above",
        "value": {
            "enabled": True,
            "summary": "carts in production of sockshop: response_time_p95 (above)",
            "queryDefinition": {
                "type": "METRIC_SELECTOR",
                "metricSelector": "builtin:service.response.time"
                ':filter(in("dt.entity.service",entitySelector("type(SERVICE),tag(keptn_service:carts)")))'
                ":splitBy():percentile(95)",
                "managementZone": "42",
            },
            "modelProperties": {
                "type": "STATIC_THRESHOLD",
                "threshold": 600_000,
                "alertOnNoData": False,
                "alertCondition": "ABOVE",
                "violatingSamples": 3,
                "samples": 5,
                "dealertingSamples": 5,
            },
            "eventTemplate": {
                "title": entry,
                "description": "response_time_p95 of carts in production should be <=600.",
                "eventType": "CUSTOM_ALERT",
                "davisMerge": False,
                "metadata": [
                    {"metadataKey": "keptn_project", "metadataValue": "sockshop"},
                    {"metadataKey": "keptn_stage", "metadataValue": "production"},
                    {"metadataKey": "keptn_service", "metadataValue": "carts"},
                ],
            },
        },
    }


def test_two_events_of_one_indicator_are_two_objects() -> None:
    objective = '{sli: cpu, pass: [{criteria: [">=20", "<80"]}]}'
    found = metric_events(watched(slo(objective, objective), {}, other={"dynatrace": {"cpu": CPU}}))
    names = [event.setting()["externalId"] for event in found.events]
    assert len(set(names)) == len(names) == 4


@pytest.mark.parametrize("entry", ["cpu {x}", "c" * 501])
def test_a_title_that_dynatrace_would_change_is_none(entry: str) -> None:
    objective = slo(f"{{sli: cpu, displayName: {json.dumps(entry)}, pass: [{{criteria: ['<80']}}]}}")
    (out,) = metric_events(watched(objective, {}, entry, other={"dynatrace": {"cpu": CPU}})).left_out
    assert "cannot be the title of an event" in out.reason


def told_by(payload: str, **values: Any) -> str:
    """Fill the template as Dynatrace does."""
    for name, value in values.items():
        payload = payload.replace(f"{{{name}}}", value if isinstance(value, str) else json.dumps(value))
    return payload


def test_what_the_notification_sends_is_read() -> None:
    sent = told_by(
        notification("sockshop", "https://r.example.com/", "vu9U3hXa3q0")["value"]["webHookNotification"]["payload"],
        State="OPEN", PID="-6082_V2", ProblemID="P-1", ProblemTitle="Response time degradation",
        ProblemURL="https://dynatrace.example.com/1", ProblemSeverity="CUSTOM_ALERT", ImpactedEntity="carts",
        ImpactedEntities=[], Tags="keptn_project:sockshop, keptn_stage:production, keptn_service:carts",
        ProblemDetailsJSONv2={"problemId": "-6082_V2"},
    )  # fmt: skip
    assert "{" not in sent.replace("{\n", "").replace('{"', "")
    (report,) = intake.read(sent.encode(), Belonging()).reports
    assert report.id == "dynatrace--6082_V2"
    assert (report.where.project, report.where.stage, report.where.service) == ("sockshop", "production", "carts")
    assert (report.problem.title, report.problem.state) == ("Response time degradation", "open")


def test_the_notification_holds_no_secret_and_closes_problems() -> None:
    made = notification("sockshop", "https://r.example.com")
    value, hook = made["value"], made["value"]["webHookNotification"]
    assert (made["schemaId"], value["type"]) == ("builtin:problem.notifications", "WEBHOOK")
    assert value["alertingProfile"] == DEFAULT_PROFILE
    assert hook["url"] == "https://r.example.com/webhooks/dynatrace"
    again = notification("sockshop", hook["url"])["value"]["webHookNotification"]["url"]
    assert again == hook["url"]
    assert hook["headers"] == [{"name": "Authorization", "secret": True, "secretValue": "Bearer $RECONCILER_TOKEN"}]
    assert hook["notifyClosedProblems"] is True
    assert len(PAYLOAD) < 5000
