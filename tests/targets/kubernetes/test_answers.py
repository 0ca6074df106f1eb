"""What an API server answers is read within bounds: whatever it is, it is no bug of ours."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from reconciler.targets.kubernetes.access import TokenFile
from reconciler.targets.kubernetes.client import Client
from reconciler.targets.kubernetes.refusals import Call, Refusal, Unreachable
from tests.targets.dripping import Part, dripping

PODS = Call("list", "", "pods", "/api/v1/namespaces/sockshop/pods", "sockshop")
DEEP = b"[" * 200_000


@contextmanager
def answering(status: str, body: bytes) -> Iterator[str]:
    """A server that gives this to whoever comes first."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(60)

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        thread.join(60)
        listening.close()


@pytest.mark.parametrize(("status", "kind"), [("200 OK", Unreachable), ("403 Forbidden", Refusal)])
def test_what_is_nested_without_end_is_no_json(status: str, kind: type[Exception]) -> None:
    with (
        answering(status, DEEP) as url,
        closing(Client(TokenFile(url), {}, time.monotonic)) as client,
        pytest.raises(kind),
    ):
        client.call(PODS, 60)


@pytest.mark.parametrize("part", ["status", "headers", "body"])
def test_an_answer_that_drips_is_cut_off_at_the_deadline_of_the_call(part: Part) -> None:
    with (
        dripping(part) as url,
        closing(Client(TokenFile(url), {}, time.monotonic)) as client,
        pytest.raises(Unreachable, match="no answer in time"),
    ):
        client.call(PODS, 0.3)
