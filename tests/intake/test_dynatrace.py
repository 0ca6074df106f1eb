"""Dynatrace's notification: Keptn's wrapper and plain templates, whatever capitals their writers chose."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.intake.dynatrace import read
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Where
from reconciler.model.errors import UserError
from reconciler.model.problem import load_problem
from reconciler.model.webhooks import Belonging, Rule
from tests.intake.payloads import ANYWHERE, encoded, event, notification, only

PATH = "problems/dynatrace--6478017825120311599_1641223491837V2.yaml"


@pytest.mark.parametrize("wrap", [lambda data: data, event], ids=["plain", "wrapped as Keptn asked for"])
def test_a_notification_becomes_a_problem(wrap: Any) -> None:
    report = only(read(encoded(wrap(notification())), ANYWHERE))
    assert (report.sender, file_path(report), report.final) == ("dynatrace", PATH, False)
    assert report.where == Where("sockshop", "production", "carts")
    problem = report.problem
    assert (problem.title, problem.state, problem.source) == ("Response time degradation", "open", "dynatrace")
    assert problem.started_at == "2022-01-03T15:24:51.837000Z"
    assert problem.url == "https://abc.example.com/#problems/problemdetails;pid=1"
    assert problem.labels["team"] == "shop"
    assert problem.details["PID"] == "-6478017825120311599_1641223491837V2"
    assert problem.details["ImpactedEntities"] == notification()["ImpactedEntities"]


@pytest.mark.parametrize(
    ("state", "becomes"), [("OPEN", "open"), ("Resolved", "resolved"), ("MERGED", "resolved"), (" CLOSED", "resolved")]
)
def test_merged_is_over_too(state: str, becomes: str) -> None:
    report = only(read(encoded(notification(State=state)), ANYWHERE))
    assert (file_path(report), report.problem.state) == (PATH, becomes)


def test_names_are_found_without_regard_to_case_and_blanks() -> None:
    told = {
        "pid": "1_2V2",
        "STATE": "OPEN",
        "problemtitle": "Slow",
        "Problem URL": "https://x.example",
        "TAGS": ["keptn_stage:qa"],
        "ProblemDetailsJSONv2": json.dumps({"startTime": 1641223491837}),
        "ProblemImpact": "SERVICE",
    }
    report = only(read(encoded(told), ANYWHERE))
    assert file_path(report) == "problems/dynatrace-1_2V2.yaml"
    assert (report.problem.title, report.problem.url) == ("Slow", "https://x.example")
    assert report.problem.started_at == "2022-01-03T15:24:51.837000Z"
    assert report.problem.details["ProblemDetails"] == {"startTime": 1641223491837}
    assert report.problem.details["ProblemImpact"] == "SERVICE"
    assert report.where.stage == "qa"


def test_of_two_spellings_the_documented_one_counts_else_the_first_that_says_something() -> None:
    told = {"problemtitle": "a", **notification(), "problemTitle": "b", "pid": "1"}
    assert only(read(encoded(told), ANYWHERE)).problem.title == "Response time degradation"
    assert file_path(only(read(encoded(told), ANYWHERE))) == PATH
    empty = {"problemtitle": "", "PROBLEMTITLE": "b", "PID": "1", "State": "OPEN"}
    assert only(read(encoded(empty), ANYWHERE)).problem.title == "b"


@pytest.mark.parametrize(
    "tags", ["keptn_stage:qa,a:b", "keptn_stage:qa, a:b", "a:b ,keptn_stage: qa", ["a:b", "keptn_stage:qa"]]
)
def test_tags_win_over_fields(tags: Any) -> None:
    told = notification(Tags=tags, KeptnProject="sockshop", KeptnStage="production", KeptnService="carts")
    report = only(read(encoded(told), ANYWHERE))
    assert report.where == Where("sockshop", "qa", "carts")
    assert report.problem.labels["a"] == "b"


@pytest.mark.parametrize(
    ("tags", "service", "note"),
    [
        (
            "keptn_service:orders, keptn_service:carts, team:a, team:b", "carts",
            "the tag `keptn_service` has several values (orders, carts), of which `carts` counts",
        ),
        (["keptn_service:carts", "keptn_service:orders"], "orders", "(carts, orders), of which `orders` counts"),
        ("keptn_service:carts, keptn_service:carts", "carts", ""),
        ("service:carts, service:orders", "carts", "`service` has several values (carts, orders), of which `carts`"),
    ],
)  # fmt: skip
def test_a_tag_that_says_twice_where_it_belongs_is_noted(tags: Any, service: str, note: str) -> None:
    payload = read(encoded(notification(Tags=tags)), ANYWHERE)
    assert only(payload).where.service == service
    assert note in payload.note
    assert bool(payload.note) == bool(note)


def test_rules_on_tags_win_over_what_is_said_and_defaults_fill_what_is_not() -> None:
    belonging = Belonging(rules=(Rule({"Team": "shop"}, stage="production"),), project="sockshop", stage="qa")
    report = only(read(encoded(notification(Tags="team:shop,stage:x,service:carts")), belonging))
    assert report.where == Where("sockshop", "production", "carts")


@pytest.mark.parametrize(
    "ids", [{"PID": "99999", "ProblemID": "999"}, {"PID": 99999}, {"PID": None, "ProblemID": "999"}]
)
def test_a_test_notification_is_fine_and_nothing_else(ids: dict[str, Any]) -> None:
    payload = read(encoded(notification(**ids)), ANYWHERE)
    assert (payload.reports, payload.refused) == ((), ())
    assert "test notification" in payload.note


def test_a_real_problem_with_a_short_id_is_no_test() -> None:
    assert read(encoded(notification(ProblemID="999")), ANYWHERE).reports


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"PID": "", "ProblemID": None, "ProblemDetails": {}}, "PID"),
        ({"State": None}, "State"),
        ({"State": "{State}"}, "State"),
        ({"ProblemTitle": " "}, "title"),
    ],
)
def test_what_a_template_lacks_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        read(encoded(notification(**changes)), ANYWHERE)
    assert refused.value.expected or refused.value.hint


def test_the_short_id_stands_in_for_the_long_one() -> None:
    report = only(read(encoded(notification(PID="")), ANYWHERE))
    assert file_path(report) == "problems/dynatrace-P-22013994.yaml"


def test_details_that_are_no_json_stay_text() -> None:
    for text in ("OPEN Problem: slow", "{not json"):
        report = only(read(encoded(notification(ProblemDetails=text)), ANYWHERE))
        assert report.problem.details["ProblemDetails"] == text
        assert report.problem.started_at == ""


def test_a_problem_is_not_lost_for_being_long() -> None:
    told = notification(
        ProblemTitle="t" * 5000,
        ProblemURL="https://x.example/" + "u" * 5000,
        KeptnStage="s" * 5000,
        Tags="k" * 99999,
        ProblemDetails={"rankedEvents": [{"n": n, "text": "x" * 500} for n in range(5000)]},
    )
    problem = only(read(encoded(told), ANYWHERE)).problem
    assert problem.title.endswith("… (cut, 5000 characters)")
    assert problem.url == ""
    assert "more)" in problem.details["ProblemDetails"]["rankedEvents"][-1]


def test_properties_of_the_events_in_the_details_say_where_it_belongs_where_tags_do_not() -> None:
    properties = [
        {"key": "keptn_project", "value": "sockshop"},
        {"key": "keptn_stage", "value": "production"},
        {"key": "keptn_service", "value": "orders"},
        {"key": "dt.event.title", "value": "Slow"},
        {"key": "keptn_other", "value": "a,keptn_stage:qa"},
    ]
    details = {"evidenceDetails": {"details": [{"evidenceType": "EVENT", "data": {"properties": properties}}]}}
    alone = notification(Tags="a:b", ProblemDetails=details)
    report = only(read(encoded(alone), ANYWHERE))
    assert report.where == Where("sockshop", "production", "orders")
    assert report.problem.labels["a"] == "b"
    tagged = notification(Tags="keptn_service:carts", ProblemDetails=details)
    assert only(read(encoded(tagged), ANYWHERE)).where == Where("sockshop", "production", "carts")


@pytest.mark.parametrize("details", [1, [], {"evidenceDetails": []}, {"evidenceDetails": {"details": [{"data": 1}]}}])
def test_details_of_another_shape_say_nothing(details: Any) -> None:
    report = only(read(encoded(notification(Tags="keptn_stage:qa", ProblemDetails=details)), ANYWHERE))
    assert report.where.stage == "qa"


@pytest.mark.parametrize(
    "changes",
    [
        {"ProblemURL": ["https://a.example"]}, {"ProblemURL": {"a": 1}}, {"ProblemURL": True},
        {"rootCause": {"name": "disk"}}, {"rootCause": ["disk"]}, {"Title": {"a": 1}},
        {"labels": ["a"]}, {"labels": "a"}, {"labels": {"a": [1], "b": None}},
        {"PID": {"a": 1}, "ProblemID": "P-1"}, {"ProblemID": [1]}, {"KeptnProject": {"a": 1}}, {"project": [1]},
        {"KeptnService": True}, {"problem": "x"}, {"problem": []}, {"ProblemDetails": [1]}, {"ImpactedEntities": 5},
    ],
)  # fmt: skip
def test_a_secondary_field_of_another_type_loses_no_problem(changes: dict[str, Any]) -> None:
    report = only(read(encoded(notification(**changes)), ANYWHERE))
    assert report.problem.title == "Response time degradation"
    assert report.where == Where("sockshop", "production", "carts")
    data = merged(report, None, "p.yaml")
    assert data is not None
    assert load_problem(data, "p.yaml") == report.problem


def test_what_is_no_text_is_kept_as_text_where_it_can_be() -> None:
    told = only(
        read(encoded(notification(rootCause={"name": "disk"}, Tags={"keptn_stage": "a", "team": None})), ANYWHERE)
    )
    assert told.problem.root_cause == '{"name": "disk"}'
    assert (told.where.stage, told.problem.labels["team"]) == ("a", "")
