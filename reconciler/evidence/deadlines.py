"""Sockets that know when a whole request must be over, however the other side delays it.

HTTP clients limit each single read, so a server that sends one byte every few seconds holds a thread as long as it
likes, and with enough of those nothing is measured any more. Here every read, write, connect and handshake gets what is
left of the request's time, and not a moment more.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore

_ENDS: ContextVar[float | None] = ContextVar("_ENDS", default=None)
_LEAST = 0.001
"""Seconds; a time-out of 0 would mean a socket that never waits."""


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
        """Connect; each address of the host gets what is left."""
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))


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


def _left(timeout: float | None, late: Callable[[str], httpcore.TimeoutException]) -> float | None:
    ends = _ENDS.get()
    if ends is None:
        return timeout
    left = ends - time.monotonic()
    if left <= 0:
        raise late("the time for it was used up")
    return max(_LEAST, left if timeout is None else min(left, timeout))
