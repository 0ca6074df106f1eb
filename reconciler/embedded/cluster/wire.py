"""HTTP: a threaded loopback server with keep-alive, whose answers leave in one piece, and which can misbehave.

The request head is read here rather than by `http.server`, whose e-mail parser costs more than a whole request of ours.
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any, cast

from reconciler.embedded.cluster.answers import ApiError
from reconciler.embedded.cluster.dispatch import Answer, Dispatch
from reconciler.embedded.cluster.faults import Before, Cut, Drop, Faults, Hang, Refuse, Reset, Stale
from reconciler.embedded.cluster.journal import Entry, Journal, decoded
from reconciler.embedded.cluster.requests import Request

_LONGEST_LINE = 65536
_MOST_HEADERS = 100
_LARGEST_BODY = 3 << 20  # as the API server's own limit
_LONGEST_ANSWER = 2.0  # seconds that a client which does not read may hold us up
_ABORT = struct.pack("ii", 1, 0)


class _LostError(Exception):
    """The connection is gone; nothing more to do on it."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Listens on a loopback port that the system chooses; one thread a connection."""

    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(
        self,
        dispatch: Dispatch,
        faults: Faults,
        journal: Journal,
        tls: ssl.SSLContext | None,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.dispatch = dispatch
        self.now = now
        self.faults = faults
        self.journal = journal
        self._tls = tls
        self._ending = threading.Event()
        self._accepting = threading.Thread(target=self._accept, name="embedded-cluster", daemon=True)
        self._open: set[socket.socket] = set()
        self._lock = threading.Condition()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the handshake of TLS is left to the connection's own thread."""
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, which may be closed already."""
        with self._lock:
            self._open.discard(request)
            self._lock.notify_all()
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of errors of ours; a client that went away, or did not like our certificate, is none."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def start(self) -> None:
        """Begin to accept connections."""
        self._accepting.start()

    def _accept(self) -> None:
        """Accept connections until `stop`; waits without polling."""
        while True:
            connection, address = self.get_request()
            if self._ending.is_set():  # this connection is the one that `stop` wakes us with
                self.shutdown_request(connection)
                return
            self.process_request(connection, address)

    def stop(self) -> None:
        """Stop accepting, let answers under way go out, end all connections and wait for their threads."""
        self._ending.set()
        _quietly(lambda: socket.create_connection(("127.0.0.1", self.server_address[1]), timeout=5).close())
        self._accepting.join()
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):
            with self._lock:
                for connection in self._open:
                    _quietly(partial(socket.socket.shutdown, connection, how))  # TLS would be dropped by its own
                self._lock.wait_for(lambda: not self._open, _LONGEST_ANSWER)
        self.server_close()


def _quietly(action: Callable[[], object]) -> None:
    try:
        action()
    except OSError:
        return  # the other side was faster


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle(self) -> None:
        """Serve requests until the client, or a fault, ends the connection."""
        try:
            while self._serve():
                self.wfile.flush()
        except (_LostError, OSError):
            self.close()

    def close(self) -> None:
        """Close at once, with a reset."""
        _quietly(lambda: self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT))
        for part in (self.wfile, self.rfile, self.connection):
            _quietly(part.close)

    def finish(self) -> None:
        """Flush what is left, if anybody is there to read it."""
        _quietly(super().finish)

    def _serve(self) -> bool:
        head = self.rfile.readline(_LONGEST_LINE)
        parts = head.split()
        if len(parts) != 3:
            return False
        headers: dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            line = self.rfile.readline(_LONGEST_LINE)
            if line in (b"\r\n", b"\n", b""):
                break
            key, _, value = line.partition(b":")
            headers[key.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
        length = int(headers.get("content-length", 0))
        if length > _LARGEST_BODY or "chunked" in headers.get("transfer-encoding", ""):
            self._send("", Answer(413, ApiError(413, "Request entity too large: limit is 3145728").body()))
            return False
        body = self.rfile.read(length)
        request = Request.parse(parts[0].decode("latin-1"), parts[1].decode("latin-1"), headers, body)
        self._meet(request)
        return headers.get("connection", "").lower() != "close"

    def _meet(self, request: Request) -> None:
        """Answer a request, through whatever fault it meets."""
        server = cast("Server", self.server)
        fault = server.faults.take(request)
        stale = 0
        match fault:
            case Refuse():
                error = ApiError(fault.code, fault.message, reason=fault.reason, retry_after=fault.retry_after)
                extra = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                text = error.body() if fault.body is None else fault.body.decode("latin-1")
                self._note(request, fault.code)
                self._send(request.method, Answer(fault.code, text, headers=extra))
                return
            case Reset():
                self._note(request, 0)
                raise _LostError
            case Hang():
                server.faults.hold()
            case Before():
                fault.action()
            case Stale():
                stale = fault.versions
            case _:
                pass
        answer = server.dispatch.answer(request, stale)
        self._note(request, 0 if isinstance(fault, Drop | Cut) else answer.code)
        if isinstance(fault, Drop):
            raise _LostError
        if answer.stream is None:
            self._send(request.method, answer, half=isinstance(fault, Cut))
        else:
            self._stream(answer)

    def _note(self, request: Request, status: int) -> None:
        entry = Entry(
            request.method,
            request.path,
            request.query,
            request.headers,
            request.manager,
            decoded(request.body),
            status,
        )
        cast("Server", self.server).journal.add(entry)

    def _head(self, answer: Answer, content: str) -> str:
        kind = "text/plain" if isinstance(answer.body, str) and answer.stream is None else "application/json"
        date = format_datetime(cast("Server", self.server).now(), usegmt=True)
        lines = [f"HTTP/1.1 {answer.code} -", f"Date: {date}", f"Content-Type: {kind}", content]
        lines += [f"{key}: {value}" for key, value in answer.headers.items()]
        return "\r\n".join(lines) + "\r\n\r\n"

    def _send(self, method: str, answer: Answer, *, half: bool = False) -> None:
        body = answer.body.encode("latin-1") if isinstance(answer.body, str) else json.dumps(answer.body).encode()
        self.wfile.write(self._head(answer, f"Content-Length: {len(body)}").encode("latin-1"))
        if method != "HEAD":
            self.wfile.write(body[: len(body) // 2] if half else body)
        if half:
            self.wfile.flush()
            raise _LostError

    def _stream(self, answer: Answer) -> None:
        self.wfile.write(self._head(answer, "Transfer-Encoding: chunked").encode("latin-1"))
        self.wfile.flush()
        for document in answer.stream or ():
            line = json.dumps(document).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
