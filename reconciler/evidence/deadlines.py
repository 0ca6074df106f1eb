"""Sockets that know when a whole request must be over, however the other side delays it.

HTTP clients limit each single read, so a server that sends one byte every few seconds holds a thread as long as it
likes, and with enough of those nothing is measured any more. Here every read, write, connect and handshake gets what is
left of the request's time, and not a moment more. So does looking up a host's name, which cannot be broken off: it is
left to a thread that is waited for no longer than that, of which there are only a few.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

import httpcore

_ENDS: ContextVar[float | None] = ContextVar("_ENDS", default=None)
_LEAST = 0.001
"""Seconds; a time-out of 0 would mean a socket that never waits."""
LOOKUPS: Final = 16
"""Names of hosts that are looked up at a time."""
_FREE: Final = threading.BoundedSemaphore(LOOKUPS)

_Found: TypeAlias = "list[str] | OSError | UnicodeError"


@contextmanager
def until(moment: float) -> Iterator[None]:
    """Let everything that this thread does on our sockets end at ``moment``, in `time.monotonic` seconds."""
    before = _ENDS.set(moment)
    try:
        yield
    finally:
        _ENDS.reset(before)


class DeadlineBackend(httpcore.NetworkBackend):
    """Connections of `httpcore.SyncBackend` under the deadline of whoever uses them."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; the addresses of the host share what is left, so that one that swallows all leaves the rest some."""
        options = tuple(socket_options or ())
        addresses = _addresses(host, port, timeout)
        for others in range(len(addresses) - 1, -1, -1):
            address = addresses[-1 - others]
            left = _left(timeout, httpcore.ConnectTimeout)
            share = left / (others + 1) if left is not None else None
            try:
                return _Stream(self._inner.connect_tcp(address, port, share, local_address, options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not others:
                    raise
        raise httpcore.ConnectError("the host has no address")


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline of the thread that waits."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    """Return the numeric addresses of a host, within what is left."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        left = _left(timeout, httpcore.ConnectTimeout)
    if not _FREE.acquire(timeout=left):
        raise httpcore.ConnectTimeout("too many names of hosts are being looked up")
    answer: queue.SimpleQueue[_Found] = queue.SimpleQueue()
    threading.Thread(target=_look_up, args=(host, port, answer), name="lookup", daemon=True).start()
    try:
        found = answer.get(timeout=_left(timeout, httpcore.ConnectTimeout))
    except queue.Empty as error:
        raise httpcore.ConnectTimeout("looking up the host's name takes too long") from error
    if isinstance(found, Exception):
        raise httpcore.ConnectError(str(found)) from found
    return found


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


def _left(timeout: float | None, late: Callable[[str], httpcore.TimeoutException]) -> float | None:
    ends = _ENDS.get()
    if ends is None:
        return timeout
    left = ends - time.monotonic()
    if left <= 0:
        raise late("the time for it was used up")
    return max(_LEAST, left if timeout is None else min(left, timeout))
