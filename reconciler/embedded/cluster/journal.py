"""The journal: every request that came in and how it was answered, for assertions."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One request. ``status`` is 0 where no answer was given; ``body`` is the decoded JSON that the client sent.

    ``at`` is when it was over, in this machine's monotonic seconds.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    manager: str
    body: Any
    status: int
    at: float = field(default_factory=time.monotonic, compare=False)


class Journal:
    """The last requests, oldest first. Thread-safe."""

    def __init__(self, length: int = 20_000) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=length)

    def add(self, entry: Entry) -> None:
        """Note a request that is over."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()

    def take(self) -> list[Entry]:
        """Return all requests and forget them: none is told twice, and none is missed."""
        with self._lock:
            taken = list(self._entries)
            self._entries.clear()
            return taken

    def entries(self, method: str = "", path: str = "") -> list[Entry]:
        """Return the requests with this method whose path holds ``path``; empty is any."""
        with self._lock:
            return [entry for entry in self._entries if (method or entry.method) == entry.method and path in entry.path]

    def writes(self) -> list[Entry]:
        """Return the requests that could have changed something."""
        return [entry for entry in self.entries() if entry.method not in ("GET", "HEAD")]


def decoded(body: bytes) -> Any:
    """Return the JSON that a client sent, or its text where it is none."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
