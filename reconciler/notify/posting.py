"""A POST to a receiver, and what its answer means for the notice: told, to be told again, or never taken.

What concerns the receiver as a whole (it is down, moved, or does not know us) is tried again until somebody mends it:
nothing may be lost over a token that is being rotated. What concerns this very notice can only be left out, or nothing
after it would ever be told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.model.errors import BlindError, TerminalError, TransientError
from reconciler.notify.protocol import Post, Reply

_LATER: Final = frozenset({408, 425, 429})
_MISPLACED: Final = frozenset({401, 403, 404, 405, 407, 410, 421, 426, 451})
"""Statuses by which a server says that it is not for us, whatever we tell it."""


@dataclass(frozen=True)
class Receiver:
    """Where and how to post. ``url`` and ``token`` are read at every call; ``deadline`` is in seconds for one call."""

    name: str
    post: Post
    url: Callable[[], str]
    token: Callable[[], str] | None = None
    deadline: float = 10.0
    ca_file: Path | None = None

    def tell(self, document: Mapping[str, Any], key: str) -> None:
        """Post a document with its idempotency key.

        Raises:
            TransientError: not told, or not known to be. TerminalError: this document is refused.
        """
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Idempotency-Key": key} | self._authorization()
        self._judge(self.post(self.url(), body, headers, deadline=self.deadline, ca_file=self.ca_file))

    def _authorization(self) -> dict[str, str]:
        if self.token is None:
            return {}
        token = self.token()
        if not token or not token.isascii() or not token.isprintable():
            raise BlindError(f"the token of {self.name} is empty or not one line of ASCII text", hint="write it again")
        return {"Authorization": f"Bearer {token}"}

    def _judge(self, reply: Reply) -> None:
        told = f"{self.name} answered {reply.status}" + (f": {reply.said}" if reply.said else "")
        if 200 <= reply.status < 300:
            return
        if reply.status in _LATER or not 300 <= reply.status < 500:
            raise TransientError(told, retry_after=reply.retry_after)
        if reply.status < 400:
            hint = "redirects are not followed: set the address to where it really is"
            raise BlindError(told, hint=hint, retry_after=reply.retry_after)
        if reply.status in _MISPLACED:
            hint = "look at its address and token in the daemon's configuration; until then nothing is lost"
            raise BlindError(told, hint=hint, retry_after=reply.retry_after)
        raise TerminalError(told, hint="it is left out: look at what the receiver says about it")
