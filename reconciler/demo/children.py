"""Processes that the demo starts: each in a group of its own, so that Ctrl-C is for us alone, and ended by its id."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_PATIENCE: Final = 10.0
"""Seconds for an orderly end, after which it is no longer asked."""


class Child:
    """A running process. Its stdin is a pipe that closes with us; what it says is added to the file ``log``.

    Of one that ``announces``, stdout is kept apart for `first_line`; with ``out`` it goes into that file instead.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        announces: bool = False,
        out: Path | None = None,
    ) -> None:
        with log.open("ab") as written, (out or log).open("ab") as said:
            self._process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE if announces else said, stderr=written,
                env=None if environment is None else dict(environment), start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid
        self._said = b""
        if self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)

    def status(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def first_line(self) -> bytes | None:
        """Return the first line on stdout once it is there, without waiting for it."""
        pipe: IO[bytes] | None = self._process.stdout
        if b"\n" not in self._said and pipe is not None and not pipe.closed:
            self._said += pipe.read(1 << 16) or b""
        line, end, _ = self._said.partition(b"\n")
        return line if end else None

    def stop(self, patience: float = _PATIENCE) -> int:
        """Ask it to end (SIGTERM), make it after ``patience`` seconds, and return its exit status. May be repeated."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return status
