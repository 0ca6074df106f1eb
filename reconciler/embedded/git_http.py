"""Git's smart HTTP on loopback: `git http-backend` behind a small threaded server, with faults on request.

Demo, benchmarks and tests use it as the remote behind a network: keep-alive connections, request bodies with a
length or chunked, compressed ones passed on as they are, protocol version 2, basic authentication. What a real
forge's front does on a bad day (401, 403, 503, silence, a drip, half a pack, a broken connection) is made on request.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import IO, Any, Final, Literal, Self
from urllib.parse import unquote, urlsplit

FaultKind = Literal["status", "hang", "reset", "lost", "drip", "stall"]

_CHUNK: Final = 1 << 16
_HEAD_LIMIT: Final = 1 << 16


@dataclass
class GitFault:
    """Something that goes wrong with the requests whose target contains ``part``, ``times`` times (None: always).

    ``status``: answers with ``status`` and does nothing. ``hang``: says nothing until `GitHttpServer.release` or the
    end. ``reset``: breaks the connection and does nothing. ``lost``: does all of it, then breaks the connection.
    ``drip``: answers a byte every ``every`` seconds, as a slow proxy does. ``stall``: stops in the middle of a pack,
    whoever sends it, and says nothing until `GitHttpServer.release`; a conversation without a pack is as ever.
    """

    kind: FaultKind
    part: str = ""
    times: int | None = 1
    status: int = 503
    every: float = 0.1

    def takes(self, target: str) -> bool:
        """Return whether this request is hit, and count it."""
        hit = self.part in target and self.times != 0
        if hit and self.times is not None:
            self.times -= 1
        return hit


@dataclass(frozen=True)
class GitRequest:
    """What was asked and answered; status 0 where nothing was. ``headers`` have lower-case names."""

    method: str
    target: str
    user: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


class GitHttpServer:
    """Serves the repositories below ``root``. Use as a context manager, or `start` and `close`.

    ``users`` maps names to passwords; without it everybody may read and write. Both may be changed while it runs.
    ``journal`` is what it was asked, ``faults`` what shall go wrong (the first that takes a request counts).
    """

    def __init__(self, root: Path, users: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.users = users
        self.journal: list[GitRequest] = []
        self.faults: list[GitFault] = []
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens; a repository is ``<url>/<path below root>``."""
        if self._server is None:
            raise RuntimeError("the server is not started")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self, port: int = 0) -> None:
        """Listen on a port of the system's choice, or on this one: a server that was closed may come back there."""
        self._released.clear()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="git-http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, let every request that hangs go and break what is open."""
        self.release()
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    def release(self) -> None:
        """Break the connections of all requests that hang, now and later."""
        self._released.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def user_of(self, authorization: str) -> str | None:
        """Return the user that a basic ``Authorization`` header names, empty where nobody need be; None: refused."""
        if self.users is None:
            return ""
        scheme, _, value = authorization.partition(" ")
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        known = self.users.get(name)
        right = known is not None and hmac.compare_digest(known.encode(), password.encode())
        return name if scheme.lower() == "basic" and right else None

    def fault_for(self, target: str) -> GitFault | None:
        """Return the fault that takes this request."""
        with self._guard:
            return next((fault for fault in self.faults if fault.takes(target)), None)

    def note(self, request: GitRequest) -> None:
        """Put a request into the journal."""
        with self._guard:
            self.journal.append(request)

    def joined(self, connection: socket.socket) -> None:
        """Remember a connection, to end it when closing."""
        with self._guard:
            self._connections.add(connection)

    def left(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._guard:
            self._connections.discard(connection)

    def hang(self, connection: socket.socket) -> None:
        """Wait until released, or until the client has gone."""
        while not self._released.is_set():
            readable, _, _ = select.select([connection], [], [], 0.05)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                return

    def pause(self, seconds: float) -> None:
        """Wait, or until released."""
        self._released.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    owner: GitHttpServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of errors, but not of clients that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for the client's delayed acknowledgement
    wbufsize = _CHUNK
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.owner.joined(self.connection)

    def finish(self) -> None:
        self.server.owner.left(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing; the journal has it."""

    def _any(self) -> None:
        owner = self.server.owner
        fault = owner.fault_for(self.path)
        user = owner.user_of(self.headers.get("Authorization", ""))
        if fault is not None and fault.kind in {"hang", "reset"}:
            owner.note(self._asked(user, 0))
            if fault.kind == "hang":
                owner.hang(self.connection)
            self.close_connection = True
            return
        refused = fault.status if fault is not None and fault.kind == "status" else 401 if user is None else 0
        if refused:
            self._discard()
            owner.note(self._asked(user, refused))
            self._refuse(refused)
            return
        self._backend(user or "", fault)

    do_GET = do_POST = _any  # noqa: N815 - the base's names

    def _asked(self, user: str | None, status: int) -> GitRequest:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return GitRequest(self.command, self.path, user or "", status, headers)

    def _refuse(self, status: int) -> None:
        text = f"{HTTPStatus(status).phrase}\n".encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _body(self) -> bytes:
        """Return the request's body, whose size the client may not have known beforehand."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return b"".join(parts)

    def _discard(self) -> None:
        if self.headers.get("Expect", "").lower() != "100-continue":
            self._body()

    def _backend(self, user: str, fault: GitFault | None) -> None:
        body = self._body()
        kind = "" if fault is None else fault.kind
        half = _half(body) if kind == "stall" else len(body)
        with subprocess.Popen(
            ["git", "http-backend"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment(user, len(body)),
            process_group=0,
        ) as backend:
            stdin, stdout = backend.stdin, backend.stdout
            if stdin is None or not isinstance(stdout, BufferedReader):
                raise AssertionError("Popen was asked for buffered pipes")
            feeder = threading.Thread(target=_feed, args=(stdin, body[:half], half == len(body)), daemon=True)
            feeder.start()
            if half < len(body):
                feeder.join()
                self._break_off(user)
                # Closing its input would not do: it waits for what took half of the pack, which waits for the rest.
                os.killpg(backend.pid, signal.SIGTERM)
                stdout.read()
            elif kind == "lost":
                stdout.read()
                self._break_off(user, waits=False)
            elif kind == "stall":
                self._stall(stdout, user)
            else:
                self._relay(stdout, user, fault.every if fault is not None else 0.0)
            feeder.join()

    def _break_off(self, user: str, *, waits: bool = True) -> None:
        """Note that no whole answer was given, and give none; ``waits``: till released or till the client has gone."""
        self.server.owner.note(self._asked(user, 0))
        if waits:
            self.server.owner.hang(self.connection)
        self.close_connection = True

    def _stall(self, stdout: BufferedReader, user: str) -> None:
        """Pass an answer on, a pack only to its half."""
        answer = stdout.read()
        half = _half(answer)
        self._relay(BufferedReader(BytesIO(answer[:half])), user, ends=half == len(answer))
        if half < len(answer):
            self._break_off(user)

    def _environment(self, user: str, size: int) -> dict[str, str]:
        parts = urlsplit(self.path)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment.update(
            GIT_PROJECT_ROOT=str(self.server.owner.root),
            GIT_HTTP_EXPORT_ALL="1",
            GIT_CONFIG_NOSYSTEM="1",
            GIT_CONFIG_GLOBAL=os.devnull,
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0="http.receivepack",
            GIT_CONFIG_VALUE_0="true",
            REQUEST_METHOD=self.command,
            PATH_INFO=unquote(parts.path),
            QUERY_STRING=parts.query,
            CONTENT_TYPE=self.headers.get("Content-Type", ""),
            CONTENT_LENGTH=str(size),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
            REMOTE_ADDR=self.client_address[0],
        )
        if user:
            environment["REMOTE_USER"] = user
        if protocol := self.headers.get("Git-Protocol"):
            environment["GIT_PROTOCOL"] = environment["HTTP_GIT_PROTOCOL"] = protocol
        return environment

    def _relay(self, stdout: BufferedReader, user: str, every: float = 0.0, *, ends: bool = True) -> None:
        """Pass the CGI answer on: headers first, then the body in chunks as it comes, or a byte ``every`` seconds."""
        head: list[bytes] = []
        while (line := stdout.readline(_HEAD_LIMIT).rstrip(b"\r\n")) != b"":
            head.append(line)
        status = 200 if head else 500
        headers: list[tuple[str, str]] = []
        for line in head:
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "status":
                status = int(value.split()[0])
            else:
                headers.append((name, value.strip()))
        self.server.owner.note(self._asked(user, status))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while chunk := stdout.read1(1 if every else _CHUNK):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if every:
                self.wfile.flush()
                self.server.owner.pause(every)
        self.wfile.write(b"0\r\n\r\n" if ends else b"")
        self.wfile.flush()


def _half(data: bytes) -> int:
    """Return where the half of the pack in it ends; the end of all where there is no pack."""
    start = data.find(b"PACK")
    return len(data) if start < 0 else (start + len(data)) // 2


def _feed(stdin: IO[bytes], body: bytes, ends: bool) -> None:
    """Write the body; ``ends``: nothing more will come."""
    with contextlib.suppress(BrokenPipeError), stdin if ends else contextlib.nullcontext():
        stdin.write(body)
        stdin.flush()
