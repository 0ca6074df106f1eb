"""A server on loopback that writes bytes as a test wants them, for what no HTTP library would send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Self


class Wire:
    """One connection. ``stopping`` is set when the test is over."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self.socket = connection
        self.stopping = stopping

    def request(self) -> bytes:
        """Read up to the end of the headers; empty where the client has gone."""
        found = b""
        while b"\r\n\r\n" not in found:
            more = self.socket.recv(65536)
            if not more:
                return b""
            found += more
        return found

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes, pause: float = 0.01) -> None:
        """Send byte for byte, until the client has had enough."""
        for byte in data:
            if self.stopping.wait(pause):
                return
            self.socket.sendall(bytes([byte]))

    def reset(self) -> None:
        """Break the connection so that the client sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()


class RawServer:
    """Lets ``script`` speak on each connection. A context manager."""

    def __init__(self, script: Callable[[Wire], object]) -> None:
        self._script = script
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._open: list[socket.socket] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._script(Wire(connection, self._stopping))
        except OSError as error:
            self.broken = error


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return the bytes of a whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
