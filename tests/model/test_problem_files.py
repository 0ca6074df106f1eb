"""Problem files: our own form, Keptn's events, and what is recognised as neither."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.model.errors import Place
from reconciler.model.invalid import InvalidFile
from reconciler.model.problem import Problem, load_problem


def refused(data: bytes) -> InvalidFile:
    with pytest.raises(InvalidFile) as caught:
        load_problem(data, "problems/x.yaml")
    return caught.value


def event(kind: str, data: dict[str, Any], **envelope: Any) -> bytes:
    return json.dumps({"specversion": "1.0", "type": kind, "source": "monitor", "data": data, **envelope}).encode()


def test_our_own_form() -> None:
    text = b"""\
title: Response time degradation
state: open
rootCause: cpu_usage
startedAt: 2026-11-21T10:00:00Z
source: dynatrace
url: https://monitoring.example.com/problem/1
details: {impact: SERVICE, entities: [carts], since: 12, id: 99999999999999999999}
labels: {severity: critical, pod: 1, empty: }
"""
    assert load_problem(text, "p.yaml") == Problem(
        title="Response time degradation",
        state="open",
        root_cause="cpu_usage",
        started_at="2026-11-21T10:00:00Z",
        source="dynatrace",
        url="https://monitoring.example.com/problem/1",
        details={"impact": "SERVICE", "entities": ["carts"], "since": 12, "id": "99999999999999999999"},
        labels={"severity": "critical", "pod": "1", "empty": ""},
    )


def test_a_title_is_enough_and_the_state_is_open() -> None:
    assert load_problem(b"title: x\n", "p.yaml") == Problem("x", "open")
    assert load_problem(b"title: x\nstate: resolved\nlabels:\ndetails: null\nurl:\n", "p.yaml") == Problem(
        "x", "resolved"
    )
    assert load_problem(b'{"title": "x"}', "p.json") == Problem("x", "open")


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("state: open\n", (1, 1), "`title` is missing", "write for example `title: Response time degradation`"),
        ("titel: x\n", (1, 1), "unknown key `titel`", "did you mean `title`?"),
        ("Title: x\n", (1, 1), "unknown key `Title`", "did you mean `title`?"),
        ("title: x\nfoo: 1\n", (2, 1), "unknown key `foo`", "delete it"),
        ("title: ' '\n", (1, 8), "`title` is the text ` `", "write for example"),
        ("title: ''\n", (1, 8), "`title` is empty", "write for example"),
        ("title: true\n", (1, 8), "`title` is `true`", 'put it in quotes: `"true"`'),
        ("title: x\nstate: OPEN\n", (2, 8), "`state` is `OPEN`", "did you mean `open`?"),
        ("title: x\nstate: closed\n", (2, 8), "`state` is `closed`", "did you mean `resolved`?"),
        ("title: x\nstartedAt: now\n", (2, 12), "`startedAt` is `now`", "2026-11-21T10:00:00Z"),
        ("title: x\nurl: javascript:alert(1)\n", (2, 6), "`url` is `javascript:alert(1)`", "https://"),
        ("title: x\nlabels: {a: [1]}\n", (2, 13), "`a` is a list", ""),
        ("title: x\nlabels: [a]\n", (2, 9), "`labels` is a list", ""),
        ("title: x\ndetails: text\n", (2, 10), "`details` is `text`", ""),
        (f"title: {'x' * 513}\n", (1, 8), "`title` is longer than 512", "write for example"),
        (f"title: x\nlabels: {{{'k' * 257}: v}}\n", (2, 10), None, "write for example"),
        ("just text\n", (1, 1), "the file is `just text`", ""),
        ("", (1, 1), "the file is empty", "write it"),
    ],
)
def test_refusals(text: str, place: tuple[int, int], message: str | None, hint: str) -> None:
    error = refused(text.encode())
    assert error.place == Place("problems/x.yaml", *place)
    assert message is None or error.message == message
    assert hint in error.hint
    assert error.expected


def test_the_sizes_of_problems_are_bounded_wider_than_configuration() -> None:
    details = ", ".join(f"k{number}: {'x' * 100}" for number in range(1000))
    assert load_problem(f"title: x\ndetails: {{{details}}}\n".encode(), "p.yaml").details["k999"] == "x" * 100
    assert "bytes" in refused(b"title: " + b"x" * (256 * 1024)).message


PROBLEM = {
    "State": "OPEN",
    "ProblemTitle": "Response time degradation",
    "ProblemURL": "https://monitoring.example.com/1",
    "ProblemDetails": {"rootCause": "cpu_usage", "endTime": -1},
    "PID": "-4711_1V2",
    "KeptnProject": "shop",
    "KeptnStage": "production",
    "KeptnService": "carts",
    "Tags": "a:b",
}


@pytest.mark.parametrize("kind", ["sh.keptn.event.problem.open", "sh.keptn.events.problem"])
@pytest.mark.parametrize("version", ["1.0", "0.2"])
def test_problem_events(kind: str, version: str) -> None:
    data = event(kind, PROBLEM, specversion=version, time="2022-01-04T21:58:45.263Z", shkeptncontext="x")
    assert load_problem(data, "p.json") == Problem(
        title="Response time degradation",
        state="open",
        root_cause="cpu_usage",
        started_at="2022-01-04T21:58:45.263Z",
        source="monitor",
        url="https://monitoring.example.com/1",
        details={"ProblemDetails": {"rootCause": "cpu_usage", "endTime": -1}, "PID": "-4711_1V2", "Tags": "a:b"},
        project="shop",
        stage="production",
        service="carts",
    )


@pytest.mark.parametrize(
    "kind", ["sh.keptn.event.production.remediation.triggered", "sh.keptn.event.remediation.triggered"]
)
def test_remediation_triggered(kind: str) -> None:
    problem = {"problemTitle": "failure_rate_increase", "rootCause": "Failure rate increase", "KeptnService": "other"}
    data = {"project": "shop", "stage": "production", "service": "carts", "problem": problem, "labels": {"a": 1}}
    found = load_problem(event(kind, data), "p.json")
    assert (found.title, found.root_cause, found.state) == ("failure_rate_increase", "Failure rate increase", "open")
    assert (found.project, found.stage, found.service) == ("shop", "production", "carts")
    assert found.labels == {"a": "1"}


def test_an_event_may_be_yaml_with_keys_in_any_capitals() -> None:
    text = b"""\
