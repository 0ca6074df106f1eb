"""A receiver of webhooks on loopback: it keeps what it is told and answers as a test says, well or badly."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass(frozen=True)
class Told:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers.get("idempotency-key", "")

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Say:
    """One answer. ``how``: whole, or broken off before it, or byte by byte for ever, or not at all."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    how: Literal["whole", "reset", "drip", "silence", "half"] = "whole"


OK = Say()


class Receiver:
    """Answers with what is in ``answers``, first to last, and with ``always`` when there is nothing left there.

    ``noted`` is called with each request and its answer's status, before that is given.
    """

    def __init__(self, port: int = 0) -> None:
        self.told: list[Told] = []
        self.answers: list[Say] = []
        self.always = OK
        self.noted: Callable[[Told, int], None] = lambda told, status: None
        self.released = threading.Event()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A caller that gave up is no error of ours."""

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def keys(self) -> list[str]:
        return [told.key for told in list(self.told)]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            told = Told(handler.command, handler.path, headers, body)
            self.told.append(told)
            say = self.answers.pop(0) if self.answers else self.always
            self.noted(told, say.status if say.how == "whole" else 0)
        handler.close_connection = True
        if say.how == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
        elif say.how == "silence":
            self.released.wait(30)
        elif say.how == "drip":
            while not self.released.wait(0.01):
                handler.connection.sendall(b"H")
        else:
            length = str(len(say.body) + (10 if say.how == "half" else 0))
            lines = [f"HTTP/1.1 {say.status} said", f"Content-Length: {length}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in say.headers.items()]
            handler.connection.sendall("\r\n".join([*lines, "", ""]).encode() + say.body)

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver(port)
    try:
        yield receiver
    finally:
        receiver.close()


def unused_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
