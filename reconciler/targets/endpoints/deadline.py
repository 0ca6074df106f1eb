"""A socket that knows when a whole request must be over, however the other side delays it.

Time-outs of sockets are for each single read, so a server that sends a byte now and then would hold a thread for hours.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from typing import TYPE_CHECKING

from reconciler.targets.endpoints.resolve import resolved

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer


class DeadlineSocket:
    """What `http.client` needs of a socket, every wait of it ending at ``ends`` (monotonic seconds)."""

    def __init__(self, sock: socket.socket, ends: float, clock: Callable[[], float]) -> None:
        self._sock = sock
        self._ends = ends
        self._clock = clock

    @classmethod
    def connect(
        cls, host: str, port: int, ends: float, *, tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> DeadlineSocket:  # fmt: skip
        """Connect, and shake hands where there is a TLS context. Raises OSError (TimeoutError, ssl.SSLError)."""
        sock = _connected(host, port, ends, clock)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made = cls(sock, ends, clock)
            if tls is not None:
                made._arm()
                made._sock = tls.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise
        return made

    def _arm(self) -> None:
        self._sock.settimeout(_left(self._ends, self._clock))

    def sendall(self, data: bytes) -> None:
        """Send everything, in what is left of the time."""
        self._arm()
        self._sock.sendall(data)

    def receive(self, buffer: WriteableBuffer) -> int:
        """Read what is there, in what is left of the time."""
        self._arm()
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a file to read from."""
        if mode != "rb":
            raise ValueError(mode)
        return io.BufferedReader(_Raw(self))

    def close(self) -> None:
        """Do nothing: `http.client` closes as soon as it has the head of an answer, and still reads from the file."""

    def end(self) -> None:
        """Close the connection."""
        self._sock.close()


def _connected(host: str, port: int, ends: float, clock: Callable[[], float]) -> socket.socket:
    """Connect to the first address that answers; each is given its share of what is left, the last one all of it."""
    addresses = resolved(host, port, _left(ends, clock))
    failed: OSError = OSError(f"{host} has no address")
    for tried, (family, address) in enumerate(addresses):
        left = _left(ends, clock)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(left / (len(addresses) - tried))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def _left(ends: float, clock: Callable[[], float]) -> float:
    left = ends - clock()
    if left <= 0:
        raise TimeoutError
    return left


class _Raw(io.RawIOBase):
    def __init__(self, sock: DeadlineSocket) -> None:
        self._socket = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._socket.receive(buffer)
