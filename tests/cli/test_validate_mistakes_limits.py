"""Limits that leave no room for each other: budgets and retries, freezes without an end, guards that are never met."""

from __future__ import annotations

import pytest

from reconciler.model.policy import StageConfig
from reconciler.model.project import ProjectConfig
from tests.cli.test_validate_mistakes import BOOK, SLO, entry, found

FREEZE = "freeze:\n%s"
WEEKEND = "- {schedule: 0 18 * * FRI, duration: 62h}\n"


@pytest.mark.parametrize(
    ("text", "expected", "said"),
    [
        ("budgets: {actionsPerHour: 2}\nretries: 2\n", "2:10 warning limits-contradict", "below what one action needs"),
        ("budgets: {actionsPerHour: 1}\nwait: 5m\nretries: 1\n", "3:10 warning limits-contradict", "(1) is below"),
        ("wait: 20d\n", "1:7 notice long-wait", "`wait` is 20d"),
        ("rollout: 10d\n", "1:10 notice long-wait", "until it has failed"),
        ("forgeOutage: proceed\n", "1:14 notice forge-outage", "`stateDir` on a disk that outlives it"),
        ("bounds: {replicas: {min: 0, max: 0}}\n", "1:34 warning limits-contradict", "no replica is ever allowed"),
        ("loopGuard: {times: 3, within: 1h}\ncooldown: 20m\n", "1:12 notice limits-contradict", "is never reached"),
        ("cooldown: 3h\nretention: 2h\n", "2:12 notice limits-contradict", "nothing is archived before 3h"),
        (FREEZE % "- {schedule: '* * * * *', duration: 1m}\n", "2:37 warning endless-freeze", "it never ends"),
        (FREEZE % "- {schedule: 0 18 * * FRI, duration: 62d}\n", "2:38 warning endless-freeze", "62d are over"),
        (FREEZE % "- {schedule: 0 0 * * *, duration: 1d}\n", "2:35 warning endless-freeze", "it never ends"),
        (FREEZE % "- {schedule: 0 0 1 1 *, duration: 400d}\n", "2:35 warning endless-freeze", "it never ends"),
        (
            FREEZE % "- {schedule: 0 0 * * *, duration: 12h}\n- {schedule: 0 12 * * *, duration: 12h}\n",
            "2:1 warning endless-freeze",
            "together these windows never end",
        ),
        (
            FREEZE % (WEEKEND + "- {schedule: 0 18 * * fri, duration: 2h}\n"),
            "3:3 notice limits-contradict",
            "the window in line 2 opens at the same time",
        ),
    ],
)
def test_in_a_stage(text: str, expected: str, said: str) -> None:
    (only,) = found({"stage.yaml": text})
    assert f"{only.place.line}:{only.place.column} {only.severity} {only.check}" == expected
    assert said in only.error.message
    assert only.error.expected
    assert only.error.hint


@pytest.mark.parametrize(
    "text",
    [
        FREEZE % WEEKEND,
        FREEZE % (WEEKEND + "- {schedule: 0 0 24 12 *, duration: 9d}\n- {schedule: 0 0 * * *, duration: 6h}\n"),
        "freeze: []\n",
        "budgets: {actionsPerHour: 2}\nretries: 1\n",
        "budgets: {actionsPerHour: 2}\nretries: 2\nwait: 30m\n",
        "cooldown: 15m\nloopGuard: {times: 3, within: 1h}\n",
        "cooldown: 2h\n",
        "wait: 0s\nsettle: 1h\nretention: 1h\n",
        "wait: 24h\n",
    ],
)
def test_what_leaves_room_is_not_told(text: str) -> None:
    assert found({"stage.yaml": text}) == []


def test_a_projects_defaults_are_looked_at_as_a_stage_is() -> None:
    text = "stages: [production]\ndefaults:\n  freeze:\n  - {schedule: 0 0 * * *, duration: 24h}\n"
    told = [each for each in found({"project.yaml": text}) if each.check == "endless-freeze"]
    assert [str(each.place) for each in told] == ["project.yaml:4:37"]


def book(*actions: str) -> dict[str, str]:
    return {"a/remediation.yaml": BOOK % entry("slow", *actions)}


def test_retries_of_an_action_against_the_stages_budget() -> None:
    project = ProjectConfig(defaults=StageConfig())
    stage = {"stage.yaml": "budgets: {actionsPerHour: 2}\n"}
    (only,) = found(stage | book("{action: restart, retries: 3}"), project)
    assert (str(only.place), only.severity) == ("a/remediation.yaml:4:5", "warning")
    assert "`actionsPerHour` (2) is below what one action needs with its `retries` (3)" in only.error.message
    assert found(stage | book("{action: restart, retries: 3, wait: 30m}"), project) == []


def test_an_entry_that_needs_more_than_the_hours_budget() -> None:
    stage = {"stage.yaml": "budgets: {actionsPerHour: 2}\n"}
    actions = ["{action: scaling, value: +1}", "{action: scaling, value: +2}", "action: restart", "action: escalate"]
    (only,) = found(stage | book(*actions))
    assert (str(only.place), only.severity) == ("a/remediation.yaml:6:5", "notice")
    assert "one remediation can need 3 actions and `actionsPerHour` is 2" in only.error.message
    assert found(stage | book(*actions[:2], "action: escalate")) == []
    assert found({"stage.yaml": "budgets: {actionsPerHour: 2}\nwait: 30m\n"} | book(*actions)) == []


def test_the_loop_guard_counts_remediations_so_retries_are_nothing_to_it() -> None:
    assert found(book("{action: restart, retries: 4, wait: 1m}")) == []


@pytest.mark.parametrize(
    ("criteria", "more", "place", "said"),
    [
        ("'<1000'", ", warning: [{criteria: ['>=1200']}]", "2:74", "looks the other way"),
        ("'>=99', '>=+1%'", ", warning: [{criteria: ['<95']}]", "2:82", "looks the other way"),
        ("'<5'", "}\n- {sli: error_rate, pass: [{criteria: ['<5']}]", "3:3", "a second objective about `error_rate`"),
    ],
)
def test_in_objectives(criteria: str, more: str, place: str, said: str) -> None:
    (only,) = found({"a/slo.yaml": SLO % (criteria, more, "75%")})
    assert (str(only.place), only.severity) == (f"a/slo.yaml:{place}", "warning")
    assert said in only.error.message
    assert only.error.hint


def test_a_warning_the_other_way_is_told_with_the_operator_turned() -> None:
    (only,) = found({"a/slo.yaml": SLO % ("'<1000'", ", warning: [{criteria: ['>=1200']}]", "75%")})
    assert only.error.hint == 'write `"<=1200"`'


@pytest.mark.parametrize(
    ("criteria", "warning"),
    [("'>10', '<20'", "'>=20'"), ("'<=+10%'", "'>=5'"), ("'<1000'", "'>=1000', '<1200'"), ("'=0'", "'<5'")],
)
def test_warnings_that_may_be_meant(criteria: str, warning: str) -> None:
    assert found({"a/slo.yaml": SLO % (criteria, f", warning: [{{criteria: [{warning}]}}]", "75%")}) == []


def test_a_warning_without_pass_counts_for_nothing() -> None:
    one = "- {sli: error_rate, pass: [{criteria: ['<5']}]}\n- {sli: throughput, warning: [{criteria: ['>5']}]}\n"
    (only,) = found({"a/slo.yaml": f"objectives:\n{one}total_score: {{pass: 90%}}\n"})
    assert (str(only.place), only.check) == ("a/slo.yaml:3:31", "no-objective")
