"""Signed bodies that are sent again by whoever overheard them (row W3 of the faults)."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.model.webhooks import Authentication, WebhookConfig, WebhooksConfig
from tests.daemon.web.kit import Site, site

REPORT = {"project": "shop", "stage": "production", "service": "carts", "id": "x", "title": "slow"}
EVENT = {
    "specversion": "1.0", "id": "1", "source": "s", "type": "sh.keptn.events.problem",
    "data": {
        "State": "OPEN", "PID": "p1", "ProblemTitle": "slow",
        "project": "shop", "stage": "production", "service": "carts",
    },
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> WebhooksConfig:
    (tmp_path / "secret").write_text("s3cret\n")
    hook = WebhookConfig(Authentication("hmac", secret_file=tmp_path / "secret"))
    return WebhooksConfig(problem=hook, cloudevents=hook)


def send(here: Site, path: str, document: Any, **headers: str) -> httpx.Response:
    body = json.dumps(document).encode()
    signature = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    named = {"Content-Type": "application/json", "X-Signature-256": f"sha256={signature}"}
    return here.client.post(path, content=body, headers=named | {k.replace("_", "-"): v for k, v in headers.items()})


def ago(**much: float) -> str:
    return (datetime.fromtimestamp(time.time(), UTC) - timedelta(**much)).isoformat().replace("+00:00", "Z")


def test_w3_only_what_was_signed_as_of_just_now_can_be_no_replay(config: WebhooksConfig) -> None:
    with site(config) as here:
        said: list[dict[str, str]] = [
            {},
            {"sentAt": ago(hours=1)},
            {"sentAt": ago(hours=-1)},
            {"sentAt": ago(seconds=20)},
        ]
        for more in said:
            assert send(here, "/webhooks/problem", REPORT | more).status_code == 200
        assert [each.replayable for each in here.seen] == [True, True, True, False]
        assert send(here, "/webhooks/problem", {"problems": [REPORT, REPORT | said[3]]}).status_code == 200
        assert [each.replayable for each in here.seen[4:]] == [True, False]


def test_w3_the_time_of_an_event_counts_where_it_is_signed(config: WebhooksConfig) -> None:
    with site(config) as here:
        for when in (ago(seconds=1), ago(hours=1)):
            sent = send(here, "/v1/event", EVENT | {"time": when}, Content_Type="application/cloudevents+json")
            assert sent.status_code == 200
        assert [each.replayable for each in here.seen] == [False, True]


def test_w3_what_headers_say_is_not_signed(config: WebhooksConfig) -> None:
    headers = {f"ce-{name}": str(EVENT[name]) for name in ("specversion", "id", "source", "type")}
    with site(config) as here:
        answer = send(here, "/v1/event", EVENT["data"], **headers, ce_time=ago(seconds=1))
        assert answer.status_code == 400
        assert "application/cloudevents+json" in answer.json()["hint"]
        assert here.seen == []
    with site(WebhooksConfig(cloudevents=WebhookConfig())) as here:
        assert send(here, "/v1/event", EVENT["data"], **headers).status_code == 200
        assert [each.replayable for each in here.seen] == [False]
