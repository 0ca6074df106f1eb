"""Reaching an API server ends in time, whatever its name, its addresses and its TLS do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NoReturn

import pytest

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.targets.kubernetes.access import TokenFile
from reconciler.targets.kubernetes.client import Client
from reconciler.targets.kubernetes.refusals import Call, Unreachable

VERSION = Call("get", "", "version", "/version")
REAL = socket.getaddrinfo


def naming(*addresses: str) -> Callable[..., list[Any]]:
    """A name server that knows one host; addresses need none."""

    def look_up(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        if host != "api.example":
            return REAL(host, port, *rest, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    return look_up


def ask(url: str, seconds: float = 60.0) -> dict[str, Any]:
    with closing(Client(TokenFile(url), {}, time.monotonic)) as client:
        return client.call(VERSION, seconds)


def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", naming("127.0.0.2", "127.0.0.1"))
    with EmbeddedCluster() as cluster:
        assert "gitVersion" in ask(cluster.url.replace("127.0.0.1", "api.example"))
        assert [entry.headers["host"].partition(":")[0] for entry in cluster.journal.entries()] == ["api.example"]


def test_where_no_address_answers_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", naming("127.0.0.2", "127.0.0.3"))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unreachable, match="was refused"):
        ask(f"http://api.example:{taken.getsockname()[1]}")


def test_a_name_that_nobody_knows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match="the host name is not known"):
        ask("http://api.example")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A name server that does not answer while the test runs."""
    over = threading.Event()

    def wait(*_: object, **__: object) -> NoReturn:
        over.wait(20)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    yield
    over.set()
    for thread in threading.enumerate():
        if thread.name == "lookup":
            thread.join(20)


@pytest.mark.usefixtures("silent")
def test_a_name_server_that_does_not_answer_is_not_waited_for() -> None:
    with pytest.raises(Unreachable, match="could not be made in time"):
        ask("http://api.example", 0.1)


def test_a_handshake_that_does_not_come_about_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(Unreachable, match="in time"):
        ask(f"https://127.0.0.1:{listening.getsockname()[1]}", 0.2)
