"""Who is not known takes no room from those who are, and an answer takes room until it was taken."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from reconciler.daemon.web.answers import Answer
from reconciler.daemon.web.limits import Work
from reconciler.model.webhooks import Authentication, ServerConfig, WebhookConfig, WebhooksConfig
from tests.daemon.web.kit import Site, alert, eventually, group, head, site

PATH = "/webhooks/alertmanager"
KNOWN = {"Authorization": "Bearer s3cret"}


@pytest.fixture
def config(tmp_path: Path) -> WebhooksConfig:
    (tmp_path / "secret").write_text("s3cret\n")
    bearer = Authentication("bearer", secret_file=tmp_path / "secret")
    signed = Authentication("hmac", secret_file=tmp_path / "secret")
    return WebhooksConfig(alertmanager=WebhookConfig(bearer), problem=WebhookConfig(signed), git=signed)


def served(here: Site) -> int:
    return here.post(PATH, group(alert()), headers=KNOWN).status_code


def test_w2_who_announces_large_bodies_takes_no_room(config: WebhooksConfig) -> None:
    with site(config) as here, ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(here.raw()).sendall(head("/webhooks/git", "Content-Length: 4194304"))
        eventually(lambda: here.server.connections >= 20)
        assert served(here) == 200


def test_w2_strangers_that_send_large_bodies_fill_a_share_of_their_own(config: WebhooksConfig) -> None:
    with site(config, server=ServerConfig(max_body=100_000)) as here, ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(here.raw()).sendall(head("/webhooks/git", "Content-Length: 100000") + b"x" * 99_000)
        eventually(lambda: here.counted.requests["git", 503] == 2)
        assert served(here) == 200
        assert here.post(PATH, group(alert(fingerprint="x" * 90_000)), headers=KNOWN).status_code == 200


def test_w2_strangers_cannot_be_all_who_are_in_work(config: WebhooksConfig) -> None:
    with site(config, server=ServerConfig(connections=10)) as here, ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(here.raw()).sendall(head("/webhooks/git", "Content-Length: 9"))
        eventually(lambda: here.counted.requests["git", 503] == 3)
        assert served(here) == 200


def test_a_request_is_in_work_until_its_answer_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    works: list[Work] = []
    free: list[tuple[int, int]] = []
    send = Answer._send

    def work(requests: int, size: int) -> Work:
        works.append(Work(requests, size))
        return works[-1]

    async def watched(answer: Answer, *arguments: Any) -> None:
        free.append((works[1]._free, works[1]._size))
        await send(answer, *arguments)
        free.append((works[1]._free, works[1]._size))

    monkeypatch.setattr("reconciler.daemon.web.webhooks.Work", work)
    monkeypatch.setattr(Answer, "_send", watched)
    with site() as here:
        requests, size = works[1]._free, works[1]._size
        answer = here.post(PATH, group(alert()))
        # The client may have its answer before the server goes on.
        eventually(lambda: len(free) == 2)
        assert free == [(requests - 1, size - len(answer.content))] * 2
        eventually(lambda: (works[1]._free, works[1]._size) == (requests, size))


@pytest.mark.parametrize("gone", [False, True])
def test_an_answer_goes_out_as_it_is_taken(gone: bool) -> None:
    answer = Answer(200, {"text": "x" * 300_000})
    pieces: list[int] = []
    sent: list[None] = []
    answer.sent = lambda: sent.append(None)

    async def send(message: MutableMapping[str, Any]) -> None:
        assert not sent
        pieces.append(len(message.get("body", b"")))
        if gone and len(pieces) == 3:
            raise OSError

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("there is no body")

    with suppress(OSError):
        asyncio.run(answer({"type": "http", "headers": []}, receive, send))
    assert sent == [None]
    assert max(pieces) <= 65_536
    assert gone or sum(pieces) == len(answer.body)


def test_w2_failed_logins_count_as_requests_of_their_address(config: WebhooksConfig) -> None:
    with site(config, server=ServerConfig(rate=0.001)) as here:
        codes = [here.post(PATH, group(alert()), headers={"Authorization": "Bearer x"}).status_code for _ in range(3)]
        assert codes == [401, 503, 503]
