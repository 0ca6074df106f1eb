"""When a whole request must be over, known to every socket that the thread uses for it.

HTTP clients limit each single read, so a server that sends one byte every few seconds holds a thread as long as it
likes, and with enough of those nothing is measured or written any more. Here every wait gets what is left of the
request's time, and not a moment more. So does looking up a host's name, which cannot be broken off: it is left to a
thread that is waited for no longer than that, of which there are only a few.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

from reconciler.net.threads import NoThreadError, start

_ENDS: ContextVar[tuple[float, Callable[[], float]] | None] = ContextVar("_ENDS", default=None)
_LEAST = 0.001
"""Seconds; a time-out of 0 would mean a socket that never waits."""
LOOKUPS: Final = 16
"""Names of hosts that are looked up at a time."""
_FREE: Final = threading.BoundedSemaphore(LOOKUPS)

_Found: TypeAlias = "list[str] | OSError | UnicodeError"


@contextmanager
def until(moment: float, clock: Callable[[], float] | None = None) -> Iterator[None]:
    """Let everything that this thread does on our sockets end at ``moment`` of a monotonic clock, the system's."""
    before = _ENDS.set((moment, clock or time.monotonic))
    try:
        yield
    finally:
        _ENDS.reset(before)


def left(timeout: float | None = None) -> float | None:
    """Return how many seconds a wait may take that may take ``timeout`` by itself; None for ever.

    Raises:
        TimeoutError: the time was used up.
    """
    ends = _ENDS.get()
    if ends is None:
        return timeout
    moment, clock = ends
    rest = moment - clock()
    if rest <= 0:
        raise TimeoutError("the time for it was used up")
    return max(_LEAST, rest if timeout is None else min(rest, timeout))


def addresses(host: str, port: int, timeout: float | None = None) -> list[str]:
    """Return the numeric addresses of a host, each once, in the system's order.

    Raises:
        OSError, UnicodeError: it has none, or (TimeoutError) none was told in what is left.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        patience = left(timeout)
    if not _FREE.acquire(timeout=patience):
        raise TimeoutError("too many names of hosts are being looked up")
    answer: queue.SimpleQueue[_Found] = queue.SimpleQueue()
    try:
        start(threading.Thread(target=_look_up, args=(host, port, answer), name="lookup", daemon=True))
    except NoThreadError as error:
        _FREE.release()
        raise OSError(error.message) from error
    try:
        found = answer.get(timeout=left(timeout))
    except queue.Empty as error:
        raise TimeoutError("looking up the host's name takes too long") from error
    if isinstance(found, Exception):
        raise found
    return found


def shares(found: list[str], timeout: float | None = None) -> Iterator[tuple[str, float | None]]:
    """Yield addresses, each with its share of what is left then, so that one that swallows all leaves the rest some.

    Raises:
        TimeoutError: the time was used up before the next one.
    """
    for others in range(len(found) - 1, -1, -1):
        rest = left(timeout)
        yield found[-1 - others], rest / (others + 1) if rest is not None else None


def _look_up(host: str, port: int, answer: queue.SimpleQueue[_Found]) -> None:
    try:
        answer.put(list(dict.fromkeys(map(_numeric, socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))))
    except (OSError, UnicodeError) as error:
        answer.put(error)
    finally:
        _FREE.release()


def _numeric(found: tuple[Any, ...]) -> str:
    """Return an address as text, with its zone where it has one, as link-local ones do."""
    place = found[4]
    return f"{place[0]}%{place[3]}" if len(place) == 4 and place[3] and "%" not in place[0] else str(place[0])
