"""A disk that takes its time: row C3. Each time that something is made durable, here or by a git of ours, is long."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.daemon.site import eventually
from tests.faults.invariants import Scene
from tests.faults.test_process_limits import moment, served

SLOW = """\
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int slow(long number, int file) {
    struct timespec pause = {0, 300000000};
    int met = open(getenv("MET"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (met >= 0) { if (write(met, ".", 1) < 0) abort(); close(met); }
    nanosleep(&pause, 0);
    return syscall(number, file);
}
int fsync(int file) { return slow(SYS_fsync, file); }
int fdatasync(int file) { return slow(SYS_fdatasync, file); }
"""


@pytest.fixture
def met(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let each fsync(2) of the daemon and its children take 0.3 s more; gives the file that has a sign for each."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: what all programs share cannot be exchanged")
    folder = scene.site.folder
    (folder / "slow.c").write_text(SLOW)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "slow.so", "slow.c"], cwd=folder, check=True)
    with monkeypatch.context() as there:
        there.setenv("MET", str(folder / "met"))
        there.setenv("LD_PRELOAD", str(folder / "slow.so"))
        yield folder / "met"


def test_c3_a_slow_disk_makes_everything_late_and_nothing_wrong(scene: Scene, met: Path) -> None:
    """What was acknowledged is there, nothing is done twice, and health is answered while it waits for the disk."""
    site = scene.site
    with served(scene) as daemon:
        before = met.stat().st_size if met.exists() else 0
        codes: list[int] = []
        sending = threading.Thread(target=lambda: codes.append(daemon.post(moment(0))))
        sending.start()
        eventually(lambda: met.exists() and met.stat().st_size > before, "the disk is waited for")
        assert httpx.get(f"{daemon.url('status')}/healthz", trust_env=False).status_code == 200
        sending.join()
        assert codes == [200]
        eventually(lambda: site.events()[-1:] == ["applied"], "applied")
        assert [daemon.post(moment(number)) for number in (0, 1, 1)] == [200] * 3
        eventually(lambda: "attached" in site.events(), "acted on")
    assert site.events() == ["opened", "decided", "applied", "attached"]
    assert len(site.scalings()) == 1
