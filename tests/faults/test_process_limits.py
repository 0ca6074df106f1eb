"""Faults of the machine under a daemon that is a process of its own: rows C3 and C4, and C5 in short."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from unittest import mock

import httpx
import pytest

from tests.daemon.site import eventually, git
from tests.daemon.test_process import Running, running
from tests.daemon.web.kit import alert, group
from tests.faults.invariants import Scene

SERVED = "server: {listen: '127.0.0.1:0', status: '127.0.0.1:0'}\nwebhooks: {alertmanager: {}}\n"
BELONGS = {"project": "sockshop", "problem": "Response time degradation"}


class Served:
    """A daemon that takes alerts."""

    def __init__(self, scene: Scene, process: Running) -> None:
        self.scene = scene
        self.process = process

    def url(self, server: str) -> str:
        return f"http://{self.process.logged(event='listening', server=server)[-1]['address']}"

    def post(self, started: str, patience: float = 60.0) -> int:
        """Send an alert; returns the status, 0 where no connection was had. What is answered with 200 was accepted."""
        body = group(alert(labels=BELONGS, startsAt=started))
        try:
            answer = httpx.post(
                f"{self.url('listen')}/webhooks/alertmanager", json=body, trust_env=False, timeout=patience
            )
        except httpx.TransportError:
            return 0
        if answer.status_code == 200:
            self.scene.accepted |= {
                told["path"].rpartition("/")[2].removesuffix(".yaml") for told in answer.json()["problems"]
            }
        return answer.status_code

    def is_alive(self) -> bool:
        return self.process.process.poll() is None


@contextmanager
def served(scene: Scene) -> Iterator[Served]:
    scene.site.config.write_text(SERVED + scene.site.config.read_text())
    with running(scene.site) as process:
        yield Served(scene, process)
        assert process.stop() == 0
        scene.said += process.lines


def moment(number: int) -> str:
    return f"2026-11-21T10:{number:02}:00Z"


@pytest.fixture
def small_disk(scene: Scene) -> Iterator[Callable[[Served], Path]]:
    """Let the daemon's folder be a file system of a megabyte in a name space of its own; a call returns its place."""
    site = scene.site
    state = site.folder / "state"
    state.mkdir()
    wrapper = site.folder / "python"
    size = "mount -t tmpfs -o size=1m,nr_inodes=400 tmpfs"
    wrapper.write_text(f'#!/bin/sh\nexec unshare -rm sh -c \'{size} {state} && exec {sys.executable} "$@"\' sh "$@"\n')
    wrapper.chmod(0o755)
    with mock.patch.object(sys, "executable", str(wrapper)):
        yield lambda daemon: Path(f"/proc/{daemon.process.process.pid}/root{state}")


def until_full(more: Callable[[], object]) -> None:
    """Use more, a little at a time, until there is no more; all of it, for the daemon is at work meanwhile."""
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        _ = [more() for _ in range(100_000)]


def fill(folder: Path) -> Callable[[], object]:
    block = folder / "filler"
    with block.open("ab", buffering=0) as file:
        until_full(lambda: file.write(bytes(4096)))
    return block.unlink


def use_up(folder: Path) -> Callable[[], object]:
    many = folder / "many"
    many.mkdir(exist_ok=True)
    names = (many / str(number) for number in count())
    until_full(lambda: next(names).touch())
    return lambda: shutil.rmtree(many)


def read_only(folder: Path) -> Callable[[], object]:
    """Let the folder be on a mount that takes no writes, where the daemon looks; as a disk with errors becomes one."""
    pid, where = folder.parts[2], f"/{'/'.join(folder.parts[4:])}"

    def there(*words: str) -> None:
        within = ["nsenter", "--target", pid, "--user", "--mount", "--preserve-credentials"]
        subprocess.run([*within, *words], check=True, capture_output=True)

    there("mount", "--bind", where, where)
    there("mount", "-o", "remount,bind,ro", where)
    return lambda: there("umount", "--recursive", "--lazy", where)


@pytest.mark.parametrize("away", [fill, use_up, read_only])
def test_c3_a_full_disk_takes_nothing_in_and_goes_on_when_there_is_room(
    scene: Scene, small_disk: Callable[[Served], Path], away: Callable[[Path], Callable[[], object]]
) -> None:
    """What is acknowledged while it fills up is there; once it is full, which takes some tries, nothing is taken."""
    site, numbers = scene.site, count(1)
    with served(scene) as daemon:
        assert daemon.post(moment(0)) == 200
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        folder, back = small_disk(daemon), []

        def refused() -> bool:
            back.append(away(folder))
            return daemon.post(moment(next(numbers))) == 503

        eventually(refused, "it is full")
        tip = git(site.remote, "rev-parse", "production")
        last = next(numbers)
        assert [daemon.post(moment(last + more)) for more in range(3)] == [503] * 3
        assert git(site.remote, "rev-parse", "production") == tip, "and nothing half committed"
        assert httpx.get(f"{daemon.url('status')}/healthz", trust_env=False).status_code == 200
        back[-1]()
        for number in range(1, last + 3):
            eventually(lambda number=number: daemon.post(moment(number)) == 200, "taken when there is room")  # type: ignore[misc]  # a lambda with a default
        eventually(lambda: site.events().count("attached") == last + 2, "and acted on")


@contextmanager
def at_most(daemon: Served, more: int) -> Iterator[None]:
    """Let the daemon open no more than so many files beside those that it has."""
    pid = daemon.process.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
    free = next(number for number in range(len(used) + 1) if number not in used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free + more, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_c4_without_file_descriptors_nothing_is_taken_in_and_the_daemon_lives(scene: Scene) -> None:
    site = scene.site
    with served(scene) as daemon:
        assert daemon.post(moment(0)) == 200
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        for round_, more in enumerate((0, 6)):
            told = len(daemon.process.lines)
            with at_most(daemon, more):
                if not more:
                    assert daemon.post(moment(1), patience=3) != 200
                else:
                    daemon.post(
                        moment(1 + round_), patience=3
                    )  # whatever it says is true, which is looked at in the end
                scene.problem(f"p{round_}")
                eventually(lambda told=told: len(daemon.process.lines) > told, "says so")  # type: ignore[misc]
                assert daemon.is_alive()
            eventually(lambda n=round_: daemon.post(moment(1 + n)) == 200, "taken when there is room")  # type: ignore[misc]
            eventually(lambda n=round_: site.events().count("attached") == 2 * (n + 1), "acted on")  # type: ignore[misc]
        assert any("Too many open files" in line for line in daemon.process.lines)
