"""What a step counts for, and which gauges follow the branch, under which names and labels."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from reconciler.daemon.counting import CONDITIONS, PHASES
from reconciler.daemon.metrics import Metrics, StageMetrics
from reconciler.decide.remediation import Phase
from reconciler.model.names import ProjectName, StageName
from reconciler.model.step import EVENTS, Event
from reconciler.repo.tally import Census
from tests.daemon.exposed import PRODUCTION, SHOP, everything, read, services, step, value


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def stage(metrics: Metrics) -> StageMetrics:
    return metrics.project(SHOP).stage(PRODUCTION)


# What a step counts for


@pytest.mark.parametrize(
    ("source", "name", "counted"),
    [
        ("alertmanager", "x", "alertmanager"), ("Dynatrace", "x", "dynatrace"), ("", "dynatrace-7", "dynatrace"),
        ("https://github.com/keptn/keptn/prometheus-service", "x", "prometheus"), ("keptn", "x", "keptn"),
        ("", "by-hand", "other"), ("my own script", "by-hand", "other"), ("", "", "other"),
    ],
)  # fmt: skip
def test_a_problem_counts_for_the_sender_that_is_known(
    metrics: Metrics, stage: StageMetrics, source: str, name: str, counted: str
) -> None:
    stage.step(step("opened", {"problem": {"id": name, "source": source}}, number=1), {})
    assert value(metrics, "problems_total", "shop", "production", counted, "open") == 1


@pytest.mark.parametrize(
    ("event", "number", "counts"),
    [
        ("opened", 1, 1), ("unmatched", 1, 1), ("held", 1, 1), ("refused", 1, 1), ("attached", 5, 1),
        ("opened", 2, None), ("reopened", 4, None),
    ],
)  # fmt: skip
def test_a_problem_is_taken_up_once(
    metrics: Metrics, stage: StageMetrics, event: Event, number: int, counts: float | None
) -> None:
    stage.step(step(event, {"problem": {"id": "x", "source": "problem"}}, number=number), {})
    assert value(metrics, "problems_total", "shop", "production", "problem", "open") == counts


def test_a_problem_is_over_where_a_step_says_so_with_the_source_of_its_file(
    metrics: Metrics, stage: StageMetrics
) -> None:
    stage.step(step("remediated", {"resolved": ["p1", "alertmanager-1"]}), services(source="dynatrace"))
    assert value(metrics, "problems_total", "shop", "production", "dynatrace", "resolved") == 1
    assert value(metrics, "problems_total", "shop", "production", "alertmanager", "resolved") == 1


def test_decisions_are_told_apart_by_action_and_by_what_came_of_them(metrics: Metrics, stage: StageMetrics) -> None:
    stage.step(step("decided", {"action": "scaling +1"}), services())
    stage.step(step("applied", {"values": []}), services())
    stage.step(step("applied", {"values": []}), services(phase="ended"))
    stage.step(step("failed", {"action": "toggle-feature X:off", "next": "action"}), services())
    stage.step(step("failed", {"action": "toggle-feature X:off", "effect": True}), services(phase="ended"))
    counted = {labels: count for (name, labels), count in read(metrics).items() if name == "decisions_total"}
    assert counted == {
        frozenset({"shop", "production", "scaling", "decided"}): 1,
        frozenset({"shop", "production", "scaling", "applied"}): 1,
        frozenset({"shop", "production", "toggle-feature", "failed"}): 1,
    }


def test_an_action_of_another_maker_is_known_once_it_was_decided(metrics: Metrics, stage: StageMetrics) -> None:
    stage.step(step("failed", {"action": "drain node-1", "next": "none"}), {})
    assert value(metrics, "decisions_total", "shop", "production", "other", "failed") == 1
    stage.step(step("decided", {"action": "drain node-1"}), {})
    stage.step(step("failed", {"action": "drain node-1", "next": "none"}), {})
    assert value(metrics, "decisions_total", "shop", "production", "drain", "failed") == 1


def test_an_evaluation_counts_for_the_action_in_hand_and_has_a_score_unless_nothing_was_measured(
    metrics: Metrics, stage: StageMetrics
) -> None:
    for told in ({"result": "pass", "score": 90.0}, {"result": "no data", "score": 0.0}, {"result": "fail"}):
        stage.step(step("evaluated", {"evaluation": told}), services())
    for result in ("pass", "no data", "fail"):
        assert value(metrics, "evaluations_total", "shop", "production", "scaling", result) == 1
    assert value(metrics, "evaluation_score_sum", "shop", "production") == 90
    assert value(metrics, "evaluation_score_count", "shop", "production") == 1


@pytest.mark.parametrize(
    ("event", "data", "count"),
    [("drift", {}, 1), ("held", {"condition": "drift", "live": 5}, 1), ("held", {"condition": "budget"}, 0)],
)
def test_drift_is_counted_whatever_is_done_about_it(
    metrics: Metrics, stage: StageMetrics, event: Event, data: dict[str, Any], count: int
) -> None:
    stage.step(step(event, data), {})
    assert value(metrics, "drift_total", "shop", "production") == count


def test_an_alert_on_an_event_sees_the_first_one_too(metrics: Metrics, stage: StageMetrics) -> None:
    """`increase` needs a zero before the one."""
    assert all(value(metrics, "steps_total", "shop", "production", event) == 0 for event in EVENTS)
    stage.step(step("escalated"), {})
    assert value(metrics, "steps_total", "shop", "production", "escalated") == 1


# What stands


def test_gauges_follow_the_census_and_go_back_to_zero(metrics: Metrics, stage: StageMetrics) -> None:
    stage.passed(lambda: Census(4, {"held": 3}, {"budget": 2, "my own lock": 1}, 2), 1_800_000_000.0)
    assert value(metrics, "problems_open", "shop", "production") == 4
    assert value(metrics, "remediations", "shop", "production", "held") == 3
    assert value(metrics, "held", "shop", "production", "budget") == 2
    assert value(metrics, "held", "shop", "production", "other") == 1
    assert value(metrics, "config_invalid", "shop", "production") == 2
    assert value(metrics, "last_pass_timestamp_seconds", "shop", "production") == 1_800_000_000
    stage.passed(Census, 1_800_000_060.0)
    for name in ("problems_open", "config_invalid"):
        assert value(metrics, name, "shop", "production") == 0
    for phase in PHASES:
        assert value(metrics, "remediations", "shop", "production", phase) == 0
    for condition in CONDITIONS:
        assert value(metrics, "held", "shop", "production", condition) == 0
    assert value(metrics, "last_pass_timestamp_seconds", "shop", "production") == 1_800_000_060


def test_the_phases_are_all_but_the_end() -> None:
    assert {*PHASES, "ended"} == set(get_args(Phase))


def test_what_stands_in_the_way_is_shown_until_it_is_gone(metrics: Metrics, stage: StageMetrics) -> None:
    project = metrics.project(SHOP)
    project.stands({
        "production": "refused", "production/bug:shop/carts": "b", "production/bug:orders": "b",
        "production/new": "?", "project": "gone", "notifications": "n",
    })  # fmt: skip
    found = {labels: count for (name, labels), count in read(metrics).items() if name == "conditions"}
    assert found == {
        frozenset({"shop", "production", "standstill"}): 1, frozenset({"shop", "production", "bug"}): 2,
        frozenset({"shop", "production", "other"}): 1, frozenset({"shop", "", "standstill"}): 1,
        frozenset({"shop", "", "notifications"}): 1,
    }  # fmt: skip
    project.stands({})
    assert {count for (name, _), count in read(metrics).items() if name == "conditions"} == {0}


def test_commits_are_unpushed_until_a_push_is_answered_or_a_pass_ends(metrics: Metrics, stage: StageMetrics) -> None:
    stage.pushing(3)
    assert value(metrics, "git_unpushed_commits", "shop", "production") == 3
    stage.pushed(lost=True)
    assert value(metrics, "git_unpushed_commits", "shop", "production") == 0
    assert value(metrics, "push_retries_total", "shop", "production") == 1
    stage.pushing(2)
    stage.passed(Census, 0.0)
    assert value(metrics, "git_unpushed_commits", "shop", "production") == 0


def test_what_is_no_longer_configured_has_no_series(metrics: Metrics) -> None:
    everything(metrics)
    metrics.project(SHOP).stage(StageName("staging"))
    metrics.project(ProjectName("bank")).stage(PRODUCTION)
    metrics.project(SHOP).keep([StageName("staging")])
    assert not [key for key in read(metrics) if {"shop", "production"} <= key[1]]
    assert value(metrics, "leader", "shop", "staging") == 1
    metrics.keep([ProjectName("bank")])
    assert not [key for key in read(metrics) if "shop" in key[1]]
    assert value(metrics, "leader", "bank", "production") == 1
    assert value(metrics, "errors_total") is None
    assert value(metrics, "metrics_errors_total") == 0


def test_the_daemons_own_configuration_is_usable_until_it_is_not(metrics: Metrics) -> None:
    assert value(metrics, "config_invalid", "") == 0
    metrics.config_usable(usable=False)
    assert value(metrics, "config_invalid", "") == 1
