"""No room for a further thread, in a daemon that is a process of its own: row C4.

The kernel refuses root no thread for their number, but for its stack. That meets the first one that is wanted, so the
answer of `pthread_create` is given in the kernel's place, too: once for each name that a thread of ours has.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import httpx
import pytest

from tests.daemon.site import eventually
from tests.faults.invariants import Scene
from tests.faults.test_process_limits import Served, moment, served

BRIDGE = """\
bridge: {listen: '127.0.0.1:0', auth: {kind: basic, people: [{username: ada, passwordFile: ada}]}}
"""
REFUSING = """\
import re, sys, threading
from reconciler.cli.main import main

refused, real = set(), threading.Thread.start

def start(thread):
    name = re.sub(r"[0-9]+", "N", thread.name)
    if name not in refused:
        refused.add(name)
        print("REFUSED", name, file=sys.stderr, flush=True)
        raise RuntimeError("can't start new thread")
    real(thread)

threading.Thread.start = start
main()
"""
LESS_THAN_A_STACK = 3 << 20
EVERY = {"watch", "http status", "http listen", "http bridge", "bridge follows", "bridge pages_N", "kubernetes_N",
         "Thread-N (_guarded)"}  # fmt: skip


@pytest.fixture
def each_refused_once(scene: Scene) -> Iterator[None]:
    program = scene.site.folder / "refusing.py"
    program.write_text(REFUSING)
    wrapper = scene.site.folder / "python"
    wrapper.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {program} "$@"\n')
    wrapper.chmod(0o755)
    scene.site.config.write_text(BRIDGE + scene.site.config.read_text())
    (scene.site.folder / "ada").write_text("correct horse battery")
    with mock.patch.object(sys, "executable", str(wrapper)):
        yield


@contextmanager
def at_most_addresses(daemon: Served, more: int) -> Iterator[None]:
    """Let the daemon's addresses grow by no more than so many bytes."""
    pid = daemon.process.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + more, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, before)


def test_c4_without_room_for_a_thread_nothing_is_taken_in_and_the_daemon_lives(scene: Scene) -> None:
    site = scene.site
    with served(scene) as daemon:
        told = len(daemon.process.lines)
        with at_most_addresses(daemon, LESS_THAN_A_STACK):
            scene.problem("p1")
            eventually(lambda: len(daemon.process.lines) > told, "says so")
            daemon.post(moment(0), patience=3)  # whatever it says is true, which is looked at in the end
            assert daemon.is_alive()
        eventually(lambda: daemon.post(moment(1)) == 200, "taken when there is room")
        eventually(lambda: site.events()[-1:] == ["applied"], "and acted on")


@pytest.mark.usefixtures("each_refused_once")
def test_c4_each_thread_that_cannot_be_started_is_waited_for(scene: Scene) -> None:
    site = scene.site
    with served(scene) as daemon:
        eventually(lambda: daemon.post(moment(0)) == 200, "taken when there is room")
        eventually(lambda: site.events()[-1:] == ["applied"], "and acted on")
        with httpx.Client(
            base_url=daemon.url("bridge"), trust_env=False, auth=("ada", "correct horse battery")
        ) as page:
            eventually(lambda: page.get("/sockshop").status_code == 200, "pages are made")
        told = list(daemon.process.lines)
        assert {line.removeprefix("REFUSED ").strip() for line in told if line.startswith("REFUSED")} >= EVERY
        assert any("no further thread can be started" in str(line) for line in daemon.process.logged(event="held"))
        assert not [line for line in told if "bug" in line]
