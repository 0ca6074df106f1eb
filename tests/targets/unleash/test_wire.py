"""A call to a flag server goes nowhere else, and what comes back is told in a few words: it goes to Git."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.embedded.unleash import UnleashDouble
from reconciler.model.errors import BugError
from reconciler.targets.unleash.wire import BrokenConnectionError, Budget, LostAnswerError, Wire
from tests.targets.dripping import Part, dripping
from tests.targets.unleash.site import Site

TOKEN = "t0ken-planted"


@contextmanager
def answering(data: bytes) -> Iterator[str]:
    """A server that sends this to the two who come first, and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(60)

    def serve() -> None:
        for _ in range(2):
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        thread.join(60)
        listening.close()


def test_what_is_no_answer_is_told_in_a_few_words() -> None:
    line = f"HTTP/1.1 2x {TOKEN}".encode() + b"y" * 60_000 + b"\r\n\r\n"
    with answering(line) as url:
        wire = Wire(url, lambda: TOKEN, call_seconds=60)
        with pytest.raises(BrokenConnectionError, match="illegal status line") as caught:
            wire.get("/x", Budget(lambda: 0.0, 60))
        wire.close()
    assert len(caught.value.message) < 500
    assert "planted" not in caught.value.message


def test_a_proxy_of_the_environment_does_not_get_the_token(
    doubled: Site, double: UnleashDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    wire = Wire(double.url, lambda: doubled.secret, call_seconds=60)
    assert wire.get("/api/admin/projects/default/features", Budget(lambda: 0.0, 60)).good
    wire.close()


@pytest.mark.parametrize("part", ["status", "headers", "body"])
def test_an_answer_that_drips_is_cut_off_at_the_deadline_of_the_call(part: Part) -> None:
    with dripping(part) as url:
        wire = Wire(url, lambda: TOKEN, call_seconds=0.3)
        with pytest.raises(LostAnswerError, match="did not answer within") as caught:
            wire.get("/x", Budget(lambda: 0.0, 60))
        wire.close()
    assert not isinstance(caught.value, BrokenConnectionError)


def test_a_path_that_is_not_encoded_is_our_bug() -> None:
    wire = Wire("http://127.0.0.1:1", lambda: TOKEN)
    for path in ("/a b", "/a\r\nX: y", "/\xe9"):
        with pytest.raises(BugError, match="unencoded"):
            wire.get(path, Budget(lambda: 0.0, 60))
    wire.close()
