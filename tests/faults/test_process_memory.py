"""A cap on memory, under a daemon that is a process of its own and is fed with too much: row C4.

Of addresses (`ulimit -v`) the kernel gives no more, and the daemon must do without; of a group's memory (cgroups(7)) it
lets everybody take, and kills who has most. Then somebody starts the daemon again, as everywhere.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.daemon.site import eventually
from tests.daemon.test_process import running
from tests.faults.invariants import Scene
from tests.faults.test_process_limits import SERVED, Served, moment, served
from tests.faults.test_process_threads import at_most_addresses

MUCH = b"[" + b"0," * 1_500_000 + b"0]"
"""Three megabytes, within what a body may have, that are some forty when they are read."""
GROUPS = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"))
"""Where a group with a cap on memory can be made, and the file that has it: with version 1 and 2 of cgroups."""


def feed(daemon: Served, times: int) -> set[int]:
    """Send so much at once, so many times; returns the answers, 0 where there was none."""

    def send(_: int) -> int:
        try:
            return httpx.post(
                f"{daemon.url('listen')}/webhooks/alertmanager", content=MUCH, trust_env=False, timeout=60,
                headers={"Content-Type": "application/json"},
            ).status_code  # fmt: skip
        except httpx.TransportError:
            return 0

    with ThreadPoolExecutor(4) as pool:
        return set(pool.map(send, range(times)))


@contextmanager
def group(limit: int) -> Iterator[Path]:
    """Make a group of processes that may have so many bytes of memory."""
    for place, name in GROUPS:
        made = Path(place) / f"reconciler-{os.getpid()}"
        with suppress(OSError):
            made.mkdir()
            if (made / name).exists():
                (made / name).write_text(str(limit))
                break
            made.rmdir()
    else:
        pytest.skip("no group of processes with a cap on memory can be made here")
    try:
        yield made
    finally:
        eventually(lambda: not (made / "cgroup.procs").read_text(), "all of it have ended")
        made.rmdir()


def test_c4_without_addresses_what_is_too_much_is_refused_and_the_daemon_lives(scene: Scene) -> None:
    site = scene.site
    with served(scene) as daemon:
        assert daemon.post(moment(0)) == 200
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        with at_most_addresses(daemon, 16 << 20):
            codes = feed(daemon, 8)
            assert 503 in codes
            assert codes <= {400, 503}
            assert daemon.is_alive()
            assert httpx.get(f"{daemon.url('status')}/healthz", trust_env=False).status_code == 200
        # A machine that is slow just now may find no time for so much at once, which is 503 again.
        eventually(lambda: feed(daemon, 8) == {400}, "read where there is room, and no alerts")
        eventually(lambda: daemon.post(moment(1)) == 200, "taken when there is room")
        eventually(lambda: "attached" in site.events(), "acted on")


def test_c4_killed_for_its_memory_and_started_again_nothing_is_lost(scene: Scene) -> None:
    """It has 32 MB from some moment on; what it acknowledged until it is killed is there, and done once."""
    site, numbers = scene.site, count(1)
    site.config.write_text(SERVED + site.config.read_text())
    with group(32 << 20) as capped, running(site) as process:
        daemon = Served(scene, process)
        (capped / "cgroup.procs").write_text(str(process.process.pid))
        daemon.post(moment(0))

        def killed() -> bool:
            feed(daemon, 4)
            daemon.post(moment(next(numbers)))
            return not daemon.is_alive()

        eventually(killed, "more than it may have")
        assert process.process.wait() == -signal.SIGKILL
        scene.said += process.lines
    with running(site) as process:
        daemon = Served(scene, process)
        sent = next(numbers)
        for number in range(sent):
            assert daemon.post(moment(number)) == 200
        eventually(lambda: site.events().count("attached") == sent - 1, "acted on")
        assert process.stop() == 0
        scene.said += process.lines
    assert site.events().count("decided") == 1
    assert len(site.scalings()) == 1
