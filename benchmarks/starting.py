"""How long it takes to start: the command's help, `validate` of one file, and the daemon with a warm mirror.

Each start is a process of its own, with the files in the page cache. The daemon is ready when `/readyz` says so; it
looks after 10,000 services that it has followed before. Beside them stands a Python that does nothing.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import aside, command, repositories
from benchmarks.machine import Quiet
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import Shape
from benchmarks.site import write_kubeconfig

SHAPE = Shape(10_000)
HELP, VALIDATE, READY, PYTHON = "reconciler --help", "validate of one file", "daemon ready, warm mirror", "python -c ''"
BARS = {HELP: 0.15, VALIDATE: 0.5, READY: 1.5}
"""Seconds at the median."""


def run(folder: Path, rounds: int, quiet: Quiet, shape: Shape = SHAPE) -> Section:
    """Measure and return the page's section."""
    return section(measure(folder / "starts", shape, rounds, quiet), shape)


def measure(folder: Path, shape: Shape, rounds: int, quiet: Quiet) -> Mapping[str, Sequence[float]]:
    """Return the seconds of each kind of start; works in a folder that is made and removed."""
    folder.mkdir()
    file = Path(__file__).parent.parent / "config-repo-template" / "stage" / "carts" / "slo.yaml"
    reconciler = [sys.executable, "-m", "reconciler"]
    with ExitStack() as stack:
        remote = repositories.make(folder, shape)
        url, _ = stack.enter_context(aside.cluster())
        port = command.free_port()
        server = f"{{status: '127.0.0.1:{port}'}}"
        config = command.configure(folder, str(remote), write_kubeconfig(folder, url), server)
        kinds: dict[str, Callable[[], float]] = {
            PYTHON: lambda: _command([sys.executable, "-c", ""]),
            HELP: lambda: _command([*reconciler, "--help"]),
            VALIDATE: lambda: _command([*reconciler, "validate", str(file)]),
            READY: lambda: _ready(config, port),
        }
        taken: dict[str, list[float]] = {name: [] for name in kinds}
        for nth in range(rounds + 1):
            for name, start in kinds.items():
                quiet.wait()
                seconds = start()
                if nth:  # the first one fills caches and the mirror
                    taken[name].append(seconds)
    shutil.rmtree(folder)
    return dict(taken)


def _command(words: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - began


def _ready(config: Path, port: int) -> float:
    """Return the seconds until a daemon is ready, and end it."""
    with command.running(config) as daemon:
        return daemon.await_ready(port)


def section(taken: Mapping[str, Sequence[float]], shape: Shape) -> Section:
    """Say what came out."""
    rows = [
        [name, ms(statistics.median(seconds)), ms(percentile(seconds, 95)), ms(bar) if (bar := BARS.get(name)) else ""]
        for name, seconds in taken.items()
    ]
    text = (
        f"A process each time, its files in the page cache; {len(taken[HELP])} rounds. The daemon looks after "
        f"{shape.services:,} services, its mirror is from the run before, and it is ready when `/readyz` says so.\n\n"
        + table(["start", "p50", "p95", "bar, p50"], rows)
    )
    missed = [
        f"{name}: {ms(median)} ms" for name, bar in BARS.items() if (median := statistics.median(taken[name])) > bar
    ]
    return Section("Starts", text, tuple(missed))
