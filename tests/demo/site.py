"""What tests of the demo share: a clock that only moves when slept by, waiting for threads, and leftover processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 30.0


class Hands:
    """A clock whose time passes by sleeping on it, and then at once."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for a condition that other threads or processes bring about."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited {PATIENCE} s for: {what}"
        time.sleep(0.01)


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of running processes that name anything in ``folder``."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except OSError:
            continue  # it has just ended
        if f"{folder}/" in command:
            found.append(command)
    return found
