"""What the log says of requests that went wrong: enough to mend it, and not a thousand times over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from reconciler.daemon.inbox import Receipt
from reconciler.daemon.web.complaints import Complaints
from reconciler.intake.report import Report
from reconciler.model.webhooks import Authentication, WebhookConfig, WebhooksConfig
from tests.daemon.web.kit import alert, group, site, taken

PATH = "/webhooks/alertmanager"


def requests(lines: Any) -> list[Any]:
    return [line for line in lines if line["event"] == "request"]


def test_what_was_not_taken_is_named_with_its_reason() -> None:
    with capture_logs() as lines, site() as here:
        here.post(
            PATH, group(alert(), alert("nobody"), alert(labels={"service": ""}), *[alert(f"s{n}") for n in range(9)])
        )
        here.post(PATH, group(alert(labels={"project": "x"})))
    partly, unknown = requests(lines)
    assert partly["problems"].startswith(
        "shop/production/nobody: unknown, no such service; shop/production/?: refused, "
    )
    assert partly["problems"].endswith("; and 8 more")
    assert (partly["code"], partly["log_level"], partly["accepted"]) == (200, "warning", 1)
    assert unknown["problems"] == "x/production/carts: unknown, no project `x` in this daemon"


def test_what_could_not_be_pushed_is_told_with_what_stands_in_the_way() -> None:
    with capture_logs() as lines, site(answer=lambda _: Receipt("unavailable", reason="no Git today")) as here:
        assert here.post(PATH, group(alert())).status_code == 503
    (line,) = requests(lines)
    assert line["problems"] == "shop/production/carts: unavailable, no Git today"


def test_the_same_complaint_again_is_counted() -> None:
    now = [0.0]
    with capture_logs() as lines:
        complaints = Complaints(structlog.get_logger(), lambda: now[0])
        for at, about in enumerate(["a", "a", "b", "a"]):
            now[0] = float(at)
            complaints.tell({"code": 404, "nth": at}, about)
        assert [line["nth"] for line in lines] == [0, 2]
        now[0] = 60.5
        complaints.tell({"code": 404, "nth": 4}, "a")
        assert [(line["nth"], line.get("repeated")) for line in lines] == [(0, None), (2, None), (3, 2), (4, None)]
        complaints.tell({"code": 404, "nth": 5}, "a")
        complaints.close()
        assert [(line["nth"], line.get("repeated")) for line in lines[4:]] == [(5, 1)]


def test_complaints_are_remembered_within_bounds_and_none_is_lost() -> None:
    with capture_logs() as lines:
        complaints = Complaints(structlog.get_logger(), lambda: 0.0)
        for number in range(10_000):
            complaints.tell({"code": 401}, str(number))
        assert len(complaints._told) < 300
    assert len(lines) == 10_000


def test_what_was_taken_is_told_each_time_and_the_same_refusal_once() -> None:
    def answer(report: Report) -> Receipt:
        return taken(report)

    with capture_logs() as lines:
        with site(answer=answer) as here:
            for _ in range(3):
                here.post(PATH, group(alert()))
                here.post(PATH, group(alert("nobody")))
        told = [(line["code"], line.get("repeated")) for line in requests(lines)]
    assert sorted(told, key=str) == [(200, None)] * 3 + [(404, 2), (404, None)]


@pytest.mark.parametrize("spoilt", ["gone", "empty"])
def test_a_secret_that_is_not_there_is_told_at_the_start_and_with_each_request(tmp_path: Path, spoilt: str) -> None:
    file = tmp_path / "am.token"
    if spoilt == "empty":
        file.write_text(" \n")
    config = WebhooksConfig(alertmanager=WebhookConfig(Authentication("bearer", secret_file=file)))
    with capture_logs() as lines, site(config) as here:
        (warned,) = [line for line in lines if line["event"] == "a secret cannot be read"]
        assert (warned["webhook"], warned["log_level"]) == ("webhooks.alertmanager", "warning")
        assert str(file) in warned["reason"]
        answer = here.post(PATH, group(alert()))
        assert answer.status_code == 503
        assert str(file) not in answer.text
    (line,) = requests(lines)
    assert str(file) in line["reason"]


def test_variables_and_our_own_secret_for_its_api_are_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    unset = Authentication("hmac", secret_env="NOT_SET")
    config = WebhooksConfig(alertmanager=WebhookConfig(api="http://127.0.0.1:9", api_auth=unset), git=unset)
    with capture_logs() as lines, site(config):
        warned = {line["webhook"]: line["reason"] for line in lines if line["event"] == "a secret cannot be read"}
    assert set(warned) == {"webhooks.git", "webhooks.alertmanager.apiAuth"}
    assert all("NOT_SET" in reason for reason in warned.values())


def test_an_address_without_any_webhook_is_remarked_on() -> None:
    with capture_logs() as lines, site(WebhooksConfig()):
        assert [line["hint"] for line in lines if "nothing is served" in line["event"]]
