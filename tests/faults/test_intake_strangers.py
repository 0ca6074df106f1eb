"""Faults of intake: row W3, senders who cannot show a secret, or show again what they overheard."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

import httpx
import pytest

from tests.daemon.site import eventually, git
from tests.faults.invariants import Scene
from tests.faults.receiving import alert, group, metric, note, outcomes, receiving, reported
from tests.security.running import KNOWN, TOKEN

REPORT = {"project": "sockshop", "stage": "production", "service": "carts", "id": "n1", "title": "Slow"}
EVENT = {
    "specversion": "1.0", "id": "1", "source": "s", "type": "sh.keptn.events.problem",
    "data": {"State": "OPEN", "PID": "p1", "ProblemTitle": "Slow", **{name: REPORT[name] for name in list(REPORT)[:3]}},
}  # fmt: skip


def signature(body: bytes, secret: str = TOKEN) -> dict[str, str]:
    return {"X-Signature-256": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


BODY = json.dumps(EVENT).encode()
STRANGERS: Final[list[tuple[str, dict[str, str]]]] = [
    ("alertmanager", {}),
    ("alertmanager", {"Authorization": "Bearer"}),
    ("alertmanager", {"Authorization": f"Bearer {TOKEN}x"}),
    ("alertmanager", {"Authorization": f"Bearer {TOKEN[:-1]}"}),
    ("alertmanager", {"Authorization": f"Basic {TOKEN}"}),
    ("problem", {"Authorization": "Bearer tok\xe9\xff"}),
    ("dynatrace", {}),
    ("dynatrace", basic("dynatrace", "wrong")),
    ("dynatrace", basic("somebody", TOKEN)),
    ("cloudevents", {}),
    ("cloudevents", signature(BODY, "wrong")),
    ("cloudevents", signature(BODY + b" ")),
    ("cloudevents", {"X-Signature-256": "sha256="}),
    ("cloudevents", KNOWN),
    ("git", {}),
    ("git", {"X-Hub-Signature-256": "sha256=" + "0" * 64}),
    ("git", {"X-Gitea-Signature": "0" * 64}),
    ("git", {"X-Gitlab-Token": "wrong"}),
    ("git", {"X-Gitlab-Token": TOKEN[:-1]}),
    ("git", {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,wrong"}),
]


def lengths(name: str, headers: Mapping[str, str]) -> set[tuple[int, int]]:
    """Return how long what is compared must be: a secret's never shows, a signature's everybody knows."""
    shown = {header.lower(): text for header, text in headers.items()}
    if name == "cloudevents":
        return {(64, len(shown.get("x-signature-256", "").removeprefix("sha256=")))}
    if name != "git" or "x-gitlab-token" in shown:
        return {(32, 32)}
    if "webhook-signature" in shown:
        return {(len("v1,") + 44, len(shown["webhook-signature"]))}
    return {(64, 64)} if shown else set()  # where nothing is shown there is nothing to compare with


def test_w3_who_cannot_show_the_secret_is_refused_and_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    with receiving(scene) as daemon:
        asked = {name: 0 for name, _ in STRANGERS}
        for name, headers in STRANGERS:
            compared.clear()
            body = BODY if name == "cloudevents" else json.dumps(group(alert())).encode()
            sent = [(header.encode(), text.encode("latin-1")) for header, text in headers.items()]
            sent.append((b"Content-Type", b"application/json"))
            answer = daemon.hooks.post(f"/webhooks/{name}", content=body, headers=sent)
            assert answer.status_code == 401, (name, headers)
            assert TOKEN not in answer.text
            asked[name] += 1
            # Nothing but comparisons in constant time decide it: of digests, or of what was sent as a signature.
            assert {*compared} == lengths(name, headers), (name, headers)
        for name, count in asked.items():
            assert metric(daemon, "reconciler_webhook_requests_total", source=name, code=401) == count
    assert reported(scene) == 0
    assert scene.site.events() == []


def test_w3_a_signed_body_that_is_sent_again_does_not_open_what_is_over(scene: Scene) -> None:
    def send(state: str, **more: str) -> httpx.Response:
        data = {**EVENT["data"], "State": state}  # type: ignore[dict-item]  # data is an object
        body = json.dumps({**EVENT, "data": data, **more}).encode()
        headers = {"Content-Type": "application/cloudevents+json", **signature(body)}
        answer = daemon.hooks.post("/v1/event", content=body, headers=headers)
        note(scene, answer)
        return answer

    with receiving(scene) as daemon:
        assert outcomes(send("OPEN")) == {"accepted": 1}
        # What is over before anybody has looked at it is told of nowhere.
        eventually(lambda: scene.site.events() == ["unmatched"], "looked at")
        assert outcomes(send("RESOLVED")) == {"accepted": 1}
        scene.site.later(3600)
        assert outcomes(send("OPEN")) == {"unchanged": 1}
        assert outcomes(send("OPEN", time="2026-11-21T10:00:00Z")) == {"unchanged": 1}
    files = git(scene.site.remote, "ls-tree", "-r", "--name-only", "production", "ops/production/carts/problems")
    assert len(files.splitlines()) == 1
    assert "resolved" in (scene.site.file(files) or "")
