"""What tests of the demo share: a clock that only moves when slept by, waiting for threads, and leftover processes."""

from __future__ import annotations

import os
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
    """Return the command lines of running processes that name ``folder`` there or in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            command, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue  # it has just ended, or is none of ours
        if str(folder).encode() in command + environment:
            found.append(command.replace(b"\0", b" ").decode("utf-8", "replace").strip())
    return found
