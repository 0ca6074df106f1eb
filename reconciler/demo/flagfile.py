"""How `carts` reads its feature flags: the defaults out of flagd's file, and the last good ones while it is broken.

A service of one's own would use OpenFeature's flagd provider; the demo reads the plain JSON, to need nothing for it.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any


class FlagFile:
    """A flag file, read again whenever a flag is asked for. Safe to use from threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._last: dict[str, Any] = {}

    def enabled(self, name: str, *, default: bool = False) -> bool:
        """Say whether a flag is on; ``default`` where it is unknown, DISABLED, or no boolean."""
        flag = self._read().get(name)
        if not isinstance(flag, dict) or flag.get("state") != "ENABLED":
            return default
        value = flag.get("variants", {}).get(flag.get("defaultVariant"))
        return value if isinstance(value, bool) else default

    def _read(self) -> dict[str, Any]:
        with self._lock:
            try:
                found = json.loads(self._path.read_text("utf-8"))["flags"]
            except (OSError, ValueError, KeyError, TypeError):
                return self._last  # as flagd's provider does: better the last good values than none
            if isinstance(found, dict):
                self._last = found
            return self._last
