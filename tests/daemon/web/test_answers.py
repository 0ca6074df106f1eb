"""What senders are told: by status what to do next, and in the document what became of each problem."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.daemon.inbox import Receipt
from reconciler.daemon.web.limits import Limits
from reconciler.intake import alertmanager
from reconciler.intake.report import Report
from reconciler.model.webhooks import Belonging, WebhookConfig, WebhooksConfig
from tests.daemon.web.kit import alert, group, site, taken

PATH = "/webhooks/alertmanager"


def test_what_is_durable_is_told_with_its_file_and_commit() -> None:
    with site() as here:
        answer = here.post(PATH, group(alert()))
        assert answer.status_code == 200
        (line,) = answer.json()["problems"]
        assert line["outcome"] == "accepted"
        assert line["commit"] == "c0ffee"
        assert line["path"] == f"ops/production/carts/problems/{line['problem']}.yaml"
        assert [report.where.project for report in here.seen] == ["shop"]
        assert here.counted.requests == {("alertmanager", 200): 1}
        assert here.counted.outcomes == {("alertmanager", "accepted"): 1}


def outcomes(here: Any, *alerts: dict[str, Any]) -> tuple[int, list[str]]:
    answer = here.post(PATH, group(*alerts))
    return answer.status_code, [line["outcome"] for line in answer.json()["problems"]]


def test_a_group_is_answered_by_what_its_sender_must_do_next() -> None:
    unknown, unnamed, broken = alert("nobody"), alert(labels={"service": ""}), alert(status="burning")
    with site() as here:
        assert outcomes(here, alert(), unknown, unnamed, broken) == (200, ["accepted", "unknown", "refused", "refused"])
        assert outcomes(here, unknown, unknown) == (404, ["unknown", "unknown"])
        assert outcomes(here, unknown, unnamed) == (422, ["unknown", "refused"])
        assert outcomes(here, broken) == (422, ["refused"])
        assert outcomes(here) == (200, [])
        assert here.counted.outcomes["alertmanager", "unknown"] == 4
        assert here.counted.outcomes["alertmanager", "refused"] == 4


def test_w7_one_that_is_not_durable_makes_the_whole_group_come_again() -> None:
    def answer(report: Report) -> Receipt:
        return Receipt("unavailable", reason="no Git") if report.where.service == "orders" else taken(report)

    with site(answer=answer) as here:
        answer_ = here.post(PATH, group(alert(), alert("orders"), alert("nobody")))
        assert answer_.status_code == 503
        assert answer_.headers["retry-after"] == "5"
        assert [line["outcome"] for line in answer_.json()["problems"]] == ["accepted", "unavailable", "unknown"]


def test_w5_an_unknown_project_is_told_which_are_known() -> None:
    with site() as here:
        answer = here.post(PATH, group(alert(labels={"project": "../x"})))
        assert answer.status_code == 404
        assert "there are: shop" in answer.json()["problems"][0]["hint"]
        assert here.seen == []


@pytest.mark.parametrize(("label", "named"), [("project", "team"), ("stage", "stage"), ("service", "service")])
def test_a_problem_that_does_not_say_where_it_belongs_is_told_which_label_to_add(label: str, named: str) -> None:
    config = WebhooksConfig(alertmanager=WebhookConfig(belonging=Belonging(project_label="team")))
    with site(config) as here:
        answer = here.post(PATH, group(alert(labels={"team": "shop", label: "", named: ""})))
        assert answer.status_code == 422
        assert f"`{named}`" in answer.json()["problems"][0]["hint"]
        assert here.seen == []


def test_a_body_that_says_nothing_that_can_be_read_is_told_what_was_expected() -> None:
    with site() as here:
        for body in (b"{", b"\xff", b'{"version": "3", "alerts": []}', b"[]", b"[" * 5000):
            answer = here.client.post(PATH, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 400
            assert answer.json()["expected"]
        assert here.counted.requests == {("alertmanager", 400): 5}


def test_what_is_not_served_is_told_what_is() -> None:
    with site(WebhooksConfig(cloudevents=WebhookConfig())) as here:
        for path in ("/", PATH, "/v1/event/", "/v1/event/../problem", "/healthz"):
            answer = here.post(path, {})
            assert answer.status_code == 404
            assert answer.json()["hint"] == "there are: /api/v1/event, /v1/event, /webhooks/cloudevents"
        assert here.counted.requests == {("other", 404): 5}


def test_another_method_is_told_which_to_use() -> None:
    with site() as here:
        for method in ("GET", "PUT", "DELETE", "OPTIONS"):
            answer = here.client.request(method, PATH)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_another_type_of_content_is_told_which_to_send() -> None:
    with site() as here:
        for kind in ("text/plain", "application/json; charset=utf-16", "application/xml", ""):
            answer = here.client.post(PATH, content=b"{}", headers={"Content-Type": kind})
            assert (answer.status_code, answer.headers["accept"]) == (415, "application/json")
        said = here.client.post(PATH, json=group(alert()), headers={"Content-Type": "application/json; charset=UTF-8"})
        assert said.status_code == 200


def test_all_senders_reach_the_inbox() -> None:
    problem = {"project": "shop", "stage": "production", "service": "carts"}
    event = {
        "specversion": "1.0", "id": "1", "source": "s", "type": "sh.keptn.events.problem",
        "data": {"State": "OPEN", "ProblemID": "p1", "PID": "p1", "ProblemTitle": "slow", **problem},
    }  # fmt: skip
    dynatrace = {
        "State": "OPEN", "ProblemID": "7", "PID": "77", "ProblemTitle": "slow",
        "Tags": "keptn_project:shop, keptn_stage:production, keptn_service:carts",
    }  # fmt: skip
    with site() as here:
        kind = {"Content-Type": "application/cloudevents+json"}
        codes = [
            here.post("/webhooks/cloudevents", event, headers=kind).status_code,
            here.post("/v1/event", event, headers=kind).status_code,
            here.post("/api/v1/event", event, headers=kind).status_code,
            here.post("/webhooks/dynatrace", dynatrace).status_code,
            here.post(
                "/webhooks/problem",
                {"project": "shop", "stage": "production", "service": "carts", "id": "x1", "title": "slow"},
            ).status_code,
        ]
        assert codes == [200] * 5
        assert {report.sender for report in here.seen} == {"cloudevents", "dynatrace", "problem"}


def test_a_forge_is_answered_at_once_and_believed_nothing() -> None:
    with site(answer=None) as here:
        answer = here.post("/webhooks/git", {"ref": "refs/heads/../x"})
        assert answer.status_code == 202
        assert here.hints == [None]


def test_an_answer_always_comes_in_time() -> None:
    with site(answer=None, limits=Limits(answer=0.2)) as here:
        answer = here.post(PATH, group(alert()))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        (line,) = answer.json()["problems"]
        assert line["outcome"] == "unavailable"
        assert here.inbox.take() == [], "nobody waits for it any more, and it comes again"


def test_what_is_being_pushed_when_the_time_is_over_is_left_to_land() -> None:
    begun, over = threading.Event(), threading.Event()

    def slow(report: Report) -> Receipt:
        begun.set()
        assert over.wait(10)
        return taken(report)

    with site(answer=slow, limits=Limits(answer=0.3)) as here:
        assert here.post(PATH, group(alert())).status_code == 503
        assert begun.is_set()
        over.set()
        assert here.post(PATH, group(alert("orders"))).status_code in {404, 503}


def test_a_full_inbox_is_never_429() -> None:
    with site(answer=None, capacity=1, limits=Limits(answer=0.2)) as here:
        here.inbox.submit(alertmanager.read(json.dumps(group(alert())).encode(), Belonging()).reports)
        second = here.post(PATH, group(alert()))
        assert second.status_code == 503
        assert "waiting already" in second.json()["problems"][0]["reason"]


def test_a_bug_keeps_the_problem_at_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs() as lines, site() as here:
        monkeypatch.setattr(here.inbox, "submit", None)  # what nobody thought of
        answer = here.post(PATH, group(alert()))
        assert answer.status_code == 500
        assert "NoneType" not in answer.text
        assert here.counted.requests == {("alertmanager", 500): 1}
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["a request ended with a bug"]


def test_w6_each_request_is_one_line_that_moves_no_cursor_and_tells_no_secret() -> None:
    with capture_logs() as lines, site() as here:
        here.post(
            PATH, group(alert("evil\n\x1b[31m\u202e", labels={"token": "hunter2"})), headers={"Authorization": "s3cret"}
        )
        here.post(PATH, group(alert()))
    told = [line for line in lines if line["event"] == "request"]
    assert [(line["sender"], line["code"], line["log_level"]) for line in told] == [
        ("alertmanager", 404, "warning"), ("alertmanager", 200, "info"),
    ]  # fmt: skip
    assert told[1]["accepted"] == 1
    assert "shop/production/evil??[31m?: unknown, no such service" in told[0]["problems"]
    assert not any(word in str(lines) for word in ("hunter2", "s3cret"))


def test_a_long_list_is_cut_and_counted_and_what_is_to_be_changed_comes_first() -> None:
    alerts = [alert("carts", fingerprint=f"{number:016x}") for number in range(1500)]
    with site(capacity=10_000) as here:
        answer = here.post(PATH, group(*alerts, alert("nobody"), *[{}] * 150))
        assert answer.status_code == 200
        said = answer.json()
        assert len(said["problems"]) == 1000
        assert said["problems"][0]["outcome"] == "unknown"
        assert said["outcomes"] == {"accepted": 1500, "unknown": 1, "refused": 150}
        assert said["notListed"] == 651
        assert len(answer.content) < 1_000_000


def test_an_answer_has_a_size_whatever_its_lines_hold() -> None:
    def wordy(_: Report) -> Receipt:
        return Receipt("unknown", reason="x" * 5000)

    with site(answer=wordy, capacity=10_000) as here:
        answer = here.post(PATH, group(*(alert(f"s{number}") for number in range(900))))
        assert answer.status_code == 404
        assert len(answer.content) < 600_000
        assert answer.json()["notListed"] > 700


def test_more_problems_than_one_request_may_have() -> None:
    with site() as here:
        answer = here.post("/webhooks/problem", {"problems": [{}] * 10_001})
        assert answer.status_code == 413
        assert "10,000" in answer.json()["expected"]
        assert answer.json()["hint"]


def test_a_start_in_the_future_is_remarked_on() -> None:
    with site() as here:
        document = {"project": "shop", "stage": "production", "service": "carts", "id": "x", "title": "slow"}
        answer = here.post("/webhooks/problem", document | {"startedAt": "2999-01-01T00:00:00Z"})
        assert answer.status_code == 200
        assert "x starts in the future" in answer.json()["note"]
        assert "note" not in here.post("/webhooks/problem", document | {"startedAt": "2020-01-01T00:00:00Z"}).json()
