"""A fleet of daemons that share stages: processes of the command itself, and what they cost as the system counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.repositories import PROJECT

SPACE = "reconciler"
_TICK = os.sysconf("SC_CLK_TCK")
_ENDS_WITHIN = 40.0


@dataclass(frozen=True)
class Cost:
    """What a process and those that it started use: MiB that are its own, seconds of a processor so far."""

    memory: float
    busy: float


def cost(pid: int) -> Cost:
    """Return what a process uses, its children with it; nothing where it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:
        return Cost(0.0, 0.0)
    own = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
    # Of those that have ended the system keeps the sum; of those that run each is looked at.
    busy = sum(int(words[at]) for at in (11, 12, 13, 14)) / _TICK
    costs = [cost(int(each)) for each in below]
    return Cost(own / 1024 + sum(each.memory for each in costs), busy + sum(each.busy for each in costs))


@dataclass
class Daemon:
    """One of the fleet."""

    name: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it as a machine that is gone does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_ENDS_WITHIN)


class Leases:
    """What the API server knows of who holds what."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def holders(self) -> dict[str, str]:
        """Return the daemon of each stage that has one."""
        found = self._client.get(f"/apis/coordination.k8s.io/v1/namespaces/{SPACE}/leases")
        if found.status_code != 200:
            return {}
        return {
            item["metadata"]["annotations"]["reconciler.dev/stage"]: item["spec"]["holderIdentity"].partition("_")[0]
            for item in found.json()["items"]
            if "-stage-" in item["metadata"]["name"] and item["spec"].get("holderIdentity")
        }

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def shared(holders: dict[str, str], stages: int, daemons: int) -> bool:
    """Say whether every stage is looked after, and nobody has more than one above anybody else."""
    parts = Counter(holders.values())
    most = -(-stages // daemons)
    return len(holders) == stages and len(parts) == daemons and max(parts.values()) <= most


@contextmanager
def fleet(folder: Path, remote: str, kubeconfig: Path, count: int) -> Iterator[list[Daemon]]:
    """Run so many daemons with the default terms of leases."""
    running: list[Daemon] = []
    try:
        running.extend(_started(folder, f"daemon-{number}", remote, kubeconfig) for number in range(count))
        yield running
    finally:
        for each in running:
            each.process.terminate()
        ends = time.monotonic() + _ENDS_WITHIN
        for each in running:
            try:
                each.process.wait(max(ends - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                each.kill()


def _started(folder: Path, name: str, remote: str, kubeconfig: Path) -> Daemon:
    config = folder / f"{name}.yaml"
    config.write_text(
        f"stateDir: {name}\nlog: {{level: warning}}\n"
        f"leases: {{namespace: {SPACE}, kubernetes: {{kubeconfig: '{kubeconfig}'}}, identity: {name}}}\n"
        f"projects:\n  {PROJECT}:\n    repository: {{url: '{remote}'}}\n    stages:\n"
        f"      '*':\n        kubernetes: {{kubeconfig: '{kubeconfig}'}}\n",
        "utf-8",
    )
    with (folder / f"{name}.log").open("wb") as log:
        command = [sys.executable, "-m", "reconciler", "run", "-c", str(config)]
        return Daemon(name, subprocess.Popen(command, stdout=log, stderr=log))


def busy_over(pids: Sequence[int], seconds: float, pause: Callable[[float], None] = time.sleep) -> list[float]:
    """Return the part of one processor that each process takes, over so many seconds."""
    before, began = [cost(pid).busy for pid in pids], time.monotonic()
    pause(seconds)
    took = time.monotonic() - began
    return [(cost(pid).busy - then) / took for pid, then in zip(pids, before, strict=True)]
