"""How long it takes to start: the command's help, `validate` of one file, and the daemon with a warm mirror.

Each start is one of the installed command, with the files in the page cache. The daemon is ready when `/readyz` says
so; it looks after 10,000 services that it has followed before, of which many hold a value that the product decided and
applied. Beside them stands a Python that does nothing.
"""

from __future__ import annotations

import compileall
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import reconciler
from benchmarks import aside, command, product, repositories
from benchmarks.command import RECONCILER
from benchmarks.machine import Quiet
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import Shape
from benchmarks.site import deployment, side, write_kubeconfig

SHAPE = Shape(10_000)
HELD = 1_000
HELP, VALIDATE, READY, PYTHON = "reconciler --help", "validate of one file", "daemon ready, warm mirror", "python -c ''"
BARS = {HELP: 0.15, VALIDATE: 0.5, READY: 1.5}
"""Seconds at the median."""


def run(folder: Path, rounds: int, quiet: Quiet, shape: Shape = SHAPE, held: int = HELD) -> Section:
    """Measure and return the page's section."""
    return section(measure(folder / "starts", shape, held, rounds, quiet), shape, held)


def measure(folder: Path, shape: Shape, held: int, rounds: int, quiet: Quiet) -> Mapping[str, Sequence[float]]:
    """Return the seconds of each kind of start; works in a folder that is made and removed."""
    folder.mkdir()
    # An installer compiles what it installs; a clone that is run in place may never be.
    compileall.compile_dir(Path(reconciler.__file__).parent, quiet=1)
    file = Path(__file__).parent.parent / "config-repo-template" / "stage" / "carts" / "slo.yaml"
    with ExitStack() as stack:
        site = stack.enter_context(side(folder / "product", repositories.make(folder, shape), http=False))
        url, create = stack.enter_context(aside.cluster())
        numbers = shape.spread(held)
        create([deployment(product.NAMESPACE, shape.name(number)) for number in numbers])
        kubeconfig = write_kubeconfig(folder, url)
        with product.running(folder, str(site.remote), kubeconfig) as running:
            running.settle()
            running.storm(site.person.write(repositories.problems(shape, numbers), "Everything is slow\n"), held)
        port = command.free_port()
        server = f"{{status: '127.0.0.1:{port}'}}"
        config = command.configure(folder, str(site.remote), kubeconfig, server)
        kinds: dict[str, Callable[[], float]] = {
            PYTHON: lambda: _command([sys.executable, "-c", ""]),
            HELP: lambda: _command([RECONCILER, "--help"]),
            VALIDATE: lambda: _command([RECONCILER, "validate", str(file)]),
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


def section(taken: Mapping[str, Sequence[float]], shape: Shape, held: int) -> Section:
    """Say what came out."""
    rows = [
        [name, ms(statistics.median(seconds)), ms(percentile(seconds, 95)), ms(bar) if (bar := BARS.get(name)) else ""]
        for name, seconds in taken.items()
    ]
    text = (
        "The installed command, compiled as installers do, a process each time, its files in the page cache; "
        f"{len(taken[HELP])} rounds. The daemon looks after {shape.services:,} services, {held:,} of which hold a "
        "value that was decided and applied in the steps before; its mirror is from the run before and has this past, "
        "and it is ready when `/readyz` says so.\n\n" + table(["start", "p50", "p95", "bar, p50"], rows)
    )
    missed = [
        f"{name}: {ms(median)} ms" for name, bar in BARS.items() if (median := statistics.median(taken[name])) > bar
    ]
    return Section("Starts", text, tuple(missed))
