"""The double as a server on loopback: port of the system's choice, a journal of what was asked, faults on request."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Self

from reconciler.embedded.unleash.legacy import Legacy
from reconciler.embedded.unleash.modern import Modern
from reconciler.embedded.unleash.request import Reply, Request
from reconciler.embedded.unleash.world import ADMIN, Account, World

if TYPE_CHECKING:
    from types import TracebackType

    from reconciler.embedded.unleash.faults import Fault

ADMIN_TOKEN = "*:*.unleash-admin-secret"  # noqa: S105  the double's own, worth nothing
CLIENT_TOKEN = "*:production.unleash-client-prod"  # noqa: S105  as above
VIEWER_TOKEN = "user:viewer"  # noqa: S105  as above
LEGACY_LOGIN = "keptn:keptn"
_MODERN_ACCOUNTS = {
    ADMIN_TOKEN: ADMIN,
    CLIENT_TOKEN: Account(0, "client", "client"),
    VIEWER_TOKEN: Account(3, "viewer1", "viewer"),
}


@dataclass(frozen=True)
class Exchange:
    """What was asked and answered; status 0 where nothing was. ``headers`` have lower-case names."""

    method: str
    target: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    content: bytes = field(default=b"", compare=False)


class UnleashDouble:
    """A double of Unleash, today's or that of Keptn's time. Use as a context manager, or `start` and `close`.

    ``world`` is what it knows (`world.accounts` maps tokens, or ``user:password``, to accounts), ``journal`` what it
    was asked, ``faults`` what shall go wrong. While ``database_gone`` is set everything but `/health` and `/ready`
    hangs, as the real one does.
    """

    def __init__(self, generation: Literal["modern", "legacy"] = "modern", world: World | None = None) -> None:
        self.world = world or World()
        accounts = _MODERN_ACCOUNTS if generation == "modern" else {LEGACY_LOGIN: Account(1, "keptn@example.test")}
        self.world.accounts = {**accounts, **self.world.accounts}
        self.api: Modern | Legacy = Modern(self.world) if generation == "modern" else Legacy(self.world)
        self.journal: list[Exchange] = []
        self.faults: list[Fault] = []
        self.database_gone = False
        self._closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the double is not started")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Listen."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), name="unleash-double", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and let every request that hangs go."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            with self._guard:
                for connection in self._connections:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
            self._server.server_close()
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def writes(self) -> list[Exchange]:
        """Return the exchanges that were meant to change something."""
        return [exchange for exchange in self.journal if exchange.method != "GET"]

    def serve(self, request: Request) -> tuple[Reply | None, str]:
        """Return the answer, None for none, and what to do with the connection: keep, reset, drip or huge."""
        fault = next((fault for fault in list(self.faults) if fault.takes(request)), None)
        if self.database_gone and request.path not in {"/health", "/ready"}:
            return self._hang(request)
        match fault.kind if fault else "":
            case "hang":
                return self._hang(request)
            case "reset":
                self._note(request, 0)
                return None, "reset"
            case "status" if fault:
                self._note(request, fault.status)
                return Reply(fault.status, fault.body, fault.headers), "keep"
            case "meddle" if fault and fault.action:
                fault.action()
        reply = self.api.answer(request)
        self._note(request, reply.status)
        return reply, {"lost": "reset", "drip": "drip", "huge": "huge"}.get(fault.kind if fault else "", "keep")

    def joined(self, connection: socket.socket) -> None:
        """Remember a connection, to end it when closing."""
        with self._guard:
            self._connections.add(connection)

    def left(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._guard:
            self._connections.discard(connection)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the double; return whether it came."""
        return self._closing.wait(seconds)

    def _hang(self, request: Request) -> tuple[None, str]:
        self._note(request, 0)
        self._closing.wait()
        return None, "reset"

    def _note(self, request: Request, status: int) -> None:
        with self._guard:
            self.journal.append(Exchange(request.method, request.target, status, request.headers, request.content))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    double: UnleashDouble

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of errors, but not of clients that went away: that is what this server is for."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: two small ones would wait 40 ms for each other.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.double.joined(self.connection)

    def finish(self) -> None:
        self.server.double.left(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base's name
        """Say nothing; the journal has it."""

    def _any(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply, then = self.server.double.serve(Request(self.command, self.path, headers, content))
        if reply is None or then == "reset":
            self._reset()
        elif then == "keep":
            self._send(reply)
        else:
            self._endless(b"x" * 65536 if then == "huge" else b" ", 0.0 if then == "huge" else 0.02)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815  the base's names

    def _send(self, reply: Reply) -> None:
        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        content = text.encode()
        self.send_response(reply.status)
        if not isinstance(reply.body, str):
            self.send_header("Content-Type", "application/json; charset=utf-8")
        elif text.startswith("<"):
            self.send_header("Content-Type", "text/html; charset=utf-8")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _endless(self, piece: bytes, pause: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.end_headers()
        while not self.server.double.wait(pause):
            self.wfile.write(piece)
            self.wfile.flush()

    def _reset(self) -> None:
        """Break the connection the hard way, so that the client sees a reset and no answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
