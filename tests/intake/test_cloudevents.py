"""Keptn's problem events over HTTP, in every mode of the binding."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from reconciler.intake.cloudevents import read
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Payload, TooManyError, Where
from reconciler.model.errors import UserError
from tests.intake.payloads import ANYWHERE, encoded, event, notification, only

PATH = "problems/cloudevents--6478017825120311599_1641223491837V2.yaml"
STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
PLAIN = {"Content-Type": "application/json"}
TRIGGERED = "sh.keptn.event.production.remediation.triggered"


def told(value: Any, headers: dict[str, str] = STRUCTURED) -> Payload:
    return read(headers, encoded(value), ANYWHERE)


@pytest.mark.parametrize("headers", [STRUCTURED, PLAIN, {}], ids=["structured", "plain JSON", "no type"])
@pytest.mark.parametrize("version", ["1.0", "0.2", "0.3"])
@pytest.mark.parametrize("kind", ["sh.keptn.event.problem.open", "sh.keptn.events.problem"])
def test_a_structured_event_becomes_a_problem(headers: dict[str, str], version: str, kind: str) -> None:
    sent = event(notification(), specversion=version, type=kind, time="2026-11-21T10:00:00.5Z")
    report = only(told(sent, headers))
    assert (report.sender, file_path(report), report.final) == ("cloudevents", PATH, False)
    assert report.where == Where("sockshop", "production", "carts")
    assert report.sent == 1795255200.5
    assert report.problem.details["sentAt"] == "2026-11-21T10:00:00.500000Z"


def test_a_binary_event_has_its_attributes_in_headers() -> None:
    headers = {
        **PLAIN,
        "CE-Type": "sh.keptn.events.problem",
        "ce-specversion": "1.0",
        "ce-source": '"k\u0065ptn%20%C3%A4"',
        "ce-id": "1",
        "ce-time": "2026-11-21T10%3A00:00Z",
    }
    report = only(told(notification(), headers))
    assert file_path(report) == PATH
    assert (report.problem.source, report.sent) == ("keptn ä", 1795255200.0)


def test_a_batch_gives_what_it_can() -> None:
    events = [event(notification(PID="1_1V2")), event({}, type="sh.keptn.event.deployment.finished"), event({}), 7]
    payload = told([*events, event(notification(PID="2_2V2"))], BATCH)
    assert [report.id for report in payload.reports] == ["cloudevents-1_1V2", "cloudevents-2_2V2"]
    assert [refused.which for refused in payload.refused] == ["events[2]", "events[3]"]
    assert all(refused.reason and refused.hint for refused in payload.refused)
    assert "sh.keptn.event.deployment.finished" in payload.note


def test_an_empty_batch_is_fine() -> None:
    assert told([], BATCH) == Payload(note="the batch is empty")


@pytest.mark.parametrize("headers", [STRUCTURED, {"ce-type": "com.example.thing", "ce-specversion": "1.0"}])
def test_a_foreign_event_is_told_which_are_known(headers: dict[str, str]) -> None:
    payload = read(headers, encoded(event({}, type="com.example.thing")), ANYWHERE)
    assert (payload.reports, payload.refused) == ((), ())
    assert "`com.example.thing`" in payload.note
    assert "`sh.keptn.events.problem`" in payload.note


def test_the_body_of_a_foreign_binary_event_is_not_read() -> None:
    assert read({"ce-type": "com.example.thing", "ce-specversion": "1.0"}, b"\xff", ANYWHERE).note


def test_a_triggered_remediation_is_the_problem_in_it() -> None:
    data = {
        "project": "shop",
        "stage": "production",
        "service": "carts",
        "labels": {"a": "b", "n": 1, "t": True, "none": None},
    }
    data |= {"problem": {"problemTitle": "response_time_p90", "rootCause": "Response time degradation"}}
    report = only(told(event(data, type=TRIGGERED)))
    assert report.where == Where("shop", "production", "carts")
    assert (report.problem.title, report.problem.root_cause) == ("response_time_p90", "Response time degradation")
    assert report.problem.labels == {"a": "b", "n": "1", "t": "true"}
    assert report.id == "cloudevents-39393939-3920-4020-a020-202020202020"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"PID": "1V2", "State": "OPEN"}, {"PID": "1V2", "State": "RESOLVED"}, id="the source's id"),
        pytest.param({"ProblemID": "P-1"}, {"ProblemID": "P-1", "State": "MERGED"}, id="its short id"),
        pytest.param({"State": "OPEN"}, {"State": "RESOLVED"}, id="Keptn's context"),
    ],
)
def test_an_end_meets_its_beginning(one: dict[str, str], other: dict[str, str]) -> None:
    title = {"ProblemTitle": "slow"}
    first, last = (only(told(event(title | data, id=name))) for data, name in ((one, "1"), (other, "2")))
    assert first.id == last.id
    assert (first.problem.state, last.problem.state) == ("open", "resolved")


def test_without_any_of_these_an_event_is_itself_and_its_repeat_is_nothing_new() -> None:
    sent = event({"ProblemTitle": "slow"}, shkeptncontext=None)
    first, again = only(told(sent)), only(told(sent))
    others = [only(told({**sent, **changes})) for changes in ({"id": "2"}, {"source": "prometheus"})]
    assert first.id == again.id
    assert len({first.id, *(other.id for other in others)}) == 3
    assert merged(again, merged(first, None, "p.yaml"), "p.yaml") is None
    with pytest.raises(UserError, match="nothing that names the problem"):
        told({**sent, "id": ""})


def test_data_may_be_text_or_base64() -> None:
    coded = base64.b64encode(encoded(notification())).decode()
    plain = event(None, data_base64=coded)
    older = event(coded, specversion="0.3", datacontentencoding="base64")
    text = event(encoded(notification()).decode())
    assert {file_path(only(told(each))) for each in (plain, older, text)} == {PATH}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (event(notification(), specversion="2.0"), "specversion"),
        ({"specversion": "1.0"}, "type"),
        (event(None), "null"),
        (event([1]), "a list"),
        (event("{"), "no JSON"),
        (event(None, data_base64="%%%"), "base64"),
        (event({"State": "OPEN"}), "title"),
        ([], "a list"),
    ],
)
def test_what_is_no_event_is_refused(value: Any, says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        told(value)
    assert refused.value.expected or refused.value.hint


def test_dynatraces_test_is_no_problem_here_either() -> None:
    payload = told(event(notification(PID="99999", ProblemID="999")))
    assert payload.reports == ()
    assert "test notification" in payload.note


def test_a_batch_has_bounds_too() -> None:
    with pytest.raises(TooManyError):
        told([{}] * 10_001, BATCH)
    payload = told([{}] * 300, BATCH)
    assert (len(payload.refused), payload.refused_more) == (100, 200)


@pytest.mark.parametrize("binary", [False, True])
def test_the_trace_that_it_was_noticed_in_is_a_label_of_the_problem(binary: bool) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {**PLAIN, "ce-type": "sh.keptn.events.problem", "ce-specversion": "1.0", "ce-source": "x", "ce-id": "1"}
    sent = told(notification(), {**headers, "ce-traceparent": parent}) if binary else told(
        event(notification(), traceparent=parent)
    )  # fmt: skip
    assert only(sent).problem.labels["traceparent"] == parent


@pytest.mark.parametrize("parent", ["", "00-short-b7ad6b7169203331-01", "00-" + "0" * 200, 7])
def test_what_is_no_trace_is_not_kept(parent: object) -> None:
    assert "traceparent" not in only(told(event(notification(), traceparent=parent))).problem.labels
