"""Alerts that Alertmanager left out of a group: asked for where its API is configured, and always visible."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from reconciler.daemon.inbox import OpenProblem
from reconciler.intake.report import Where
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem
from reconciler.model.webhooks import Authentication, WebhookConfig, WebhooksConfig
from tests.daemon.web.kit import ORIGIN, alert, group, site

PATH = "/webhooks/alertmanager"


@dataclass
class Alertmanager:
    """What stands for Alertmanager's API; its answers have the shape of captured ones."""

    url: str = ""
    status: int = 200
    answer: Any = field(default_factory=list)
    uptime: str = "2026-01-01T00:00:00.000Z"
    asked: list[tuple[str, dict[str, list[str]], str]] = field(default_factory=list)


@contextmanager
def alertmanager() -> Iterator[Alertmanager]:
    told = Alertmanager()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            told.asked.append((parts.path, parse_qs(parts.query), self.headers.get("Authorization", "")))
            about = {"uptime": told.uptime} if parts.path.endswith("/status") else told.answer
            body = json.dumps(about).encode()
            self.send_response(told.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named so by the library
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join(10)


def listed(one: dict[str, Any], state: str = "active") -> dict[str, Any]:
    return {
        **one,
        "status": {"state": state, "silencedBy": [], "inhibitedBy": []},
        "receivers": [{"name": "reconciler"}],
    }


def asking(url: str, auth: Authentication | None = None) -> WebhooksConfig:
    return WebhooksConfig(alertmanager=WebhookConfig(api=url, api_auth=auth or Authentication()))


def test_w4_what_was_left_out_is_fetched_and_taken_with_the_rest(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    told, left_out = alert(fingerprint="aaa"), alert(fingerprint="bbb")
    with alertmanager() as api, site(asking(api.url, Authentication("bearer", secret_file=tmp_path / "token"))) as here:
        api.answer = [listed(told), listed(left_out), listed(alert(fingerprint="ccc"), "suppressed")]
        payload = group(told, truncated=1, receiver="team.a", groupLabels={"job": 'a"b\\c', "not a name": "x"})
        answer = here.post(PATH, payload)
        assert answer.status_code == 200
        assert answer.json()["truncated"] == 1
        assert [line["outcome"] for line in answer.json()["problems"]] == ["accepted", "accepted"]
        assert ["aaa" in here.seen[0].id, "bbb" in here.seen[1].id] == [True, True]
        ((path, query, authorization), (status, *_)) = api.asked
        assert path == "/api/v2/alerts"
        assert query["receiver"] == [r"team\.a"]
        assert query["filter"] == ['job="a\\"b\\\\c"']
        assert status == "/api/v2/status"
        assert authorization == "Bearer s3cret"
        assert here.counted.outcomes == {("alertmanager", "accepted"): 2, ("alertmanager", "truncated"): 1}


@pytest.mark.parametrize(("status", "answer"), [(500, []), (200, {"code": 1}), (401, []), (302, [])])
def test_where_alertmanager_cannot_be_asked_the_group_comes_again(status: int, answer: Any) -> None:
    with alertmanager() as api, site(asking(api.url)) as here:
        api.status, api.answer = status, answer
        assert here.post(PATH, group(alert(), truncated=3)).status_code == 503
        assert here.seen == []


def open_here(
    fingerprint: str, began: str = "2026-11-21T10:00:00Z", details: dict[str, str] | None = None, **labels: str
) -> OpenProblem:
    """Return what became of an alert of the group when it fired."""
    told = Problem(
        "slow", "open", started_at=began, source="alertmanager",
        details={"receiver": "reconciler", "externalURL": ORIGIN} if details is None else details,
        labels={"project": "shop", "stage": "production", "service": "carts"} | labels,
    )  # fmt: skip
    identity = ProblemId(f"alertmanager-{fingerprint}-20261121T100000.000Z")
    return OpenProblem(Where(stage="production", service="carts"), identity, told)


def test_what_is_open_here_and_not_known_there_is_over(tmp_path: Path) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = (
        open_here("aaa"), open_here("gone"), open_here("silenced"), open_here("just-now", began=now),
        open_here("of-another-group", project="other"), open_here("of-no-time", began="yesterday"),
        open_here("of-another-receiver", details={"receiver": "another", "externalURL": ORIGIN}),
        open_here("of-another-cluster", details={"receiver": "reconciler", "externalURL": "http://another.example"}),
        open_here("of-nobody", details={}),
    )  # fmt: skip
    with alertmanager() as api, site(asking(api.url), known=known) as here:
        api.answer = [listed(alert(fingerprint="aaa")), listed(alert(fingerprint="silenced"), "suppressed")]
        answer = here.post(PATH, group(alert(fingerprint="aaa"), truncated=1))
        assert answer.status_code == 200
        assert {(each.id.split("-2026")[0], each.problem.state) for each in here.seen} == {
            ("alertmanager-aaa", "open"), ("alertmanager-gone", "resolved"),
        }  # fmt: skip
        assert [each.where for each in here.seen] == [Where("shop", "production", "carts")] * 2


@pytest.mark.parametrize("said", ["uptime", "alert"])
def test_who_does_not_know_enough_says_nothing_of_what_is_over(said: str) -> None:
    with alertmanager() as api, site(asking(api.url), known=(open_here("gone"),)) as here:
        api.answer = [listed(alert(fingerprint="aaa")), listed(alert(fingerprint="bbb"))]
        if said == "uptime":
            api.uptime = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        else:
            api.answer.append({"labels": {}})
        assert here.post(PATH, group(alert(fingerprint="aaa"), truncated=1)).status_code == 200
        assert {each.problem.state for each in here.seen} == {"open"}


def test_an_alertmanager_that_does_not_say_since_when_it_runs_is_asked_again() -> None:
    with alertmanager() as api, site(asking(api.url)) as here:
        api.uptime, api.answer = "long", [listed(alert())]
        assert here.post(PATH, group(alert(), truncated=1)).status_code == 503


def test_w4_without_the_api_it_is_told_counted_and_logged() -> None:
    with capture_logs() as lines, site() as here:
        answer = here.post(PATH, group(alert(), truncated=3))
        assert (answer.status_code, answer.json()["truncated"]) == (200, 3)
        assert here.counted.outcomes["alertmanager", "truncated"] == 3
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["truncated"], line["log_level"]) == (3, "warning")


def test_a_group_that_is_whole_asks_nobody() -> None:
    with alertmanager() as api, site(asking(api.url)) as here:
        assert here.post(PATH, group(alert())).status_code == 200
        assert api.asked == []


def test_what_the_api_told_of_is_over_only_for_the_receiver_and_the_alertmanager_it_was_asked_for() -> None:
    with alertmanager() as api, site(asking(api.url)) as here:
        api.answer = [listed(alert(fingerprint="aaa")), listed(alert(fingerprint="bbb"))]
        assert here.post(PATH, group(alert(fingerprint="aaa"), truncated=1)).status_code == 200
        asked_for = here.seen[1]
        assert {name: asked_for.problem.details[name] for name in ("receiver", "externalURL")} == {
            "receiver": "reconciler", "externalURL": ORIGIN,
        }  # fmt: skip
    known = (OpenProblem(asked_for.where, asked_for.id, asked_for.problem),)
    for changes, over in (({}, True), ({"receiver": "another"}, False), ({"externalURL": "http://b"}, False)):
        with alertmanager() as api, site(asking(api.url), known=known) as here:
            api.answer = [listed(alert(fingerprint="aaa"))]
            assert here.post(PATH, group(alert(fingerprint="aaa"), truncated=1, **changes)).status_code == 200
            assert [each.problem.state for each in here.seen] == (["open", "resolved"] if over else ["open"])


def test_an_alertmanager_that_does_not_know_what_fires_is_another_one() -> None:
    with alertmanager() as api, site(asking(api.url), known=(open_here("gone"),)) as here:
        api.answer = [listed(alert(fingerprint="bbb"))]
        for told in (group(alert(fingerprint="aaa"), truncated=1), group(truncated=1)):
            assert here.post(PATH, told).status_code == 200
        assert {each.problem.state for each in here.seen} == {"open"}
        assert "externalURL" not in next(each for each in here.seen if "bbb" in each.id).problem.details
