"""Faults on request: what a flag server does to its clients on a bad day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from reconciler.embedded.unleash.request import Request

Kind: TypeAlias = Literal["status", "hang", "reset", "lost", "drip", "huge", "meddle"]


@dataclass
class Fault:
    """Something that goes wrong with the requests that match, ``times`` times (None: always).

    ``status``: answers with ``status``, ``headers``, ``body`` and does nothing. ``hang``: says nothing until the double
    is closed. ``reset``: breaks the connection and does nothing. ``lost``: does it, then breaks the connection.
    ``drip``: does it and sends the answer a byte at a time without end. ``huge``: answers without end. ``meddle``:
    calls ``action`` first, then answers as usual: somebody was quicker.
    """

    kind: Kind
    method: str = ""
    part: str = ""
    """What the request's path must contain."""
    times: int | None = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    action: Callable[[], None] | None = None

    def takes(self, request: Request) -> bool:
        """Return whether this request is hit, and count it."""
        hit = self.method in {"", request.method} and self.part in request.target and self.times != 0
        if hit and self.times is not None:
            self.times -= 1
        return hit
