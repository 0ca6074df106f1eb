"""When a whole request must be over, known to every socket that the thread uses for it.

HTTP clients limit each single read, so a server that sends one byte every few seconds holds a thread as long as it
likes, and with enough of those nothing is measured or written any more. Here every wait gets what is left of the
request's time, and not a moment more. So does looking up a host's name, which cannot be broken off: it is left to a
thread that is waited for no longer than that, of which there are only a few: for each host, so that one whose name
nobody tells leaves the others some, and for each kind of server, so that many of one kind leave the other kinds theirs.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Literal, TypeAlias, get_args

from reconciler.net.threads import NoThreadError, start

_ENDS: ContextVar[tuple[float, Callable[[], float]] | None] = ContextVar("_ENDS", default=None)
_LEAST = 0.001
"""Seconds; a time-out of 0 would mean a socket that never waits."""
LOOKUPS: Final = 16
"""Names of hosts that are looked up at a time for servers of one kind."""
EACH: Final = 4
"""How often the name of one host is looked up at a time."""
Kind: TypeAlias = Literal["cluster", "flags", "evidence"]
"""Kinds of servers."""

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


class _Permits:
    """Who may look up a name now. A thread that looks one up cannot be broken off, so it gives its permit back late."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: Counter[str] = Counter()

    def take(self, host: str, patience: float | None) -> None:
        """Wait for a permit. Raises TimeoutError, with the reason, where there is none in time."""
        with self._changed:
            if self._changed.wait_for(lambda: not self._lacks(host), patience):
                self._busy[host] += 1
                return
            raise TimeoutError(self._lacks(host))

    def give(self, host: str) -> None:
        with self._changed:
            self._busy[host] -= 1
            self._busy += Counter()  # forgets who has none
            self._changed.notify_all()

    def _lacks(self, host: str) -> str:
        if self._busy[host] >= EACH:
            return "looking up the host's name takes too long"
        return "too many names of hosts are being looked up" if self._busy.total() >= LOOKUPS else ""


_PERMITS: Final = {kind: _Permits() for kind in get_args(Kind)}


def addresses(host: str, port: int, timeout: float | None = None, *, kind: Kind) -> list[str]:
    """Return the numeric addresses of a host, each once, in the system's order. ``kind``: of server.

    Raises:
        OSError, UnicodeError: it has none, or (TimeoutError) none was told in what is left.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        patience = left(timeout)
    permits = _PERMITS[kind]
    permits.take(host, patience)
    answer: queue.SimpleQueue[_Found] = queue.SimpleQueue()
    try:
        start(threading.Thread(target=_look_up, args=(host, port, answer, permits), name="lookup", daemon=True))
    except NoThreadError as error:
        permits.give(host)
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


def _look_up(host: str, port: int, answer: queue.SimpleQueue[_Found], permits: _Permits) -> None:
    try:
        answer.put(list(dict.fromkeys(map(_numeric, socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))))
    except (OSError, UnicodeError) as error:
        answer.put(error)
    finally:
        permits.give(host)


def _numeric(found: tuple[Any, ...]) -> str:
    """Return an address as text, with its zone where it has one, as link-local ones do."""
    place = found[4]
    return f"{place[0]}%{place[3]}" if len(place) == 4 and place[3] and "%" not in place[0] else str(place[0])
