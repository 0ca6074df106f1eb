"""Processes that the demo starts: each in a group of its own, so that Ctrl-C is for us alone, and ended by its id."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_PATIENCE: Final = 10.0
"""Seconds for an orderly end, after which it is no longer asked."""


class Child:
    """A running process. Its stdin is a pipe that closes with us; what it says is added to the file ``log``.

    Of one that ``announces``, stdout is kept apart for `line`; with ``out`` it goes into that file instead.
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

    def line(self, number: int = 0) -> bytes | None:
        """Return a line of stdout, by its number from 0, once it is there; without waiting for it."""
        pipe: IO[bytes] | None = self._process.stdout
        if self._said.count(b"\n") <= number and pipe is not None and not pipe.closed:
            self._said += pipe.read(1 << 16) or b""
        lines = self._said.split(b"\n")
        return lines[number] if number < len(lines) - 1 else None

    def tell(self, line: bytes) -> None:
        """Write a line to its stdin. Raises BrokenPipeError where it has ended."""
        pipe: IO[bytes] | None = self._process.stdin
        if pipe is None or pipe.closed:
            raise BrokenPipeError
        pipe.write(line + b"\n")
        pipe.flush()

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
                with suppress(BrokenPipeError):  # what it was told last and has not read
                    pipe.close()
        return status
