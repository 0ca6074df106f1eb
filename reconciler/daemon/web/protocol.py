"""The server's connections: no request may take longer than it should, in any of its parts, and none may be too many.

uvicorn leaves the time for a request's head to whoever stands in front of it. Nobody does here: senders are told this
address. So the moment when a request begins is noted with its first byte, and everything else is counted from it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from reconciler.daemon.web.answers import said
from reconciler.daemon.web.limits import Limits

BEGAN: Final = "began"
"""The key of a request's state with the moment of its first byte, on the clock of the server's loop."""
CERTIFIED: Final = "certified"
"""The key that says that the client showed a certificate, which the handshake has checked."""
_WORDS: Final = {
    400: ("this is no HTTP request", "send HTTP/1.1"),
    408: ("the request did not come in time", "send it at once"),
    431: ("the request's headers are too large", "send at most 16 KiB of them"),
    503: ("too many connections", "send it again"),
}


class GuardedProtocol(H11Protocol):
    """One connection. ``told`` is called with the status of an answer that no request was there for."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        limits: Limits,
        connections: int,
        told: Callable[[int], None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._limits = limits
        self._most = connections
        self._told = told
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or turn it away at once where too many are open."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows what asyncio declares
        self._certified = bool(transport.get_extra_info("peercert"))
        if len(self.connections) > self._most:
            self._turn_away(503)
        else:
            self._set_timer(self._limits.idle, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Begin to count with a request's first byte."""
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and not self._began:
            self._began = self.loop.time()
            self._set_timer(self._limits.read, lambda: self._turn_away(408))
        super().data_received(data)
        if self._began and self.conn.their_state is not h11.IDLE:
            self._set_timer(self._began + self._limits.gone - self.loop.time(), self._abort)

    def handle_events(self) -> None:
        """Give each request the moment that it began."""
        self.app_state[BEGAN] = self._began or self.loop.time()
        self.app_state[CERTIFIED] = self._certified
        super().handle_events()

    def on_response_complete(self) -> None:
        """Wait for the next request; one that has come already begins now."""
        self._began = 0.0
        self._stop_timer()
        super().on_response_complete()
        if self.transport.is_closing():
            self._set_timer(self._limits.linger, self._abort)
        elif self.conn.their_state is h11.IDLE:
            self._set_timer(self._limits.idle, self._close)
        else:
            self._set_timer(self._limits.gone, self._abort)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request; heads that are too large have a status of their own."""
        del msg  # uvicorn's words; ours are a document
        error = sys.exception()
        large = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431
        self._turn_away(431 if large else 400)

    def _turn_away(self, status: int) -> None:
        """Answer, where an answer can still be given, and close."""
        self._stop_timer()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._told(status)
            error, hint = _WORDS[status]
            body = json.dumps(said(error, hint)).encode() + b"\n"
            again = b"Retry-After: 1\r\n" if status == 503 else b""
            head = f"HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n".encode()
            self.transport.write(head + again + b"Connection: close\r\n\r\n" + body)
        self._close()

    def _close(self) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.close()
            # A peer that takes nothing would keep what is left to send, and the connection with it.
            self._set_timer(self._limits.linger, self._abort)

    def _abort(self) -> None:
        self.transport.abort()

    def _set_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(max(seconds, 0.0), then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
