"""Connections of the official client's library whose every wait ends at the deadline of the thread that waits.

`urllib3` limits each single read, and how a host's name is looked up not at all (see `net.deadlines`).
"""

from __future__ import annotations

import http.client
import io
import socket
from typing import TYPE_CHECKING, Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.poolmanager import pool_classes_by_scheme

from reconciler.net.deadlines import addresses, left, shares

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def keep_deadlines(manager: urllib3.PoolManager) -> None:
    """Let a manager that has no connections yet make ours; one for SOCKS proxies has a way of its own to connect."""
    if manager.pool_classes_by_scheme is pool_classes_by_scheme:
        manager.pool_classes_by_scheme = _POOLS


class _Answer(http.client.HTTPResponse):
    """An answer that is read from a socket within what is left of the call's time."""

    def __init__(self, sock: socket.socket, *more: Any, **named: Any) -> None:
        super().__init__(sock, *more, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Bytes(sock))


class _Bytes(io.RawIOBase):
    """What a socket receives. As a socket's own file it keeps the socket open until it is closed itself."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._socket.settimeout(left(self._socket.gettimeout()))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Plain(HTTPConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        return _connected(self, self._dns_host)


class _Tls(HTTPSConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        return _connected(self, self._dns_host)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


_POOLS: Final = {"http": _PlainPool, "https": _TlsPool}


def _connected(connection: HTTPConnection, host: str) -> socket.socket:
    """Connect to the first address that answers; the handshake that may follow has what is left then."""
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else None
    try:
        found = addresses(host.strip("[]"), connection.port, timeout, kind="cluster")
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, str(error)) from error
    except (OSError, UnicodeError) as error:
        reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(host, connection, reason) from error
    failed: OSError = OSError("the host has no address")
    try:
        for address, share in shares(found, timeout):
            try:
                return _opened(connection, address, share, timeout)
            except OSError as error:
                failed = error
    except TimeoutError as error:
        failed = error
    if isinstance(failed, TimeoutError):
        raise ConnectTimeoutError(connection, str(failed)) from failed
    raise NewConnectionError(connection, str(failed)) from failed


def _opened(connection: HTTPConnection, address: str, share: float | None, timeout: float | None) -> socket.socket:
    made = socket.create_connection((address, connection.port), share)
    try:
        for option in connection.socket_options or ():
            made.setsockopt(*option)
        made.settimeout(left(timeout))
    except OSError:
        made.close()
        raise
    return made
