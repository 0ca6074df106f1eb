"""Connections for `httpcore` whose every wait ends at the deadline of the thread that waits."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

from reconciler.net.deadlines import Kind, addresses, left, shares


class DeadlineBackend(httpcore.NetworkBackend):
    """Connections of `httpcore.SyncBackend` under the deadline of whoever uses them (`deadlines.until`).

    ``kind``: of the servers that they are to.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind: Kind = kind
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers."""
        options = tuple(socket_options or ())
        failed: Exception = httpcore.ConnectError("the host has no address")
        with _late(httpcore.ConnectTimeout):
            for address, share in shares(_addresses(host, port, timeout, self._kind), timeout):
                try:
                    return _Stream(self._inner.connect_tcp(address, port, share, local_address, options))
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    failed = error
        raise failed


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _late(httpcore.ReadTimeout):
            return self._inner.read(max_bytes, left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _late(httpcore.WriteTimeout):
            self._inner.write(buffer, left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with _late(httpcore.ConnectTimeout):
            try:
                patience = left(timeout)
            except TimeoutError:
                self._inner.close()  # as the inner one does where its handshake fails
                raise
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, patience))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _addresses(host: str, port: int, timeout: float | None, kind: Kind) -> list[str]:
    try:
        return addresses(host, port, timeout, kind=kind)
    except TimeoutError:
        raise
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error


@contextmanager
def _late(kind: Callable[[str], httpcore.TimeoutException]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise kind(str(error)) from error
