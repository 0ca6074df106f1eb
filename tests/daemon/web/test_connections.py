"""One connection after the other: what HTTP/1.1 allows on them, and what is in work at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from reconciler.daemon.web.limits import Limits, Work
from reconciler.daemon.web.senders import Sender, senders
from reconciler.intake.report import Payload
from reconciler.model.errors import ConfigError
from reconciler.model.webhooks import Belonging, ServerConfig, Tls, WebhooksConfig
from tests.daemon.web.kit import alert, answered, authority, eventually, group, head, site

APP = "reconciler.daemon.web.webhooks"
PATH = "/webhooks/alertmanager"
BODY = json.dumps(group(alert()))
ONE = head(PATH, f"Content-Length: {len(BODY)}", body=BODY)
LAST = head(PATH, f"Content-Length: {len(BODY)}", "Connection: close", body=BODY)


def test_a_connection_is_kept_for_the_next_request() -> None:
    with site() as here:
        for _ in range(3):
            assert here.post(PATH, group(alert())).status_code == 200
            assert here.server.connections == 1


def test_requests_one_behind_the_other_are_all_answered() -> None:
    with site() as here, here.raw() as connection:
        connection.sendall(ONE + ONE + LAST)
        said = b""
        while piece := connection.recv(65536):
            said += piece
        assert said.count(b"HTTP/1.1 200") == 3


def test_the_next_head_may_come_in_pieces_behind_a_request() -> None:
    with site() as here, here.raw() as connection:
        connection.sendall(ONE + LAST[:20])
        eventually(lambda: here.counted.requests["alertmanager", 200] == 1)
        connection.sendall(LAST[20:])
        eventually(lambda: here.counted.requests["alertmanager", 200] == 2)


def test_who_asks_first_is_told_to_go_on_only_if_it_is_known_and_the_type_is_right() -> None:
    with site() as here:
        with here.raw() as connection:
            connection.sendall(head(PATH, f"Content-Length: {len(BODY)}", "Expect: 100-continue", "Connection: close"))
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            connection.sendall(BODY.encode())
            assert answered(connection)[0] == 200
        with here.raw() as connection:
            connection.sendall(head("/nowhere", "Content-Length: 9", "Expect: 100-continue"))
            assert answered(connection)[0] == 404


def test_a_sender_that_goes_away_leaves_nothing_in_work() -> None:
    with site(server=ServerConfig(connections=1)) as here:
        with here.raw() as connection:
            connection.sendall(head(PATH, "Content-Length: 4000000") + b"x" * 1000)
            eventually(lambda: here.server.connections == 1)
        eventually(lambda: here.server.connections == 0)
        assert here.post(PATH, group(alert())).status_code == 200


def test_more_requests_than_may_be_in_work_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{APP}.Work", lambda _requests, size: Work(1, size))
    with site(answer=None, limits=Limits(answer=1.0)) as here, ThreadPoolExecutor(1) as pool:
        first = pool.submit(here.post, PATH, group(alert()))
        eventually(lambda: here.inbox.depth == 1)
        second = here.post(PATH, group(alert()))
        assert (second.status_code, second.json()["error"]) == (503, "too many requests at a time")
        assert first.result().status_code == 503


@pytest.mark.parametrize("announced", [True, False])
def test_bodies_share_a_budget(monkeypatch: pytest.MonkeyPatch, announced: bool) -> None:
    monkeypatch.setattr(f"{APP}.Work", lambda requests, _size: Work(requests, 100))
    with site() as here:
        content = BODY.encode() if announced else iter([BODY.encode()])
        answer = here.client.post(PATH, content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]) == (503, "too much is being worked on")


def test_payloads_of_more_than_a_few_problems_are_read_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    readers: set[str] = set()

    def spied(config: WebhooksConfig) -> list[Sender]:
        def watched(sender: Sender) -> Sender:
            def read(headers: Mapping[str, str], body: bytes, belonging: Belonging) -> Payload:
                readers.add(threading.current_thread().name.partition("_")[0])
                return sender.read(headers, body, belonging)

            return replace(sender, read=read)

        return [watched(sender) for sender in senders(config)]

    monkeypatch.setattr(f"{APP}.senders", spied)
    with site() as here:
        assert here.post("/webhooks/problem", {"problems": [{}] * 1_500}).status_code == 422
        assert readers == {"webhooks"}, "many values are a small body"


def test_what_is_no_tls_is_turned_away_and_nobody_else_notices(tmp_path: Path) -> None:
    authority(tmp_path, "ours")
    tls = Tls(tmp_path / "ours.crt", tmp_path / "ours.key")
    with capture_logs() as lines, site(server=ServerConfig(tls=tls)) as here:
        with here.raw() as connection:
            connection.sendall(ONE)
            try:
                assert not connection.recv(10).startswith(b"HTTP")
            except ConnectionResetError:
                assert here.counted.requests.total() == 0
        with httpx.Client(base_url=here.client.base_url, verify=False, trust_env=False) as client:
            assert client.post(PATH, json=group(alert())).status_code == 200
    assert not [line for line in lines if line["log_level"] == "error"]


def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    authority(tmp_path, "ours")
    certificate, key = tmp_path / "ours.crt", tmp_path / "ours.key"
    with capture_logs() as lines, site(server=ServerConfig(tls=Tls(certificate, key))) as here:
        certificate.write_text("no certificate")
        here.renew()
        assert here.post(PATH, group(alert())).status_code == 200, "the old one stays"
        certificate.unlink()
        here.renew()
        assert here.post(PATH, group(alert())).status_code == 200, "the old one stays"
    assert len([line for line in lines if "the old ones stay" in line["event"]]) == 2
    with pytest.raises(ConfigError, match=r"ours\.crt"), site(server=ServerConfig(tls=Tls(certificate, key))):
        raise AssertionError("served")
