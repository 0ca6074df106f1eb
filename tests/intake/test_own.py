"""Our own report form: what may stand in it, and how a slip is explained."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.intake.merging import file_path
from reconciler.intake.own import read
from reconciler.intake.report import TooManyError, Where
from reconciler.model.errors import UserError
from reconciler.model.problem import Problem
from reconciler.model.schema import load_schema
from reconciler.model.webhooks import Belonging, Rule
from tests.intake.payloads import ANYWHERE, encoded, only

REPORT: dict[str, Any] = {
    "project": "shop",
    "stage": "production",
    "service": "carts",
    "id": "checkout-latency-20261121",
    "title": "Response time degradation",
    "state": "resolved",
    "rootCause": "Slow disk",
    "startedAt": "2026-11-21T10:00:00Z",
    "sentAt": "2026-11-21T10:00:00.25Z",
    "source": "checks",
    "url": "https://checks.example/1",
    "details": {"impact": {"users": 7}},
    "labels": {"team": "shop", "tier": 1, "none": None},
}


def test_a_report_says_everything_a_problem_file_says() -> None:
    report = only(read(encoded(REPORT), ANYWHERE))
    assert (report.sender, report.where) == ("problem", Where("shop", "production", "carts"))
    assert file_path(report) == "problems/checkout-latency-20261121.yaml"
    assert (report.sent, report.final) == (1795255200.25, False)
    assert report.problem == Problem(
        title="Response time degradation",
        state="resolved",
        root_cause="Slow disk",
        started_at="2026-11-21T10:00:00Z",
        source="checks",
        url="https://checks.example/1",
        details={"impact": {"users": 7}, "sentAt": "2026-11-21T10:00:00.250000Z"},
        labels={"team": "shop", "tier": "1"},
    )


@pytest.mark.parametrize("url", ["", None])
def test_a_sender_without_a_link_says_so_by_an_empty_one(url: str | None) -> None:
    assert only(read(encoded({**REPORT, "url": url}), ANYWHERE)).problem.url == ""


def test_id_and_title_are_enough_where_the_configuration_knows_the_rest() -> None:
    belonging = Belonging(project="shop", stage="production", service="carts")
    report = only(read(b'{"id": "x", "title": "slow"}', belonging))
    assert report.where == Where("shop", "production", "carts")
    assert report.problem == Problem("slow", "open", source="problem"), "a source that says where it came in"
    ruled = Belonging(rules=(Rule({"team": "shop"}, service="orders"),))
    assert only(read(encoded(REPORT), ruled)).where.service == "orders"


def test_several_reports_are_read_each_by_itself() -> None:
    payload = read(encoded({"problems": [REPORT, {"id": "x"}, 7, {**REPORT, "id": "a..b"}]}), ANYWHERE)
    assert len(payload.reports) == 1
    assert [refused.which for refused in payload.refused] == ["problems[1]", "problems[2]", "problems[3]"]
    assert "title" in payload.refused[0].reason
    assert all(refused.hint for refused in payload.refused)
    assert read(b'{"problems": []}', ANYWHERE).note


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"titel": "x"}, "titel"),
        ({"title": None}, "title"),
        ({"title": " "}, "title"),
        ({"state": "firing"}, "state"),
        ({"startedAt": "now"}, "startedAt"),
        ({"url": "ftp://x"}, "url"),
        ({"labels": ["a"]}, "labels"),
        ({"id": "../x"}, "id"),
        ({"id": ".git"}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"id": "-x"}, "id"),
        ({"id": "x.lock"}, "id"),
        ({"problems": []}, "problems"),
    ],
)
def test_a_slip_is_named_with_what_may_stand_there(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        read(encoded({**REPORT, **changes}), ANYWHERE)
    assert refused.value.expected
    assert refused.value.hint


def test_the_schemas_example_is_a_report() -> None:
    (example,) = load_schema("problem-report")["examples"]
    assert only(read(encoded(example), ANYWHERE)).problem.title == example["title"]


def test_who_sends_many_that_are_wrong_is_told_of_the_first_and_how_many_more() -> None:
    payload = read(encoded({"problems": [{"id": "x"}] * 250 + [REPORT]}), ANYWHERE)
    assert (len(payload.reports), len(payload.refused), payload.refused_more) == (1, 100, 150)


def test_more_reports_than_one_request_may_have() -> None:
    with pytest.raises(TooManyError, match="10,001") as refused:
        read(encoded({"problems": [{}] * 10_001}), ANYWHERE)
    assert "10,000" in refused.value.expected
    assert refused.value.hint


def test_wrong_keys_without_end_are_not_compared_with_all_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def nearest(word: str, *_: object, **__: object) -> str:
        compared.append(word)
        return ""

    monkeypatch.setattr("reconciler.model.schema_errors.nearest", nearest)
    many = {f"k{number}": 0 for number in range(500)}
    payload = read(encoded({"problems": [REPORT | many] * 150 + [REPORT | {"titel": "x"}] * 150}), ANYWHERE)
    assert len(payload.refused) + payload.refused_more == 300
    assert all("k0" in each.reason and each.hint for each in payload.refused)
    assert len(compared) <= 100
