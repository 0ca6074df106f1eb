"""One git process whose every wait has a deadline.

`subprocess.communicate` serves one question and `Popen`'s buffered streams block for ever on a hanging child. Here
input is written while output is read (so neither pipe can fill up and stop both), standard error is kept but
bounded, and a child that says nothing for ``timeout`` seconds is killed together with its own children.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Final, Self

from reconciler.model.errors import ConfigError, TransientError

_CHUNK: Final = 1 << 18
_KEPT_ERRORS: Final = 16 << 10
_REAP_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 2.0
_SHORT: Final = "let the daemon have more open files, processes or memory (`ulimit -a`, the container's limits)"


class ProcessDiedError(Exception):
    """The child ended or closed its output in the middle of an answer. ``stderr`` is what it said last."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(f"git ended with status {status}: {stderr.strip()[-500:]}")
        self.status = status
        self.stderr = stderr


class ProcessTimedOutError(Exception):
    """The child said nothing for ``seconds`` and was killed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"git gave no answer within {seconds:g} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Finished:
    """How a one-shot command ended."""

    status: int
    stdout: bytes
    stderr: str


class Process:
    """A running git. Not thread-safe; whoever makes one calls `kill` or `finish`, or uses it as a context manager."""

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        timeout: float,
        clock: Callable[[], float],
        total: float | None = None,
        own_group: bool = True,
        cwd: str | PathLike[str] = "/",
    ) -> None:
        """Start it. ``timeout`` in seconds bounds each silence, ``total`` the whole life; ``clock`` is monotonic.

        ``own_group`` detaches it from the terminal, so that a Ctrl-C meant for us cannot kill a push half way and a
        kill reaches grandchildren; a person's command keeps the terminal, since ssh may have to ask for a passphrase.
        """
        self._timeout = timeout
        self._clock = clock
        self._end = None if total is None else clock() + total
        self._own_group = own_group
        try:
            self._popen = subprocess.Popen(
                argv,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A group, not a session: under load the scheduler gives a session of its own less.
                process_group=0 if own_group else None,
                bufsize=0,
                cwd=cwd,
            )
        except FileNotFoundError as error:
            raise ConfigError(
                f"{argv[0]} is not installed", hint="install git 2.31 or newer, and ssh for ssh remotes, on the PATH"
            ) from error
        except OSError as error:  # no more files, processes or memory; whoever has them may give them back
            raise TransientError(f"{argv[0]} cannot be started: {error.strerror}", hint=_SHORT) from error
        stdin, stdout, stderr = self._popen.stdin, self._popen.stdout, self._popen.stderr
        if stdin is None or stdout is None or stderr is None:
            raise AssertionError("Popen was asked for pipes")
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._in, self._out, self._err = stdin.fileno(), stdout.fileno(), stderr.fileno()
        for descriptor in (self._in, self._out, self._err):
            os.set_blocking(descriptor, False)
        with contextlib.suppress(OSError):  # the user's pipe quota may be used up; the default size works too
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, _CHUNK)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)
        self._pending = memoryview(b"")
        self._awaiting_room = False
        self._buffer = b""
        self._position = 0
        self._errors = b""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def limit_memory(self, size: int) -> None:
        """Give it no more than ``size`` bytes of its own: beyond, git ends and says so. Maps of packs do not count.

        Only Linux can do that for another process; elsewhere, and where a sandbox forbids it, nothing is limited.
        """
        if sys.platform == "linux":
            # Where it has ended already, its answer will tell.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                _, hard = resource.prlimit(self.pid, resource.RLIMIT_DATA)
                limit = size if hard == resource.RLIM_INFINITY else min(size, hard)
                resource.prlimit(self.pid, resource.RLIMIT_DATA, (limit, hard))

    def send(self, data: bytes) -> None:
        """Queue input; what doesn't fit into the pipe now is written while output is awaited."""
        self._pending = memoryview(bytes(self._pending) + data) if self._pending else memoryview(data)
        self._flush()

    def line(self) -> bytes:
        """Return the next line of output without its line feed."""
        return self.until(b"\n")

    def until(self, separator: bytes) -> bytes:
        """Return the output before the next separator (one byte), which is consumed."""
        found = self._buffer.find(separator, self._position)
        while found < 0:
            searched = len(self._buffer) - self._position
            if not self._fill():
                raise self._dead()
            found = self._buffer.find(separator, self._position + searched)
        start, self._position = self._position, found + 1
        return self._buffer[start:found]

    def peek(self) -> bytes:
        """Return the next byte of output without consuming it."""
        while self._position == len(self._buffer):
            if not self._fill():
                raise self._dead()
        return self._buffer[self._position : self._position + 1]

    def exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes of output."""
        if len(self._buffer) - self._position >= size:
            start = self._position
            self._position += size
            return self._buffer[start : self._position]
        parts: list[bytes] = []
        self._take(size, parts)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Read and forget ``size`` bytes of output."""
        self._take(size, None)

    def _take(self, size: int, parts: list[bytes] | None) -> None:
        while size:
            if self._position == len(self._buffer) and not self._fill():
                raise self._dead()
            part = self._buffer[self._position : self._position + size]
            self._position += len(part)
            size -= len(part)
            if parts is not None:
                parts.append(part)

    def chunk(self) -> bytes:
        """Return whatever output comes next; empty at its end."""
        if self._position == len(self._buffer) and not self._fill():
            return b""
        part = self._buffer[self._position :]
        self._position = len(self._buffer)
        return part

    def close_input(self) -> None:
        """Let the child see the end of its input, once all of it is written."""
        while self._pending:
            self._wait()
        with contextlib.suppress(OSError):
            self._stdin.close()

    def finish(self) -> Finished:
        """Close the input, read the output to its end and return how the child ended."""
        try:
            with contextlib.suppress(ProcessDiedError):  # a child may end without reading all; its status tells
                self.close_input()
            output = b"".join(iter(self.chunk, b""))
            try:
                status = self._popen.wait(self._timeout)
            except subprocess.TimeoutExpired as error:
                raise ProcessTimedOutError(self._timeout) from error
            self._drain_errors()
            return Finished(status, output, self._errors.decode("utf-8", "replace"))
        finally:
            self.kill()

    def kill(self) -> None:
        """End it, and its children where it has a group of its own, and reap it. Safe to call again."""
        if self._popen.poll() is None:
            self._stop()
        for stream in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):
                stream.close()

    def _stop(self) -> None:
        # Asked first: git removes its lock files when it is terminated, and those of a push lie in the remote.
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        try:
            self._popen.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._popen.wait()
        deadline = self._clock() + _GRACE_SECONDS
        while self._signal(0) and self._clock() < deadline:
            time.sleep(0.005)  # only where a killed command had children of its own
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> bool:
        """Send a signal; return whether there is anybody left to get it."""
        try:
            if self._own_group:
                os.killpg(self._popen.pid, number)
            elif self._popen.poll() is None:
                os.kill(self._popen.pid, number)
            else:
                return False
        except ProcessLookupError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _flush(self) -> None:
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._in, self._pending[:_CHUNK]) :]
        except BlockingIOError:
            if not self._awaiting_room:
                self._poll.register(self._in, select.POLLOUT)
                self._awaiting_room = True
            return
        except BrokenPipeError as error:
            self._pending = memoryview(b"")
            raise self._dead() from error
        if self._awaiting_room:
            self._poll.unregister(self._in)
            self._awaiting_room = False

    def _wait(self) -> list[int]:
        """Wait for any pipe, serve input and errors, and return the descriptors that had something."""
        seconds = self._timeout if self._end is None else min(self._timeout, self._end - self._clock())
        events = self._poll.poll(max(0.0, seconds) * 1000)
        if not events:
            self.kill()
            raise ProcessTimedOutError(self._timeout)
        ready = [descriptor for descriptor, _ in events]
        if self._err in ready:
            self._drain_errors()
        if self._in in ready:
            self._flush()
        return ready

    def _fill(self) -> bool:
        """Wait until there is more output. Return False at its end."""
        while True:
            if self._out in self._wait():
                try:
                    chunk = os.read(self._out, _CHUNK)
                except BlockingIOError:
                    continue
                self._buffer = self._buffer[self._position :] + chunk
                self._position = 0
                return bool(chunk)

    def _drain_errors(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._err, _CHUNK):
                self._errors = (self._errors + chunk)[-_KEPT_ERRORS:]
            with contextlib.suppress(KeyError):  # it was seen to end before
                self._poll.unregister(self._err)

    def _dead(self) -> ProcessDiedError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_REAP_SECONDS)
        self._drain_errors()
        status = self._popen.poll()
        return ProcessDiedError(-1 if status is None else status, self._errors.decode("utf-8", "replace"))


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout: float,
    clock: Callable[[], float],
    data: bytes = b"",
    own_group: bool = True,
    cwd: str | PathLike[str] = "/",
) -> Finished:
    """Run one command to its end with ``data`` as input, in the directory ``cwd``.

    Raises:
        ProcessTimedOutError: it took longer than ``timeout`` seconds in all.
        ConfigError: git is not there.
    """
    process = Process(argv, environment, timeout=timeout, clock=clock, total=timeout, own_group=own_group, cwd=cwd)
    with process:
        with contextlib.suppress(ProcessDiedError):  # its exit status tells
            process.send(data)
        return process.finish()
