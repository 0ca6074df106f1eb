"""Alerts that Alertmanager left out of a group: asked for where its API is configured, and always visible."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from reconciler.model.webhooks import Authentication, WebhookConfig, WebhooksConfig
from tests.daemon.web.kit import alert, group, site

PATH = "/webhooks/alertmanager"


@dataclass
class Alertmanager:
    """What stands for Alertmanager's API; its answers have the shape of captured ones."""

    url: str = ""
    status: int = 200
    answer: Any = field(default_factory=list)
    asked: list[tuple[str, dict[str, list[str]], str]] = field(default_factory=list)


@contextmanager
def alertmanager() -> Iterator[Alertmanager]:
    told = Alertmanager()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            told.asked.append((parts.path, parse_qs(parts.query), self.headers.get("Authorization", "")))
            body = json.dumps(told.answer).encode()
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
        ((path, query, authorization),) = api.asked
        assert path == "/api/v2/alerts"
        assert query["receiver"] == [r"team\.a"]
        assert query["filter"] == ['job="a\\"b\\\\c"']
        assert query["active"] == ["true"]
        assert authorization == "Bearer s3cret"
        assert here.counted.outcomes == {("alertmanager", "accepted"): 2, ("alertmanager", "truncated"): 1}


@pytest.mark.parametrize(("status", "answer"), [(500, []), (200, {"code": 1}), (401, []), (302, [])])
def test_where_alertmanager_cannot_be_asked_the_group_comes_again(status: int, answer: Any) -> None:
    with alertmanager() as api, site(asking(api.url)) as here:
        api.status, api.answer = status, answer
        assert here.post(PATH, group(alert(), truncated=3)).status_code == 503
        assert here.seen == []


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
