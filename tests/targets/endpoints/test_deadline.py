"""One deadline for all of a call: however slow names are, and however many addresses one has."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.targets.endpoints import deadline
from reconciler.targets.endpoints.deadline import DeadlineSocket
from reconciler.targets.endpoints.resolve import resolved
from tests.targets.endpoints.receiver import Receiver

HERE = (socket.AF_INET, ("127.0.0.1", 9))


def connect(port: int, seconds: float = 5.0) -> None:
    DeadlineSocket.connect("x.example", port, time.monotonic() + seconds).end()


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that does not come back until it is told to."""
    released = threading.Event()

    def look_up(*_: object, **__: object) -> list[Any]:
        released.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield released
    released.set()


def test_a_resolver_that_hangs_is_left_at_the_deadline(stuck: threading.Event) -> None:
    with pytest.raises(TimeoutError):
        connect(80, 0.1)
    assert not stuck.is_set()


def test_what_the_resolver_says_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(socket.gaierror, match="not known"):
        connect(80)


def test_a_name_that_is_none_is_no_name() -> None:
    with pytest.raises(UnicodeError):
        resolved("x" * 70 + ".example", 80, 5.0)


def test_addresses_are_tried_until_one_answers(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))  # and does not listen
    found = [(socket.AF_INET, nobody.getsockname()), (socket.AF_INET, ("127.0.0.1", receiver.port))]
    monkeypatch.setattr(deadline, "resolved", lambda *_: found)
    with nobody:
        connect(receiver.port)
        monkeypatch.setattr(deadline, "resolved", lambda *_: found[:1])
        with pytest.raises(ConnectionRefusedError):
            connect(receiver.port)


def test_all_addresses_together_have_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, given = [0.0], list[float]()

    class Silent:
        def __init__(self, *_: object) -> None:
            self.seconds = 0.0

        def settimeout(self, seconds: float) -> None:
            self.seconds = seconds

        def connect(self, _: object) -> None:
            given.append(self.seconds)
            clock[0] += self.seconds
            raise TimeoutError

        def close(self) -> None:
            pass

    monkeypatch.setattr(deadline, "resolved", lambda *_: [HERE] * 4)
    monkeypatch.setattr(socket, "socket", Silent)
    with pytest.raises(TimeoutError):
        DeadlineSocket.connect("x.example", 80, 12.0, clock=lambda: clock[0])
    assert given == [3.0, 3.0, 3.0, 3.0]


def test_a_host_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "resolved", lambda *_: [])
    with pytest.raises(OSError, match="has no address"):
        connect(80)
