"""One request of a load, against servers that answer well, badly, slowly or not at all."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

import pytest

from reconciler.demo.asking import Address, AddressError, ask
from reconciler.demo.serving import Answer, Server


def asked(url: str, patience: float = 30.0) -> str:
    return asyncio.run(ask(Address.of(url), patience))


def raw(answer: bytes, *, hang_up: bool = True, patience: float = 30.0) -> tuple[str, bytes]:
    """Ask a server that answers with these bytes; return what came of it, and what it was asked."""
    heard = bytearray()

    async def run() -> str:
        served = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                heard.extend(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
                if not hang_up:
                    await reader.read()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            served.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            code = await ask(Address.of(f"http://127.0.0.1:{port}/a?b=c"), patience)
            await served.wait()
            return code

    return asyncio.run(run()), bytes(heard)


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_the_status_is_what_comes_back(status: int) -> None:
    with Server(lambda _: Answer(status, b"x" * 200_000)) as server:
        assert asked(f"{server.url}/carts") == str(status)


def test_it_asks_in_plain_http() -> None:
    code, heard = raw(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", hang_up=False)
    assert code == "204"
    lines = heard.decode().split("\r\n")
    assert lines[0] == "GET /a?b=c HTTP/1.1"
    assert lines[1].startswith("Host: 127.0.0.1:")
    assert "Connection: close" in lines


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nas long as it takes", "200", id="no length"),
        pytest.param(b"HTTP/1.0 503 Busy\r\ncontent-length:2\r\n\r\nok", "503", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "broken off", id="half a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-", "broken off", id="half a head"),
        pytest.param(b"", "broken off", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP", id="another protocol"),
        pytest.param(b"HTTP/1.1\r\n\r\n", "no HTTP", id="no status"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", "broken off", id="an endless head"),
    ],
)
def test_answers(answer: bytes, code: str) -> None:
    assert raw(answer)[0] == code


def test_patience_ends() -> None:
    assert raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", hang_up=False, patience=0.05)[0] == "timeout"


def test_nobody_there() -> None:
    with Server(lambda _: Answer(200, b"")) as server:
        gone = server.url
    assert asked(gone) == "refused"


def test_tls_where_there_is_none() -> None:
    with Server(lambda _: Answer(200, b"")) as server:
        assert asked(server.url.replace("http:", "https:")) in {"no TLS", "broken off"}


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "target"),
    [
        ("http://localhost", "localhost", 80, "localhost", "/"),
        ("https://shop.example/a/b?c=d#e", "shop.example", 443, "shop.example", "/a/b?c=d"),
        ("http://[::1]:8080/x", "::1", 8080, "[::1]:8080", "/x"),
    ],
)
def test_addresses(url: str, host: str, port: int, authority: str, target: str) -> None:
    found = Address.of(url)
    assert (found.host, found.port, found.authority, found.target) == (host, port, authority, target)
    assert (found.tls is not None) == url.startswith("https")
    if found.tls is not None:
        assert found.tls.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://host/x", "http:// or https://"),
        ("host:80", "http:// or https://"),
        ("http:///x", "and a host"),
        ("http://host:port/", "could not be cast|Port"),
        ("http://host:99999/", "Port out of range"),
        ("http://me:secret@host/", "does not belong"),
        ("http://host/a b", "percent-encoded"),
        ("http://host/a\r\nX: y", "percent-encoded"),
        ("http://host/ä", "percent-encoded"),
    ],
)
def test_what_is_no_address(url: str, why: str) -> None:
    with pytest.raises(AddressError, match=why):
        Address.of(url)
