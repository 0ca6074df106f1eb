"""Connecting ends in time, whatever a host's addresses and its name server do."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import httpcore
import pytest

from reconciler.net.backend import DeadlineBackend
from reconciler.net.deadlines import EACH, LOOKUPS, Kind, addresses, left, until

PATIENCE = 20.0


REAL = socket.getaddrinfo


def naming(*addresses: str) -> Callable[..., list[Any]]:
    """A name server that knows one host; addresses need none."""

    def look_up(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        if host != "host.example":
            return REAL(host, port, *rest, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    return look_up


def test_all_addresses_of_a_host_share_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    waited: list[tuple[str, float]] = []

    def swallow(address: tuple[str, int], timeout: float, **_: object) -> NoReturn:
        nonlocal now
        waited.append((address[0], timeout))
        now += timeout
        raise TimeoutError

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(socket, "create_connection", swallow)
    monkeypatch.setattr(socket, "getaddrinfo", naming("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"))
    with until(now + 8), pytest.raises(httpcore.ConnectTimeout):
        DeadlineBackend("evidence").connect_tcp("host.example", 80)
    assert [address for address, _ in waited] == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]
    assert [seconds for _, seconds in waited] == pytest.approx([2.0] * 4)


def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(socket, "getaddrinfo", naming("127.0.0.2", "127.0.0.1"))
        with until(time.monotonic() + PATIENCE):
            stream = DeadlineBackend("evidence").connect_tcp("host.example", listening.getsockname()[1])
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        stream.close()


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_nobody_knows_is_no_connection(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def unknown(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with until(time.monotonic() + PATIENCE), pytest.raises(httpcore.ConnectError, match=r"not known|too long"):
        DeadlineBackend("evidence").connect_tcp("host.example", 80)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A name server that does not answer while the test runs; the names it was asked for."""
    asked: list[str] = []
    over = threading.Event()

    def wait(host: str, *_: object, **__: object) -> NoReturn:
        asked.append(host)
        over.wait(PATIENCE)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    yield asked
    over.set()
    for thread in threading.enumerate():
        if thread.name == "lookup":
            thread.join(PATIENCE)


def test_a_name_server_that_does_not_answer_is_not_waited_for(silent: list[str]) -> None:
    with until(time.monotonic() + 0.05), pytest.raises(httpcore.ConnectTimeout):
        DeadlineBackend("evidence").connect_tcp("host.example", 80)
    assert silent == ["host.example"]


def test_only_so_many_names_are_looked_up_at_a_time(silent: list[str]) -> None:
    for number in range(LOOKUPS + 3):
        with until(time.monotonic() + 0.02), pytest.raises(httpcore.ConnectTimeout):
            DeadlineBackend("evidence").connect_tcp(f"host{number}.example", 80)
    assert [thread.name for thread in threading.enumerate()].count("lookup") == len(silent) <= LOOKUPS


def kept_waiting(host: str, kind: Kind = "evidence") -> str:
    """Look a name up that nobody tells. Returns why there was no answer."""
    with until(0.02, lambda: 0.0), pytest.raises(TimeoutError) as caught:
        addresses(host, 80, kind=kind)
    return str(caught.value)


def has_asked(silent: list[str], *hosts: str) -> bool:
    """Whether the threads that look names up have asked for these, in any order."""
    ends = time.monotonic() + 60
    while len(silent) < len(hosts) and time.monotonic() < ends:
        time.sleep(0.001)
    return sorted(silent) == sorted(hosts)


def test_a_host_whose_name_nobody_tells_leaves_the_others_their_lookups(silent: list[str]) -> None:
    told = {kept_waiting("silent.example") for _ in range(LOOKUPS + 3)}
    assert has_asked(silent, *["silent.example"] * EACH)
    assert told == {"looking up the host's name takes too long"}
    kept_waiting("other.example")
    assert has_asked(silent, *["silent.example"] * EACH, "other.example")


def test_servers_of_one_kind_leave_those_of_others_their_lookups(silent: list[str]) -> None:
    pods = [f"pod{number}.example" for number in range(LOOKUPS)]
    for pod in pods:
        kept_waiting(pod)
    assert "too many" in kept_waiting("further.example")
    kept_waiting("cluster.example", "cluster")
    kept_waiting("flags.example", "flags")
    assert has_asked(silent, *pods, "cluster.example", "flags.example")


def test_what_was_looked_up_gives_its_permit_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", naming("192.0.2.1"))
    for _ in range(LOOKUPS + 1):
        with until(time.monotonic() + PATIENCE):
            assert addresses("host.example", 80, kind="flags") == ["192.0.2.1"]


def test_the_moment_may_be_of_another_clock() -> None:
    now = [100.0]
    with until(130.0, lambda: now[0]):
        assert left() == 30.0
        assert left(7.0) == 7.0
        now[0] = 130.0
        with pytest.raises(TimeoutError):
            left()
    assert left() is None


def test_a_connection_whose_time_is_over_before_its_handshake_is_closed() -> None:
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as listening, until(PATIENCE, lambda: now[0]):
        stream = DeadlineBackend("evidence").connect_tcp("127.0.0.1", listening.getsockname()[1])
        sock = stream.get_extra_info("socket")
        now[0] = PATIENCE
        with pytest.raises(httpcore.ConnectTimeout):
            stream.start_tls(ssl.create_default_context())
        assert sock.fileno() == -1
