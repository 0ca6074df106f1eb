"""A service's alerts: one an objective, with the SLI's own query; what has none, and which entries have none."""

from __future__ import annotations

import pytest

from reconciler.monitoring.alerts import ServiceAlerts
from tests.monitoring.making import made, slo, watched

QUERY = "histogram_quantile(0.9, sum by(le) (rate(b{job='$SERVICE-$PROJECT-$STAGE'}[$DURATION_SECONDS])))"
FILLED = QUERY.replace("$SERVICE-$PROJECT-$STAGE", "carts-sockshop-production").replace("$DURATION_SECONDS", "300s")
P90 = "{sli: response_time_p90, pass: [{criteria: ['<600']}]}"


def reasons(found: ServiceAlerts) -> dict[int, str]:
    return {each.objective: each.reason for each in found.left_out}


def test_an_alert_asks_what_the_evaluation_asks() -> None:
    (alert,) = made(watched(slo(P90), {"response_time_p90": QUERY})).alerts
    assert alert.expression == f"vector(scalar({FILLED})) >= 600 < Inf"


def test_keptns_own_queries_stand_in_where_no_file_has_one() -> None:
    (alert,) = made(watched(slo(P90), {})).alerts
    assert "http_response_time_milliseconds_bucket{job='carts-sockshop-production'}[300s]" in alert.expression


def test_what_has_no_alert_is_listed_with_the_reason() -> None:
    found = made(
        watched(
            slo(
                "{sli: info}",
                "{sli: relative, pass: [{criteria: ['<=+10%']}]}",
                "{sli: either, pass: [{criteria: ['<5']}, {criteria: ['<=+10%']}]}",
                "{sli: unknown, pass: [{criteria: ['<5']}]}",
                "{sli: elsewhere, pass: [{criteria: ['<5']}]}",
                "{sli: labelled, pass: [{criteria: ['<5']}]}",
                "{sli: number, pass: [{criteria: ['<5']}]}",
                "{sli: always, pass: [{criteria: ['<5']}, {criteria: ['>=5']}]}",
                "{sli: fine, pass: [{criteria: ['<5']}]}",
            ),
            {"info": "a", "relative": "a", "either": "a", "labelled": "a{b='$LABEL.pod'}", "number": "1", "always": "a",
             "fine": "a"},
            other={"dynatrace": {"elsewhere": "x"}},
        )
    )  # fmt: skip
    assert [alert.sli for alert in found.alerts] == ["fine"]
    said = reasons(found)
    assert "for information only" in said[1]
    assert "`<=+10%` alone" in said[2]
    assert "`<=+10%` alone" in said[3]
    assert "nothing says how to measure it" in said[4]
    assert "only dynatrace/sli.yaml" in said[5]
    assert "$LABEL.pod" in said[6]
    assert "a number" in said[7]
    assert "every value passes" in said[8]
    assert sorted(said) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_relative_criteria_beside_absolute_ones_are_told() -> None:
    (alert,) = made(watched(slo("{sli: a, pass: [{criteria: ['<= +10%', '<5']}]}"), {"a": "a"})).alerts
    assert alert.expression == "vector(scalar(a)) >= 5 < Inf"
    assert (alert.unwatched, alert.asked) == (("<=+10%",), "<=+10% and <5")


@pytest.mark.parametrize(
    ("providers", "there"),
    [(("prometheus",), True), (("prometheus", "dynatrace"), True), (("dynatrace", "prometheus"), False)],
)
def test_an_indicator_has_the_provider_that_evaluations_ask(providers: tuple[str, ...], there: bool) -> None:
    service = watched(slo(P90), {"response_time_p90": "a"}, other={"dynatrace": {"response_time_p90": "b"}})
    found = made(service, providers)
    assert bool(found.alerts) == there
    assert there or "measured by dynatrace" in reasons(found)[1]


def test_names_are_tidy_and_each_is_used_once() -> None:
    twice = "{sli: 'p 90/ü', pass: [{criteria: ['<600']}]}"
    found = made(watched(slo(twice, twice, P90), {"p 90/ü": "a", "response_time_p90": "a"}, path="shop/my-carts"))
    assert [alert.name for alert in found.alerts] == [
        "my_carts_p_90", "my_carts_p_90_2", "my_carts_response_time_p90",
    ]  # fmt: skip


def test_what_of_alerts_and_entries_does_not_meet() -> None:
    queue = "{sli: queue_length, pass: [{criteria: ['<5']}]}"
    entries = ("Response time degradation", "Failure rate increase")
    found = made(watched(slo(P90, queue), {"response_time_p90": "a", "queue_length": "a"}, *entries))
    assert [alert.sli for alert in found.unmatched] == ["queue_length"]
    assert [entry.name for entry in found.unreachable] == ["Failure rate increase"]


def test_a_playbook_without_objectives_is_reached_by_no_alert() -> None:
    found = made(watched(slo(), {}, "Response time degradation", "default"))
    assert [entry.name for entry in found.unreachable] == ["Response time degradation", "default"]


def test_without_a_playbook_every_alert_is_unmatched() -> None:
    found = made(watched(slo(P90), {}))
    assert found.unmatched == found.alerts
