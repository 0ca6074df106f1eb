"""What is said of Prometheus queries without a server: other forms of placeholders, brackets, quotes."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_validate_mistakes import found, slo


def told(query: str) -> list[tuple[str, str, str]]:
    text = f"indicators:\n  error_rate: {json.dumps(query)}\n"
    findings = found({"a/slo.yaml": slo(), "a/prometheus/sli.yaml": text})
    return [(each.severity, each.check, each.error.hint) for each in findings]


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ('up{service="${SERVICE}"}', "write `$SERVICE`"),
        ('up{service="${LABEL.pod}"}', "write `$LABEL.pod`"),
        ("rate(up[$DURATION_SECONDSs])", "write `[$DURATION_SECONDS]`"),
        ('up{service="$(SERVICE)"}', "write `$SERVICE`"),
        ('up{service="{{ service }}"}', "write `$SERVICE`"),
        ('up{service="%SERVICE%"}', "write `$SERVICE`"),
    ],
)
def test_placeholders_in_another_form(query: str, hint: str) -> None:
    assert told(query) == [("warning", "unknown-placeholder", hint)]


@pytest.mark.parametrize(
    "query", ["sum(rate(up[1m])", "sum(up))", 'up{a="b}', "up{a='b\\'}", "sum(up]", "(up # )", "up;", "http://x/y"]
)
def test_brackets_and_quotes_without_a_counterpart(query: str) -> None:
    assert [each[:2] for each in told(query)] == [("warning", "broken-query")]


@pytest.mark.parametrize(
    "query",
    [
        'sum(rate(up{path=~"a(b|[c", s="$SERVICE", x="$service"}[$DURATION_SECONDS]))',
        "up # a comment with (;",
        'up{a=";"}',
        'up{a="say \\"(\\""}',
        "up{a=`\\`}",
    ],
)
def test_what_is_balanced_is_not_told(query: str) -> None:
    assert told(query) == []


@pytest.mark.parametrize(
    ("provider", "query", "hint"),
    [
        ("scrape", 'rate(http_requests_total{job="$SERVCE"})', "did you mean `$SERVICE`?"),
        ("scrape", 'rate(http_requests_total{job="${SERVICE}"})', "write `$SERVICE`"),
        ("http", "stats jsonPath=a.b service=$SERVCE", "did you mean `$SERVICE`?"),
        ("dynatrace", "MV2;Percent;metricSelector=x:filter(eq(a,$SERVCE))", "did you mean `$SERVICE`?"),
    ],
)
def test_placeholders_for_nothing_in_the_queries_of_every_provider(provider: str, query: str, hint: str) -> None:
    text = f"indicators:\n  error_rate: {json.dumps(query)}\n"
    findings = found({"a/slo.yaml": slo(), f"a/{provider}/sli.yaml": text})
    assert hint in [each.error.hint for each in findings if each.check == "unknown-placeholder"]


@pytest.mark.parametrize(
    ("provider", "query"),
    [
        ("scrape", "rate(http_requests_total{job=~\"$SERVICE-.*\", zone='$LABEL.zone'})"),
        ("http", "stats jsonPath=a.b service=$SERVICE"),
    ],
)
def test_known_placeholders_of_other_providers_are_not_told(provider: str, query: str) -> None:
    text = f"indicators:\n  error_rate: {json.dumps(query)}\n"
    assert found({"a/slo.yaml": slo(), f"a/{provider}/sli.yaml": text}) == []


def test_a_misspelt_objective_is_told_the_services_own_query_and_the_query_says_the_same() -> None:
    queries = {"a/prometheus/sli.yaml": "indicators:\n  response_time_p90: up\n"}
    query, objective = found({"a/slo.yaml": slo().replace("error_rate", "response_time_p91"), **queries})
    assert (objective.check, objective.error.hint) == ("no-query", "did you mean `response_time_p90`?")
    assert query.check == "unused-query"
    assert query.error.hint == (
        "write `sli: response_time_p90` in the objective about `response_time_p91`, which nothing measures"
    )
    assert found({"a/slo.yaml": slo().replace("error_rate", "response_time_p90"), **queries}) == []
