"""A web server that notes what it is sent and answers as it is told, for everything that speaks to a daemon."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int
    document: object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Recorder:
    """``answers`` are given in turn, the last one for ever."""

    url: str
    answers: list[Said]
    sent: list[Sent] = field(default_factory=list)


@contextmanager
def recorder(*answers: Said) -> Iterator[Recorder]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            record.sent.append(Sent(self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            said = record.answers.pop(0) if len(record.answers) > 1 else record.answers[0]
            content = said.document if isinstance(said.document, bytes) else json.dumps(said.document).encode()
            self.send_response(said.status)
            for name, text in said.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    record = Recorder(f"http://127.0.0.1:{server.server_address[1]}", list(answers))
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def broken(answer: bytes) -> Iterator[str]:
    """A server that takes one request, sends these bytes and closes; yields its address."""

    def serve() -> None:
        connection, _ = door.accept()
        with connection:
            connection.settimeout(10)
            # The whole request first: what is left unread would reset the connection.
            while (read := connection.recv(65536)) and not read.endswith(b"}"):
                continue
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        thread.join()


def receipt(outcome: str, **more: str) -> dict[str, str]:
    """Return a line of a daemon's answer about `carts`."""
    where = {"problem": "cloudevents-7", "project": "shop", "stage": "production", "service": "carts"}
    return {**where, "outcome": outcome, **more}


def accepted(outcome: str = "accepted") -> Said:
    """Return the answer to a problem that is on the remote."""
    path = "ops/production/carts/problems/cloudevents-7.yaml"
    return Said(200, {"problems": [receipt(outcome, path=path, commit="0123456789abcdef")]})
