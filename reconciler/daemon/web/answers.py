"""Answers: what senders are told, as JSON; and how one goes out before the request's body has come.

A status is chosen for what the sender will do about it. Alertmanager repeats on 5xx only, so everything that may be
accepted later is 503, never 429; 4xx is for what can never be accepted, and says what to change.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reconciler.daemon.failpoints import reach
from reconciler.daemon.web.limits import Limits

BUSY: Final = 1.0
"""Seconds after which somebody may come again who was turned away because of others."""
UNAVAILABLE: Final = 5.0
"""Seconds after which a report may come again that could not be pushed."""
_PIECE: Final = 64 * 1024
"""Bytes of an answer that are written before it is asked whether the last ones were taken."""
READ: Final = "body_was_read"
"""The key of a request's state that says that nothing of its body is left on the connection."""


class Answer(Response):
    """A status and a document.

    Where the request's body was not read, the connection is closed after it. A connection that is closed with bytes
    unread is reset, and the sender would see that in place of the answer: so the bytes are thrown away for a moment.
    ``sent`` is called when all of it has been taken, or nobody takes it any more.
    """

    media_type = "application/json"

    def __init__(
        self,
        status: int,
        document: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> None:
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        super().__init__(body, status, dict(headers or {}))
        self.document = document
        self.inside = ""
        self.sent: Callable[[], None] = lambda: None
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            reach("before-answer")
            await self._send(scope, receive, send)
            reach("after-answer")
        finally:
            self.sent()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = dict(scope["headers"])
        announced = sent.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in sent
        unread = announced and not scope.get("state", {}).get(READ, False)
        headers = [*self.raw_headers, *([(b"connection", b"close")] if unread else [])]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        for at in range(0, len(self.body), _PIECE):
            await send({"type": "http.response.body", "body": self.body[at : at + _PIECE], "more_body": True})
        if unread and sent.get(b"expect", b"").lower() != b"100-continue":
            await self._drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self, receive: Receive) -> None:
        left = self._limits.linger_bytes
        try:
            async with asyncio.timeout(self._limits.linger):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return


class Refusal(Exception):  # noqa: N818  an answer, not a fault of ours
    """Ends a request with an answer, from wherever it is being looked at. ``inside`` is for our own log alone."""

    def __init__(
        self, status: int, error: str, hint: str = "", headers: Mapping[str, str] | None = None, inside: str = ""
    ) -> None:
        super().__init__(error)
        self.status = status
        self.document = said(error, hint)
        self.headers = dict(headers or {})
        self.inside = inside


def said(error: str, hint: str = "") -> dict[str, Any]:
    """Return the document of an error."""
    return {"error": error} | ({"hint": hint} if hint else {})


def later(error: str, hint: str = "", seconds: float = BUSY, inside: str = "") -> Refusal:
    """Return the refusal that makes a sender come again after so many seconds."""
    return Refusal(503, error, hint or "send it again", retry_after(seconds), inside)


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header, in whole seconds."""
    return {"Retry-After": str(max(math.ceil(seconds), 1))}
