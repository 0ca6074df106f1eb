"""HTTP on loopback for the demo's workload: a port that the system chooses, one thread a request, an orderly stop.

And asking such a server, without the proxies that the environment may name.
"""

from __future__ import annotations

import http.client
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, Self

_SILENT_SECONDS: Final = 5.0
"""How long a connection may say nothing; a stop waits for the requests in hand, so none may be in hand for ever."""
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def ask(port: int, path: str, *, timeout: float, keep: Iterable[str] = ()) -> Answer:
    """GET ``path`` from a server on loopback; of its headers those in ``keep`` are in the answer.

    ``timeout`` is in seconds for each look at the connection.

    Raises:
        OSError, http.client.HTTPException: nobody answered, or not in HTTP.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        headers = {name: value for name in keep if (value := response.headers[name])}
        return Answer(response.status, response.read(), headers)
    finally:
        connection.close()


class Server(socketserver.ThreadingTCPServer):
    """Answers every GET with what ``respond`` makes of its path. A context manager, or `start` and `stop`."""

    # Not `http.server.HTTPServer`: that asks the resolver for the host's name when it binds, which may take seconds.
    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, respond: Callable[[str], Answer], port: int = 0) -> None:
        """Bind ``port`` on loopback, by default one that the system chooses."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.respond = respond
        self.port: int = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take no more requests, finish those in hand and free the port."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of who hung up before the answer came; everything else is told as ever."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _SILENT_SECONDS

    def do_GET(self) -> None:
        """Answer, and end the connection."""
        answer = self.server.respond(self.path)
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing: whoever asked has the answer."""
