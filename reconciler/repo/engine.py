"""Starting git for one mirror: which environment, which time-out, whose secret, and nothing of that in a message.

Everything the mirror runs goes through here. Local commands never see the remote's secret; it is asked for anew before
each command that talks to the remote.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.model.errors import ConfigError
from reconciler.repo import argv as commands
from reconciler.repo.argv import Argv
from reconciler.repo.conversation import Conversation, Heard, Op, conversing, unheard
from reconciler.repo.environ import MEMORY, engine_environment
from reconciler.repo.faults import checked, refuses_credentials, silent, timed_out
from reconciler.repo.process import Finished, Process, ProcessTimedOutError, run
from reconciler.repo.remote import Credentials, Remote, redact

READING: Final = 512 << 20
"""Bytes for a child that reads a history: enough for a million commits, and an end to trees that nobody can look at."""
_OLDEST: Final = (2, 31)
_VERSIONS: Final[dict[str, bytes]] = {}
_HERE: Final = Remote("", "file")
_LONGEST: Final = 103 - len("/.") - 40 - 16
"""Bytes of the folder with ssh's sockets: a socket's whole name has at most 103, of which ssh adds a digest of 40 and,
while it makes the socket, 16 more."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds after which git is given up: ``local`` for each answer of a child, the others for a whole command."""

    local: float = 30.0
    network: float = 60.0
    first_fetch: float = 900.0
    upkeep: float = 900.0


class Engine:
    """Starts git processes for one mirror."""

    def __init__(
        self,
        remote: Remote,
        credentials: Credentials,
        timeouts: Timeouts,
        clock: Callable[[], float],
        *,
        durable: bool = True,
        heard: Heard = unheard,
        base: Mapping[str, str] | None = None,
    ) -> None:
        self.remote = remote
        self.timeouts = timeouts
        self._credentials = credentials
        self._clock = clock
        self.durable = durable
        self._heard = heard
        self._base = dict(os.environ if base is None else base)
        self._local = MEMORY | engine_environment(
            self._base, _HERE, Credentials(), network_timeout=timeouts.network, durable=durable
        )
        self._sockets = _folder_for_sockets() if remote.scheme == "ssh" else None

    def start(self, argv: Argv) -> Process:
        """Start a local command whose answers are read as they come."""
        return Process(argv, self._local, timeout=self.timeouts.local, clock=self._clock)

    def start_bounded(self, argv: Argv) -> Process:
        """Start one that reads all of a history, in which anything may lie: beyond `READING` bytes git ends."""
        process = self.start(argv)
        process.limit_memory(READING)
        return process

    def local(self, doing: str, argv: Argv, *, data: bytes = b"", timeout: float | None = None) -> Finished:
        """Run a command that touches only this machine."""
        try:
            return run(argv, self._local, timeout=timeout or self.timeouts.local, clock=self._clock, data=data)
        except ProcessTimedOutError as error:
            raise timed_out(doing, error) from error

    def check_version(self) -> None:
        """Refuse a git that is too old; asked once in a process.

        Raises:
            ConfigError: git is missing or older than 2.31, which cannot take settings from the environment.
        """
        path = self._local.get("PATH", "")
        if path not in _VERSIONS:
            _VERSIONS[path] = checked("asking for git's version", self.local("asking", commands.version()))
        found = re.search(rb"(\d+)\.(\d+)", _VERSIONS[path])
        if found is None or (int(found[1]), int(found[2])) < _OLDEST:
            said = _VERSIONS[path].decode("utf-8", "replace").strip()
            raise ConfigError(f"{said} is too old", hint="install git 2.31 or newer")

    def conversation(self, op: Op) -> AbstractContextManager[Conversation]:
        """Tell whoever listens of the conversation that is had inside, with how it is judged there."""
        return conversing(op, self._heard, self._clock)

    def talk(self, doing: str, argv: Argv, *, timeout: float | None = None) -> Finished:
        """Run a command that talks to the remote; its output and errors come back without secrets.

        Where the remote refuses a secret that can be renewed, it is run once more: nothing has been done until then.

        Raises:
            AwayError: it took too long. BlindError: the secret cannot be read.
        """
        credentials = self._credentials
        if credentials.secret is None:
            return self._talked(doing, argv, "", timeout)
        secret = credentials.secret()
        finished = self._talked(doing, argv, secret, timeout)
        if finished.status and refuses_credentials(finished.stderr) and credentials.renew(secret):
            return self._talked(doing, argv, credentials.secret(), timeout)
        return finished

    def _talked(self, doing: str, argv: Argv, secret: str, timeout: float | None) -> Finished:
        credentials = self._credentials
        environment = engine_environment(
            self._base,
            self.remote,
            credentials,
            secret=secret,
            control_directory=self._sockets,
            network_timeout=self.timeouts.network,
            durable=self.durable,
        )
        try:
            finished = run(argv, environment, timeout=timeout or self.timeouts.network, clock=self._clock)
        except ProcessTimedOutError as error:
            raise silent(doing, error) from error
        output = redact(finished.stdout.decode("utf-8", "surrogateescape"), secret, credentials.username)
        errors = redact(finished.stderr, secret, credentials.username)
        return Finished(finished.status, output.encode("utf-8", "surrogateescape"), errors)

    def close(self) -> None:
        """End the shared ssh connection, which would otherwise live for another minute."""
        if self._sockets is None:
            return
        for socket in self._sockets.iterdir():
            with suppress(ProcessTimedOutError):  # then it ends a minute after its last use
                run(commands.ssh_exit(socket), self._local, timeout=5.0, clock=self._clock)
        shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets = None


def _folder_for_sockets() -> Path | None:
    """Return a new folder with a name that is short enough; None: there is none, and every command logs in anew."""
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  mkdtemp's folders are nobody else's
        if len(os.fsencode(parent)) + len("/rec-") + 8 <= _LONGEST:
            with suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="rec-", dir=parent))
    return None
