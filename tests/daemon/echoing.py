"""A server that is of no use and tells everybody everything: its answers repeat the request, each in another way."""

from __future__ import annotations

import html
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

STATUSES = (500, 400, 403, 404, 409, 422, 503, 401, 429, 302, 200)
_LONG = "z" * 270
"""So much before what is repeated that whoever cuts it at 200 or 300 signs cuts through the secret."""


class Echo:
    """``seen`` is what came: method, target, headers and body, as bytes. ``good``: it answers 200 to everything."""

    def __init__(self, *, good: bool = False) -> None:
        self.good = good
        self.lock = threading.Lock()
        self.seen: list[bytes] = []
        self.url = ""
        self._round = itertools.count()

    def answer(self, request: bytes, authorization: str, target: str) -> bytes:
        """Return the bytes to send; after them the connection is closed."""
        with self.lock:
            self.seen.append(request)
            number = next(self._round)
        if self.good:
            return _http(200, b"{}")
        if number % 13 == 11:
            return b"HTTP/1.1 401 %s\r\nContent-Length: 0\r\n\r\n" % authorization.encode()
        if number % 13 == 12:
            return b"%s\r\n\r\n" % request[:400]
        status, said = STATUSES[number % len(STATUSES)], f"{authorization} {target} {request.decode('latin-1')}"
        texts = [said, quote(said), html.escape(said), _LONG[: 190 - number % 3] + said, _LONG + said]
        text = texts[number % len(texts)]
        if number % 4 == 3:
            return _http(status, text.encode(), "text/plain")
        body: dict[str, Any] = {
            "message": text, "error": text, "reason": text, "hint": text, "details": [{"message": text}],
            "errors": [{"message": text}], "status": "error", "errorType": text, "warnings": [text], "kind": "Status",
        }  # fmt: skip
        return _http(status, json.dumps(body).encode(), more=f"Location: /{quote(authorization)}\r\n")


def _http(status: int, body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        head = f"{self.command} {self.path}\n" + "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        shown = " ".join(self.headers.get(name, "") for name in ("Authorization", "X-Token", "PRIVATE-TOKEN")).strip()
        echo: Echo = self.server.echo  # type: ignore[attr-defined]  # set by `echoing`
        self.close_connection = True
        try:
            self.wfile.write(echo.answer(head.encode() + body, shown, self.path))
        except OSError:
            return

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815  (names that the base class calls)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def echoing(*, good: bool = False) -> Iterator[Echo]:
    echo = Echo(good=good)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.echo = echo  # type: ignore[attr-defined]  # read by the handler
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    echo.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield echo
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
