"""A server whose answer comes a byte at a time and never ends: each single read of it is quick."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

Part = Literal["status", "headers", "body"]
_BEGIN: Final[dict[Part, bytes]] = {
    "status": b"HTTP/1.1 200 ",
    "headers": b"HTTP/1.1 200 OK\r\nX-Padding: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n",
}
_PAUSE: Final = 0.02
"""Seconds from one byte to the next."""
_LONGEST: Final = 20.0
"""Seconds after which the server hangs up, so that a client without a deadline fails by another error."""


@contextmanager
def dripping(part: Part) -> Iterator[str]:
    """Serve everybody an answer whose ``part`` never ends; returns where."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(_BEGIN[part])
                for _ in range(int(_LONGEST / _PAUSE)):
                    if over.wait(_PAUSE):
                        return
                    connection.sendall(b"x")
            except OSError:
                return  # the client has gone, which is what it should do

    def accept() -> None:
        while True:
            connection, _ = listening.accept()
            if over.is_set():
                connection.close()
                return
            threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        where = listening.getsockname()
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{where[1]}"
        finally:
            over.set()
            socket.create_connection(where, timeout=10).close()
            accepting.join(10)
            for thread in threads:
                thread.join(10)
