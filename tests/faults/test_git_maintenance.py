"""Maintenance of the remote and of the mirror that really runs beside us: rows G16 and G19."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import struct
import subprocess
import termios
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.site import Site, eventually, git, until
from tests.faults.invariants import Scene

IN_THE_REMOTE = (("repack", "-a", "-d", "-q"), ("pack-refs", "--all", "--prune"), ("gc", "-q"))
IN_THE_MIRROR = (("repack", "-a", "-d", "-q"), ("pack-refs", "--all", "--prune"), ("gc", "-q", "--prune=now"))
_AT_LEAST = 2
"""Rounds of maintenance during each problem."""


class Looping:
    """Runs git commands in a repository over and over, in a thread, and counts the rounds."""

    def __init__(self, where: Callable[[], Path | None], commands: tuple[tuple[str, ...], ...]) -> None:
        self.rounds = 0
        self._where = where
        self._commands = commands
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def await_rounds(self) -> None:
        """Wait until some more rounds are over."""
        until_then = self.rounds + _AT_LEAST
        eventually(lambda: self.rounds >= until_then, "maintenance")

    def _run(self) -> None:
        while not self._over.is_set():
            where = self._where()
            for words in self._commands if where is not None else ():
                # What is written beside it may make one of them fail; that is git's to say, and not looked at.
                subprocess.run(["git", *words], cwd=where, capture_output=True, timeout=60, check=False)
            self.rounds += 1


_UNREACHABLE = 600
"""Objects that a prune has to take away: more than fit in what git keeps back of its output, and in a pipe."""
_PIPE = 4096
_IN_FRONT = """\
#!/bin/sh
case "$1" in
{halt}
esac
exec "{real}" "$@"
"""
_WRITTEN = """\
pack-objects)
    "{real}" "$@" || exit
    echo $$ > "{noted}"
    kill -STOP $$
    exit 0
    ;;"""
_PRUNED = """\
prune)
    shift
    exec "{real}" prune -v "$@" > "{noted}"
    ;;"""


class Halted:
    """A `git gc` that stands still at a known place until it is killed; it never gets further by itself.

    ``in repack``: the new pack is written beside the old ones, under a name of its own, and not in its place yet.
    ``in prune``: all is packed anew, and only some of the objects that nothing needs are taken away.
    """

    def __init__(self, where: Path, place: str, folder: Path) -> None:
        self.where = where
        self.place = place
        self._noted = folder / "noted"
        self._commands = folder / "commands"
        self._commands.mkdir(parents=True)
        real = shutil.which("git")
        halt = (_WRITTEN if place == "in repack" else _PRUNED).format(real=real, noted=self._noted)
        file = self._commands / "git"
        file.write_text(_IN_FRONT.format(real=real, halt=halt))
        file.chmod(0o755)

    def __enter__(self) -> Self:
        """Begin, and return when it is there."""
        # A pipe that nobody reads, into which prune says what it takes away, stops it when it is full.
        self._pipe = self._full_soon() if self.place == "in prune" else None
        self._garbage = [
            loose(self.where, f"unreachable {number}".encode())
            for number in range(_UNREACHABLE if self._pipe is not None else 0)
        ]
        self._child = subprocess.Popen(
            ["git", "gc", "-q", "--force", "--prune=now"],
            cwd=self.where, env={**os.environ, "GIT_EXEC_PATH": str(self._commands)},
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            eventually(lambda: self.is_there() or self._child.poll() is not None, f"git gc is {self.place}")
            assert self._child.poll() is None, "it has ended by itself"
        except AssertionError:
            self._kill()
            raise
        return self

    def is_there(self) -> bool:
        """Whether it stands where it is meant to stand: what it has done, and what it has not done yet."""
        if self._pipe is None:
            return self._noted.exists() and any((self.where / "objects" / "pack").glob(".tmp-*.pack"))
        waiting = fcntl.ioctl(self._pipe, termios.FIONREAD, struct.pack("i", 0))
        left = sum(each.exists() for each in self._garbage)
        return struct.unpack("i", waiting) == (_PIPE,) and 0 < left < _UNREACHABLE

    def __exit__(self, *_: object) -> None:
        """Kill it with all its children, and make sure that it had not come to its end."""
        there = self.is_there()
        assert self._kill() == -signal.SIGKILL
        assert there, f"it was not {self.place} any more"
        assert (self.where / "gc.pid").exists()

    def _kill(self) -> int:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        if self._pipe is not None:
            os.close(self._pipe)
        return self._child.wait()

    def _full_soon(self) -> int:
        os.mkfifo(self._noted)
        pipe = os.open(self._noted, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        return pipe


def loose(repository: Path, content: bytes) -> Path:
    """Write an object into a repository that nothing refers to; returns its file."""
    data = b"blob %d\0%s" % (len(content), content)
    identity = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    file = repository / "objects" / identity[:2] / identity[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(data))
    return file


def fsck(repository: Path) -> str:
    """Return what git finds wrong with a repository; what nothing refers to is not wrong."""
    return git(repository, "fsck", "--strict", "--no-dangling")


def mirror_of(site: Site) -> Path | None:
    return next((path.parent for path in site.folder.glob("state/mirrors/*.git/HEAD")), None)


@pytest.mark.parametrize("place", ["in repack", "in prune"])
@pytest.mark.parametrize("side", ["the remote", "the remote, over HTTP", "the mirror"])
def test_g16_a_gc_that_is_killed_in_the_middle_while_we_read_is_no_fault(
    scene: Scene, request: pytest.FixtureRequest, side: str, place: str
) -> None:
    """We read before it, while it is in the middle, and what its death leaves behind; then it is run to its end."""
    site = scene.site
    if side != "the remote":
        request.getfixturevalue("server")
    with site.loop() as loop:
        scene.problem("before", "unheard of")
        loop.tick()
        where = mirror_of(site) if side == "the mirror" else site.remote
        assert where is not None
        for number in range(2):
            with Halted(where, place, site.folder / f"halted{number}") as halted:
                scene.problem(f"while{number}", "unheard of")
                loop.tick()
                assert halted.is_there()
            scene.problem(f"after{number}", "unheard of")
            loop.tick()
            assert fsck(where) == ""
        assert site.events() == ["unmatched"] * 5
        git(where, "gc", "-q", "--force", "--prune=now")
        scene.problem("last")
        scene.applied(loop)
        assert not loop.conditions
    assert fsck(site.remote) == ""
    assert fsck(mirror_of(site) or where) == ""
    assert site.replicas() == 2


@pytest.mark.parametrize("where", ["local", "smart HTTP"])
def test_g19_maintenance_that_never_rests_on_both_sides_loses_nothing(
    scene: Scene, request: pytest.FixtureRequest, where: str
) -> None:
    site = scene.site
    if where == "smart HTTP":
        server = request.getfixturevalue("server")
        assert isinstance(server, GitHttpServer)

    def told(problems: int) -> bool:
        return site.events().count("unmatched") == problems

    with (
        site.loop() as loop,
        Looping(lambda: site.remote, IN_THE_REMOTE) as there,
        Looping(lambda: mirror_of(site), IN_THE_MIRROR) as here,
    ):
        for number in range(4):
            scene.problem(f"p{number}", "unheard of")
            until(loop, partial(told, number + 1), "unmatched")
            there.await_rounds()
            here.await_rounds()
        scene.problem("last")
        scene.applied(loop)
    assert site.replicas() == 2
    assert fsck(site.remote) == ""
    mirror = mirror_of(site)
    assert mirror is not None
    assert (mirror / "objects" / "info" / "alternates").exists() == (where == "local"), "it shares the remote's objects"
    assert fsck(mirror) == ""
