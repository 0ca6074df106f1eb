"""Alertmanager's payload: each alert by itself, named by fingerprint and start, whatever its labels hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.intake.alertmanager import is_of, read, read_api
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Group, TooManyError, Where
from reconciler.model.errors import UserError
from reconciler.model.problem import load_problem
from reconciler.model.reader import PROBLEM_LIMIT
from tests.intake.payloads import ANYWHERE, FINGERPRINT, STARTED, alert, encoded, group, only


def test_an_alert_becomes_a_problem_of_its_labels_service() -> None:
    report = only(read(group(alert()), ANYWHERE))
    assert (report.sender, report.where) == ("alertmanager", Where("sockshop", "production", "carts"))
    assert file_path(report) == f"problems/2026-11-21/alertmanager-{FINGERPRINT}-20261121T100000.123Z.yaml"
    assert report.final
    problem = report.problem
    assert (problem.title, problem.state, problem.source) == ("Response time degradation", "open", "alertmanager")
    assert (problem.started_at, problem.url) == (STARTED, alert()["generatorURL"])
    assert problem.labels == alert()["labels"]
    assert problem.details == {
        "annotations": {"summary": "carts p90 is 1.785s (objective 200 ms)"},
        "fingerprint": FINGERPRINT,
        "receiver": "reconciler",
        "groupKey": '{}:{project="sockshop", stage="production"}',
        "externalURL": "http://alertmanager.example:9093",
    }


def test_each_alert_of_a_group_has_its_own_state() -> None:
    over = alert(status="resolved", endsAt="2026-11-21T10:05:00Z", fingerprint="c647d101be34fa7e")
    payload = read(group(alert(), over, status="firing"), ANYWHERE)
    assert [report.problem.state for report in payload.reports] == ["open", "resolved"]
    assert payload.reports[1].problem.details["endsAt"] == "2026-11-21T10:05:00Z"


def test_firing_and_resolved_meet_at_one_path_and_a_new_firing_has_its_own() -> None:
    firing, over, again = (
        file_path(only(read(group(each), ANYWHERE)))
        for each in (alert(), alert(status="resolved"), alert(startsAt="2026-11-21T10:00:00.124Z"))
    )
    assert firing == over != again


@pytest.mark.parametrize(
    ("started", "path"),
    [
        ("2026-11-22T00:30:00.9+01:00", f"2026-11-21/alertmanager-{FINGERPRINT}-20261121T233000.900Z"),
        ("2026-11-21T23:30:00.123456789-01:00", f"2026-11-22/alertmanager-{FINGERPRINT}-20261122T003000.123Z"),
        ("2026-11-21T10:00:00Z", f"2026-11-21/alertmanager-{FINGERPRINT}-20261121T100000.000Z"),
    ],
)
def test_the_start_names_day_and_moment_in_utc(started: str, path: str) -> None:
    report = only(read(group(alert(startsAt=started)), ANYWHERE))
    assert file_path(report) == f"problems/{path}.yaml"
    assert report.problem.started_at == started


@pytest.mark.parametrize(
    ("changes", "title", "cause"),
    [
        ({"labels": {"alertname": "slow", "problem": "Slow"}}, "Slow", ""),
        ({"labels": {"alertname": "slow"}, "annotations": {"problem": "Slow"}}, "Slow", ""),
        ({"labels": {"alertname": "slow"}, "annotations": {"title": "p90 is 1.7 s"}}, "slow", ""),
        ({"labels": {"alertname": "slow", "rootCause": "Disk"}, "annotations": {"rootCause": "x"}}, "slow", "Disk"),
        ({"labels": {"alertname": "slow", "problem": " "}, "annotations": {"root_cause": "Disk"}}, "slow", "Disk"),
    ],
)
def test_the_title_is_the_label_problem_else_the_alerts_name(changes: dict[str, Any], title: str, cause: str) -> None:
    problem = only(read(group(alert(**changes)), ANYWHERE)).problem
    assert (problem.title, problem.root_cause) == (title, cause)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (alert(startsAt="yesterday"), "startsAt"),
        (alert(startsAt="0001-01-01T00:00:00Z"), "startsAt"),
        (alert(startsAt="9999-12-31T23:59:59-10:00"), "startsAt"),
        (alert(status="suppressed"), "status"),
        (alert(labels={}), "name"),
        (alert(labels=["a"]), "labels"),
        ("not an alert", "a text"),
    ],
)
def test_a_broken_alert_does_not_stop_the_others(broken: Any, says: str) -> None:
    payload = read(group(alert(), broken, alert(fingerprint="ffff")), ANYWHERE)
    assert len(payload.reports) == 2
    (refused,) = payload.refused
    assert refused.which == "alerts[1]"
    assert says in refused.reason
    assert "expected" in refused.reason
    assert refused.hint


def test_an_alert_without_a_fingerprint_is_known_by_its_labels() -> None:
    ordered = alert(fingerprint="", labels={"alertname": "slow", "a": "1"})
    other = alert(fingerprint=None, labels={"a": "1", "alertname": "slow"})
    names = [only(read(group(each), ANYWHERE)).id for each in (ordered, other, alert(fingerprint=""))]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize("version", [None, "3", 5, "4 "])
def test_other_versions_are_refused(version: Any) -> None:
    with pytest.raises(UserError, match="version") as refused:
        read(group(alert(), version=version), ANYWHERE)
    assert "webhook_configs" in refused.value.hint


@pytest.mark.parametrize("body", [b"", b"[]", b'{"version": "4"}', group(alerts={}), b"\xff", b"NaN"])
def test_what_is_no_payload_is_refused(body: bytes) -> None:
    with pytest.raises(UserError) as refused:
        read(body, ANYWHERE)
    assert refused.value.expected


OURS = Group(
    "reconciler", {"project": "sockshop", "stage": "production"}, 3, "http://alertmanager.example:9093"
)  # fmt: skip


def test_a_truncated_group_names_what_to_ask_for() -> None:
    assert read(group(alert(), truncatedAlerts=3), ANYWHERE).group == OURS
    assert read(group(alert()), ANYWHERE).group is None


def test_hostile_text_stays_data() -> None:
    hostile = "a\nSigned-off-by: x\x1b[31m\u202eb\x00\r\n- c: d"
    labels = {"alertname": hostile, hostile: hostile, "service": "../x"}
    report = only(read(group(alert(labels=labels, annotations={hostile: hostile})), ANYWHERE))
    data = merged(report, None, "p.yaml")
    assert data is not None
    assert data.isascii()
    assert not set(data) & ({*range(32)} - {10})
    problem = load_problem(data, "p.yaml")
    assert problem == report.problem
    assert problem.labels == labels
    assert problem.details["annotations"] == {hostile: hostile}


def test_a_megabyte_is_cut_where_one_sees_it() -> None:
    large = alert(
        labels={"alertname": "x" * 9999, **{f"l{n}": "y" * 9999 for n in range(99)}},
        annotations={"summary": "z" * (1 << 20), "small": "kept"},
        generatorURL="http://prometheus.example/" + "q" * 9999,
        fingerprint="f" * 9999,
    )
    report = only(read(group(large), ANYWHERE))
    data = merged(report, None, file_path(report))
    assert data is not None
    assert len(data) < PROBLEM_LIMIT
    problem = load_problem(data, "p.yaml")
    assert problem == report.problem
    assert problem.title.endswith("… (cut, 9999 characters)")
    assert problem.url == ""
    assert len(problem.labels) == 64
    assert problem.details["labelsLeftOut"] == 36
    assert problem.details["annotations"]["small"] == "kept"
    assert problem.details["annotations"]["summary"].endswith("… (cut, 1048576 characters)")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://a b", "http://", "https://x/\u202e", 7])
def test_a_link_is_an_address_or_nothing(url: Any) -> None:
    assert only(read(group(alert(generatorURL=url)), ANYWHERE)).problem.url == ""


def test_the_api_tells_of_active_alerts_in_the_same_words() -> None:
    known = {key: value for key, value in alert().items() if key != "status"}
    listed = [
        {**known, "status": {"state": state, "silencedBy": [], "inhibitedBy": []}}
        for state in ("active", "suppressed", "unprocessed")
    ]
    report = only(read_api(encoded(listed), ANYWHERE))
    assert report.id == only(read(group(alert()), ANYWHERE)).id
    assert report.problem.state == "open"
    with pytest.raises(UserError, match="API"):
        read_api(json.dumps({"code": 500}).encode(), ANYWHERE)


def test_an_alert_of_the_api_records_who_was_told_of_it_and_by_whom() -> None:
    active = {**alert(), "status": {"state": "active"}}
    problem = only(read_api(encoded([active]), ANYWHERE, OURS)).problem
    assert (problem.details["receiver"], problem.details["externalURL"]) == (OURS.receiver, OURS.origin)
    assert is_of(problem, OURS)
    assert not is_of(only(read_api(encoded([active]), ANYWHERE)).problem, OURS), "nobody knows whose it is"


@pytest.mark.parametrize(
    "changes",
    [
        {"receiver": "another"}, {"receiver": ""}, {"externalURL": "http://another.example:9093"}, {"externalURL": ""},
    ],
)  # fmt: skip
def test_an_alert_is_of_a_group_only_where_receiver_and_alertmanager_are_the_same(changes: dict[str, str]) -> None:
    assert is_of(only(read(group(alert()), ANYWHERE)).problem, OURS)
    other = read(group(alert(), truncatedAlerts=3, **changes), ANYWHERE)
    assert not is_of(only(other).problem, OURS)
    assert other.group is not None
    assert not is_of(only(read(group(alert()), ANYWHERE)).problem, other.group)
    assert is_of(only(other).problem, other.group) == all(changes.values())


def test_a_group_without_bounds_is_refused_and_one_of_wrong_alerts_is_told_briefly() -> None:
    with pytest.raises(TooManyError, match="10,001") as refused:
        read(encoded({"version": "4", "alerts": [{}] * 10_001}), ANYWHERE)
    assert "group_by" in refused.value.hint
    payload = read(group(*[{}] * 300, alert()), ANYWHERE)
    assert (len(payload.reports), len(payload.refused), payload.refused_more) == (1, 100, 200)
