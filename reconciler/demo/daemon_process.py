"""The daemon as anybody runs it: `reconciler run -c reconciler.yaml` in a process of its own, and what it logs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from reconciler.demo.children import Child
from reconciler.demo.waiting import NotYetError, UnmetError

_FOLLOWS: Final = "project"
"""The event that is logged once the project has been read and its branches are followed."""
_LISTENS: Final = "listening"
"""The event that is logged with the address of each server, once the port is taken."""


class DaemonProcess:
    """Runs while it is entered. ``log`` is the file with its lines, JSON."""

    def __init__(self, config: Path, log: Path, environment: Mapping[str, str]) -> None:
        self.config = config
        self.log = log
        self._environment = environment
        self._child: Child | None = None

    def __enter__(self) -> Self:
        """Start it."""
        run = [sys.executable, "-m", "reconciler", "run", "-c", str(self.config)]
        command = [*run, "--log-format", "json", "--log-level", "info"]
        self._child = Child(command, self.log, environment=self._environment)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id; 0 before it was started."""
        return self._child.pid if self._child is not None else 0

    def stop(self) -> int:
        """Let it finish the commit in hand, and return its exit status."""
        return self._child.stop() if self._child is not None else 0

    def check_alive(self) -> None:
        """Raise UnmetError if it has ended by itself."""
        status = self._child.status() if self._child is not None else None
        if status is not None:
            how = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
            raise UnmetError(f"the daemon (process {self.pid}) {how}")

    def check_follows(self) -> None:
        """Raise NotYetError until it follows the project."""
        self._line(_FOLLOWS)

    def pages(self) -> str:
        """Return where its bridge is. Raises NotYetError until that can be asked."""
        return f"http://{self._line(_LISTENS, server='bridge')['address']}"

    def _line(self, event: str, **more: str) -> dict[str, Any]:
        lines = _lines(self.log)
        wanted = {"event": event, **more}
        for line in lines:
            if wanted.items() <= line.items():
                return line
        raise NotYetError(f"{len(lines)} log lines, the last {lines[-1].get('event')!r}" if lines else "no log line")


def last_lines(log: Path, count: int) -> list[str]:
    """Return the last lines of a daemon's log, as a person reads them."""
    return [_readable(line) for line in _lines(log)[-count:]]


def _lines(log: Path) -> list[dict[str, Any]]:
    try:
        text = log.read_text("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [_parsed(line) for line in text.splitlines() if line.strip()]


def _parsed(line: str) -> dict[str, Any]:
    """Return a log line; what is no JSON (a traceback of a start that failed) as an event of its own."""
    try:
        found = json.loads(line)
    except ValueError:
        return {"event": line}
    return found if isinstance(found, dict) else {"event": line}


def _readable(line: dict[str, Any]) -> str:
    head = " ".join(str(line[key]) for key in ("timestamp", "level", "event") if key in line)
    more = " ".join(f"{key}={value}" for key, value in line.items() if key not in {"timestamp", "level", "event"})
    return f"{head}  {more}" if more else head
