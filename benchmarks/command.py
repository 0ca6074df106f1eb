"""`reconciler run` as a process of its own: its configuration, its start and end, and what it costs meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.repositories import PROJECT, STAGE

RECONCILER = str(Path(sys.executable).with_name("reconciler"))
"""The command as it is installed."""
_PATIENCE = 60.0
_TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def configure(folder: Path, remote: str, kubeconfig: Path, server: str, more: Sequence[str] = ()) -> Path:
    """Write a reconciler.yaml for one project: its ``server`` as a flow mapping, ``more`` top-level lines."""
    config = folder / "reconciler.yaml"
    lines = [
        "stateDir: state", "log: {level: warning}", f"server: {server}", *more, "projects:", f"  {PROJECT}:",
        f"    repository: {{url: '{remote}'}}", "    stages:",
        f"      {STAGE}: {{kubernetes: {{kubeconfig: '{kubeconfig}'}}}}",
    ]  # fmt: skip
    config.write_text("\n".join(lines) + "\n", "utf-8")
    return config


@dataclass(frozen=True)
class Costs:
    """What a process and its children cost."""

    pid: int

    def memory(self) -> float:
        """Return the MiB that they have in memory; what several share is divided among them."""
        return sum(_resident(pid) for pid in self._family()) / (1 << 20)

    def spent(self) -> float:
        """Return the processor seconds that they have used."""
        return sum(sum(map(int, _stat(pid)[11:15])) for pid in self._family()) / _TICK

    def _family(self) -> list[int]:
        pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
        return [pid for pid in pids if pid == self.pid or _stat(pid)[1:2] == [str(self.pid)]]


@dataclass(frozen=True)
class Daemon:
    """A running daemon; ``began`` is when it was started, by `time.perf_counter`."""

    child: subprocess.Popen[bytes]
    log: Path
    began: float

    def await_ready(self, port: int) -> float:
        """Return the seconds from its start until `/readyz` of its status port said so.

        Raises:
            RuntimeError: it ended, or was not ready in time; with the end of its log.
        """
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
            while time.perf_counter() - self.began < _PATIENCE and self.child.poll() is None:
                with contextlib.suppress(httpx.TransportError):  # it does not listen yet
                    if client.get("/readyz").status_code == 200:
                        return time.perf_counter() - self.began
                time.sleep(0.005)
        raise RuntimeError(f"the daemon was not ready: {self.log.read_text('utf-8', 'replace')[-2000:]}")

    @property
    def costs(self) -> Costs:
        """What it costs."""
        return Costs(self.child.pid)


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):  # it has ended
        found = re.search(r"^Pss:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text("ascii"), re.MULTILINE)
        return int(found[1]) << 10 if found else 0
    return 0


def _stat(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return ["", "", *["0"] * 20]


@contextmanager
def running(config: Path) -> Iterator[Daemon]:
    """Run the daemon of a reconciler.yaml until the context ends; its log lies beside the file."""
    log = config.with_name("daemon.log")
    with log.open("wb") as sink:
        began = time.perf_counter()
        child = subprocess.Popen([RECONCILER, "run", "-c", str(config)], stdout=sink, stderr=sink)
        try:
            yield Daemon(child, log, began)
        finally:
            child.terminate()
            try:
                child.wait(40)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise
