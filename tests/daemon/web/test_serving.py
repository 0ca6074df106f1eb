"""The server itself: who connects while it exchanges its certificate is served, and with the newest."""

from __future__ import annotations

import asyncio
import queue
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import structlog
from starlette.types import Receive, Scope, Send

from reconciler.daemon.web.serving import HttpServer
from reconciler.model.webhooks import Tls
from tests.daemon.web.kit import ANYWHERE, authority, eventually

PATIENCE = 30.0
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextmanager
def serving(folder: Path, asked: Callable[[HttpServer], None]) -> Iterator[HttpServer]:
    """Serve with a certificate of ``folder``; who asks for anything has ``asked`` done on the server's loop."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        asked(server)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    authority(folder, "server")
    tls = Tls(folder / "server.crt", folder / "server.key")
    server = HttpServer(app, ANYWHERE, "listen", structlog.get_logger(), tls=tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def exchanged(server: HttpServer, folder: Path, by: str) -> None:
    for kind in ("key", "crt"):
        (folder / f"server.{kind}").write_bytes((folder / f"{by}.{kind}").read_bytes())
    server.renew()


def ask(server: HttpServer) -> None:
    with httpx.Client(verify=False, trust_env=False, timeout=PATIENCE) as http:
        assert http.get(f"https://127.0.0.1:{server.port}/").status_code == 204


def connected(server: HttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def in_tls(plain: socket.socket) -> ssl.SSLSocket:
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    return anyone.wrap_socket(plain)


@pytest.mark.parametrize("rounds", range(6))
def test_a_connection_that_comes_during_an_exchange_of_the_certificate_is_served(tmp_path: Path, rounds: int) -> None:
    """It arrives so many rounds of the server's loop after the exchange was asked for."""
    authority(tmp_path, "new")
    came: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()

    def later(left: int, then: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(later, left - 1, then) if left else then()

    def asked(server: HttpServer) -> None:
        if (tmp_path / "server.crt").read_bytes() != (tmp_path / "new.crt").read_bytes():
            exchanged(server, tmp_path, "new")
            later(rounds, lambda: came.put(connected(server)))

    with serving(tmp_path, asked) as server:
        ask(server)
        with in_tls(came.get(timeout=PATIENCE)) as connection:
            connection.sendall(REQUEST)
            assert connection.recv(100).startswith(b"HTTP/1.1 204")


def test_the_last_of_two_exchanges_in_a_row_is_the_one_in_force(tmp_path: Path) -> None:
    for name in ("new", "newer"):
        authority(tmp_path, name)

    def asked(server: HttpServer) -> None:
        exchanged(server, tmp_path, "new")
        exchanged(server, tmp_path, "newer")

    newest = ssl.PEM_cert_to_DER_cert((tmp_path / "newer.crt").read_text())
    with serving(tmp_path, asked) as server:

        def shown() -> bytes | None:
            with in_tls(connected(server)) as connection:
                return connection.getpeercert(binary_form=True)

        ask(server)
        eventually(lambda: shown() == newest)  # the answer to who asked does not wait for the exchanges
        assert [shown() for _ in range(10)] == [newest] * 10
