"""Maintenance of the remote and of the mirror that really runs beside us: rows G16 and G19."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.site import eventually, git, until
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


@contextmanager
def killed_in_the_middle(where: Path) -> Iterator[None]:
    """Begin a `git gc` and kill it with all its children once it has its lock."""
    lock = where / "gc.pid"
    lock.unlink(missing_ok=True)
    child = subprocess.Popen(
        ["git", "gc", "-q", "--force"], cwd=where, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        eventually(lambda: lock.exists() or child.poll() is not None, "git gc begins")
        yield
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def test_g16_a_gc_that_is_killed_while_we_read_is_no_fault(scene: Scene) -> None:
    site = scene.site
    with site.loop() as loop:
        for number in range(4):
            scene.problem(f"p{number}", "unheard of")
            with killed_in_the_middle(site.remote):
                loop.tick()
        scene.problem("last")
        with killed_in_the_middle(site.remote):
            scene.applied(loop)
        assert not loop.conditions
    assert site.events().count("unmatched") == 4
    assert site.replicas() == 2


@pytest.mark.parametrize("where", ["local", "smart HTTP"])
def test_g19_maintenance_that_never_rests_on_both_sides_loses_nothing(
    scene: Scene, request: pytest.FixtureRequest, where: str
) -> None:
    site = scene.site
    if where == "smart HTTP":
        server = request.getfixturevalue("server")
        assert isinstance(server, GitHttpServer)

    def mirror() -> Path | None:
        return next((path.parent for path in site.folder.glob("state/mirrors/*.git/HEAD")), None)

    def told(problems: int) -> bool:
        return site.events().count("unmatched") == problems

    with (
        site.loop() as loop,
        Looping(lambda: site.remote, IN_THE_REMOTE) as there,
        Looping(mirror, IN_THE_MIRROR) as here,
    ):
        for number in range(4):
            scene.problem(f"p{number}", "unheard of")
            until(loop, partial(told, number + 1), "unmatched")
            there.await_rounds()
            here.await_rounds()
        scene.problem("last")
        scene.applied(loop)
    assert site.replicas() == 2
    assert git(site.remote, "fsck", "--strict", "--no-dangling") == ""