SpecVersion: 1.0
TYPE: sh.keptn.events.problem
data:
  STATE: Resolved
  title: Response time degradation
  rootcause: cpu_usage
  Labels:
  keptnproject: shop
"""
    found = load_problem(text, "p.yaml")
    assert found == Problem("Response time degradation", "resolved", root_cause="cpu_usage", project="shop")


@pytest.mark.parametrize(
    ("state", "expected"),
    [("OPEN", "open"), ("RESOLVED", "resolved"), ("MERGED", "resolved"), ("closed", "resolved"), ("", "open")],
)
def test_the_states_of_events(state: str, expected: str) -> None:
    data = event("sh.keptn.events.problem", {"ProblemTitle": "x", "State": state})
    assert load_problem(data, "p.json").state == expected
    assert load_problem(event("sh.keptn.events.problem", {"ProblemTitle": "x"}), "p.json").state == "open"


@pytest.mark.parametrize(
    "tags", ["x, keptn_service:basket,keptn_stage: staging", ["keptn_service:basket", "keptn_stage:staging", "y"]]
)
def test_tags_win_over_fields(tags: object) -> None:
    found = load_problem(event("sh.keptn.events.problem", {**PROBLEM, "Tags": tags, "project": "plain"}), "p.json")
    assert (found.project, found.stage, found.service) == ("shop", "staging", "basket")


def test_of_two_spellings_the_right_one_counts() -> None:
    data = event("sh.keptn.events.problem", {"state": "RESOLVED", "State": "OPEN", "ProblemTitle": "x"})
    assert load_problem(data, "p.json").state == "open"


def test_a_link_that_is_none_is_left_out() -> None:
    data = event("sh.keptn.events.problem", {"ProblemTitle": "x", "ProblemURL": "javascript:alert(1)"})
    assert load_problem(data, "p.json").url == ""


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (event("sh.keptn.event.deployment.triggered", {"ProblemTitle": "x"}), "`type` is", "sh.keptn.events.problem"),
        (event("sh.keptn.events.problem", {"ProblemTitle": "x"}, specversion="0.3"), "`specversion` is", "1.0"),
        (event("sh.keptn.events.problem", {"ProblemTitle": "x", "State": "BAD"}), "`State` is", "OPEN"),
        (event("sh.keptn.events.problem", {"ProblemTitle": " "}), "the event has no problem title", "ProblemTitle"),
        (event("sh.keptn.events.problem", {"ProblemTitle": "x" * 513}), "`ProblemTitle` is longer than 512", ""),
        (event("sh.keptn.events.problem", {"ProblemTitle": "x", "labels": {"a": {}}}), "`a` is a mapping", ""),
        (event("sh.keptn.events.problem", "text"), "`data` is the text `text`", ""),  # type: ignore[arg-type]  # wrong
        (b'{"specversion": "1.0", "data": {}}', "`type` is missing", "write for example"),
        (b'{"type": "sh.keptn.events.problem", "data": {}}', "`specversion` is missing", ""),
    ],
)
def test_refused_events(data: bytes, message: str, hint: str) -> None:
    error = refused(data)
    assert error.message.startswith(message)
    assert hint in error.hint
    assert error.expected


@pytest.mark.parametrize(
    ("data", "sender"),
    [
        (b'{"receiver": "x", "status": "firing", "alerts": [], "version": "4"}', "Alertmanager"),
        (b'{"version": "4", "groupKey": "{}", "alerts": []}', "Alertmanager"),
        (b'{"State": "OPEN", "ProblemID": "999", "PID": "99999", "ProblemTitle": "x"}', "Dynatrace"),
    ],
)
def test_payloads_of_webhooks_are_recognised_and_refused(data: bytes, sender: str) -> None:
    error = refused(data)
    assert sender in error.message
    assert f"point {sender} at the webhook receiver" in error.hint
