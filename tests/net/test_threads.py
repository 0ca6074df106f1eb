"""A machine that lets us have no further thread: it is said as a shortage, and what was refused is never done."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import CancelledError, Future, wait

import pytest

from reconciler.model.errors import TransientError
from reconciler.net.deadlines import LOOKUPS, addresses
from reconciler.net.threads import NoThreadError, Pool, start
from reconciler.targets.endpoints.resolve import MOST, resolved

PATIENCE = 60.0


def held(pool: Pool, until: threading.Event) -> Future[bool]:
    """Keep a thread of a pool busy."""
    begun = threading.Event()

    def hold() -> bool:
        begun.set()
        return until.wait(PATIENCE)

    future = pool.submit(hold)
    assert begun.wait(PATIENCE)
    return future


def refused(_: threading.Thread) -> None:
    """What CPython does where `pthread_create` says EAGAIN."""
    raise RuntimeError("can't start new thread")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Refuse every thread."""
    monkeypatch.setattr(threading.Thread, "start", refused)
    return monkeypatch


@pytest.mark.usefixtures("short")
def test_a_thread_that_cannot_be_started_is_a_shortage_that_passes() -> None:
    with pytest.raises(TransientError, match="no further thread can be started") as caught:
        start(threading.Thread(target=print))
    assert caught.value.hint
    assert caught.value.retry_after > 0


def test_a_thread_that_is_started_twice_is_a_mistake_and_no_shortage() -> None:
    thread = threading.Thread(target=int)
    start(thread)
    with pytest.raises(RuntimeError):
        start(thread)
    thread.join(PATIENCE)


def test_a_pool_that_is_closed_is_a_mistake_and_no_shortage() -> None:
    pool = Pool(1)
    pool.shutdown()
    with pytest.raises(RuntimeError):
        pool.submit(int)


def test_a_pool_makes_calls_and_tells_what_came_of_them() -> None:
    with Pool(2) as pool:
        assert pool.submit(int, "12", base=8).result(PATIENCE) == 10
        assert isinstance(pool.submit(int, "x").exception(PATIENCE), ValueError)


def test_a_call_that_was_refused_is_not_made_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool keeps it in its queue all the same, and its next thread comes by there."""
    made: list[str] = []
    with Pool(1) as pool:
        with monkeypatch.context() as there:
            there.setattr(threading.Thread, "start", refused)
            with pytest.raises(NoThreadError):
                pool.submit(made.append, "refused")
        pool.submit(made.append, "taken").result(PATIENCE)
    assert made == ["taken"]


def test_a_call_that_a_free_thread_took_meanwhile_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was in the queue before the further thread was refused."""
    busy, seen = threading.Event(), threading.Event()

    def see() -> str:
        seen.set()
        return "done"

    with Pool(2) as pool:
        first = held(pool, busy)

        def refused_late(_: threading.Thread) -> None:
            busy.set()
            assert seen.wait(PATIENCE)
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as there:
            there.setattr(threading.Thread, "start", refused_late)
            second = pool.submit(see)
        assert (first.result(PATIENCE), second.result(PATIENCE)) == (True, "done")


def test_whoever_waits_for_a_pool_that_is_closed_is_woken() -> None:
    busy = threading.Event()
    pool = Pool(1)
    first = held(pool, busy)
    second = pool.submit(int)
    pool.shutdown(wait=False, cancel_futures=True)
    assert not wait([second], PATIENCE).not_done
    with pytest.raises(CancelledError):
        second.result(PATIENCE)
    busy.set()
    assert first.result(PATIENCE)


def test_what_was_called_off_in_time_is_not_made() -> None:
    busy, made = threading.Event(), list[int]()
    with Pool(1) as pool:
        held(pool, busy)
        assert pool.submit(made.append, 1).cancel()
        busy.set()
    assert made == []


def test_names_that_cannot_be_looked_up_for_it_do_not_use_up_the_lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as there:
        there.setattr(threading.Thread, "start", refused)
        for _ in range(max(LOOKUPS, MOST) + 1):
            with pytest.raises(OSError, match="no further thread"):
                addresses("host.example", 80, PATIENCE, kind="evidence")
            with pytest.raises(OSError, match="no further thread"):
                resolved("host.example", 80, PATIENCE)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert addresses("host.example", 80, PATIENCE, kind="evidence") == ["192.0.2.1"]
    assert resolved("host.example", 80, PATIENCE) == ((socket.AF_INET, ("192.0.2.1", 80)),)
