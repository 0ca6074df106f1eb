"""No room for a further thread, in a daemon that is a process of its own: row C4.

Nobody can make the kernel refuse root a thread, so the answer of `pthread_create` is given in its place: once for each
name that a thread of ours has.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from unittest import mock

import httpx
import pytest

from tests.daemon.site import eventually
from tests.faults.invariants import Scene
from tests.faults.test_process_limits import moment, served

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
