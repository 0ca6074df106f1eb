"""A remote that is slow, or stops in the middle of a pack or of its work: row G5, through the whole loop.

Git's children get less time than in the daemon, so that what is given up is given up within seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reconciler.daemon.project_loop import ProjectLoop
from reconciler.embedded.git_http import GitFault, GitHttpServer
from reconciler.repo.engine import Timeouts
from tests.daemon.site import Site, eventually, git
from tests.faults.invariants import Scene
from tests.faults.test_git import hook

BRIEF = Timeouts(local=2.0, network=2.0, first_fetch=2.0)
ENOUGH = 60.0
"""Seconds for a pass in which each child of git has the time above, on a machine that is busy."""
_SERVER = """
import sys, threading
from pathlib import Path
from reconciler.embedded.git_http import GitHttpServer
with GitHttpServer(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    threading.Event().wait()
"""


@contextmanager
def hurried(loop: ProjectLoop) -> Iterator[None]:
    """In here git's children have little time, and a pass that waits for them comes to its end."""
    engine = loop._mirror._engine
    engine.timeouts, usual = BRIEF, engine.timeouts
    begun = time.monotonic()
    try:
        yield
    finally:
        engine.timeouts = usual
    assert time.monotonic() - begun < ENOUGH


@pytest.mark.parametrize(
    "fault",
    [
        GitFault("drip", times=None, every=0.03),
        GitFault("stall", "/git-upload-pack", None),
        GitFault("hang", times=None),
    ],
    ids=["drips", "stops in the middle of a pack", "hangs"],
)
def test_g5_a_remote_that_does_not_come_to_an_end_is_given_up_and_waited_for(
    scene: Scene, server: GitHttpServer, fault: GitFault
) -> None:
    with scene.site.loop() as loop:
        assert loop.tick() == ()
        scene.problem()
        with scene.blind(loop, "no answer"), hurried(loop):
            server.faults = [fault]
            assert loop.tick() == ()
            loop.unblock()
            assert loop.tick() == ()
        server.faults = []
        loop.unblock()
        scene.applied(loop)
    assert scene.site.events() == ["opened", "decided", "applied"]


def test_g5_a_push_that_stops_in_the_middle_of_its_pack_is_made_again(scene: Scene, server: GitHttpServer) -> None:
    scene.problem()
    with scene.site.loop() as loop:
        loop._mirror.tips(["refs/heads/production"])
        with scene.blind(loop, "no answer"), hurried(loop):
            server.faults = [GitFault("stall", "/git-receive-pack", None)]
            assert loop.tick() == ()
        assert any(each.target.endswith("/git-receive-pack") and not each.status for each in server.journal)
        server.faults = []
        loop.unblock()
        scene.applied(loop)
    assert scene.site.events() == ["opened", "decided", "applied"]
    assert git(scene.site.remote, "fsck", "--strict", "--no-dangling") == ""


def test_g5_a_server_that_is_stopped_is_waited_for(scene: Scene) -> None:
    site = scene.site
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(site.folder)],
        cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            site.config.write_text(site.config.read_text().replace("{url: remote.git}", f'{{url: "{url}/remote.git"}}'))
            with site.loop() as loop:
                assert loop.tick() == ()
                scene.problem()
                server.send_signal(signal.SIGSTOP)
                with scene.blind(loop, "no answer"), hurried(loop):
                    assert loop.tick() == ()
                server.send_signal(signal.SIGCONT)
                loop.unblock()
                scene.applied(loop)
        finally:
            server.kill()
    assert site.events() == ["opened", "decided", "applied"]


def test_g5_children_of_ours_that_are_stopped_are_replaced(scene: Scene) -> None:
    """What reads and writes the mirror is stopped: each is given up, and another one goes on in the same pass."""
    with scene.site.loop() as loop:
        loop._mirror._engine.timeouts = BRIEF
        scene.problem("first", "unheard of")
        loop.tick()
        stopped = loop._mirror.pids()
        assert stopped
        scene.problem()
        begun = time.monotonic()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        scene.applied(loop)
        assert time.monotonic() - begun < ENOUGH
        assert not any(map(_lives, stopped))
    assert scene.site.events() == ["unmatched", "opened", "decided", "applied"]


@contextmanager
def stopping(site: Site) -> Iterator[Path]:
    """In here the first push is stopped when its pack is there; yields the file with the id of what was stopped."""
    noted = site.folder / "stopped"
    hook(site, "pre-receive", f"test -e {noted} && exit 0\necho $$ > {noted}\nkill -STOP $$")
    try:
        yield noted
    finally:
        if noted.exists() and _lives(int(noted.read_text())):
            os.kill(int(noted.read_text()), signal.SIGCONT)


@pytest.mark.parametrize("late", [False, True], ids=["before we go on", "when we have gone on"])
def test_g5_a_push_that_was_given_up_and_goes_on_later_is_no_second_one(
    scene: Scene, server: GitHttpServer, late: bool
) -> None:
    """The server's process is stopped in the middle of a push, and lands it, or tries to, when nobody waits for it."""
    site = scene.site
    with site.loop() as loop:
        assert loop.tick() == ()
        scene.problem()
        with stopping(site) as noted:
            with scene.blind(loop, "no answer"), hurried(loop):
                assert loop.tick() == ()
            if late:
                loop.unblock()
                scene.applied(loop)
            os.kill(int(noted.read_text()), signal.SIGCONT)
            eventually(lambda: not _lives(int(noted.read_text())), "it has ended")
        eventually(lambda: not [*(site.remote / "objects").glob("tmp_objdir-*")], "and so has the push")
        loop.unblock()
        scene.applied(loop)
    assert site.events() == ["opened", "decided", "applied"]
    assert site.replicas() == 2


def _lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
