"""What a daemon costs while nothing happens, with 10,000 services of which some are held, and what it still notices.

The daemon is a process of its own; the cluster lives in this one and counts what it is asked. Beside it is an operator
over as many objects, whose processor time is what its watch costs. At the end somebody scales a held Deployment by
hand: it counts when the step that says so is on the remote.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import command, kopf_operator, product, repositories
from benchmarks.aside import PROBLEMS
from benchmarks.plain_git import git, read_ref
from benchmarks.report import Section, table
from benchmarks.repositories import STAGE, STAGE_REF, Shape
from benchmarks.site import deployment, side, workload, write_kubeconfig
from reconciler.embedded.cluster import EmbeddedCluster

SHAPE = Shape(10_000)
HELD = 200
WINDOW = 60.0
"""Seconds that it is looked at while nothing happens."""
MEMORY_BAR, CPU_BAR, NOTICE_BAR = 150.0, 0.01, 60.0
"""MiB, part of one processor, seconds."""
_PATIENCE = 300.0


@dataclass(frozen=True)
class Idle:
    """What was seen: MiB, parts of a processor, calls and writes in the window, seconds until a change was noticed."""

    memory: float
    cpu: float
    calls: int
    writes: int
    pushes: int
    noticed: float
    operator_memory: float
    operator_cpu: float


def run(folder: Path, shape: Shape = SHAPE, held: int = HELD, window: float = WINDOW) -> Section:
    """Measure and return the page's section."""
    return section(measure(folder / "idle", shape, held, window), shape, held, window)


def measure(folder: Path, shape: Shape, held: int, window: float) -> Idle:
    """Measure in a folder that is made and removed."""
    folder.mkdir()
    numbers = shape.spread(held)
    with ExitStack() as stack:
        ours = stack.enter_context(side(folder / "product", repositories.make(folder, shape), http=False))
        cluster = stack.enter_context(EmbeddedCluster())
        cluster.declare(PROBLEMS)
        names = [shape.name(number) for number in numbers]
        for name in names:
            for space in (product.NAMESPACE, "operator"):
                cluster.create(deployment(space, name))
        status = command.free_port()
        config = command.configure(
            folder, str(ours.remote), write_kubeconfig(folder, cluster.url), f"{{status: '127.0.0.1:{status}'}}"
        )
        with command.running(config) as daemon:
            daemon.await_ready(status)
            ours.person.write(_problems(shape, numbers), "Everything is slow\n")
            _await_steps(ours.remote, "applied", held)
            _settle(ours.remote)
            tip = read_ref(ours.remote, STAGE_REF)
            cluster.journal.clear()
            spent = daemon.costs.spent()
            time.sleep(window)
            cpu = (daemon.costs.spent() - spent) / window
            calls, writes = len(cluster.journal.entries()), len(cluster.journal.writes())
            pushes = int(git(ours.remote, "rev-list", "--count", f"{tip}..{STAGE_REF}"))
            memory = daemon.costs.memory()
            began = time.perf_counter()
            cluster.patch("Deployment", product.NAMESPACE, workload(names[0]), {"spec": {"replicas": 5}})
            _await_steps(ours.remote, "drift|held", 1, since=tip)
            noticed = time.perf_counter() - began
        with kopf_operator.running(cluster.url, "operator") as operator:
            operator.heal(names)
            spent = operator.costs.spent()
            time.sleep(window)
            operated = (operator.costs.memory(), (operator.costs.spent() - spent) / window)
    shutil.rmtree(folder)
    return Idle(memory, cpu, calls, writes, pushes, noticed, *operated)


def _problems(shape: Shape, numbers: Sequence[int]) -> dict[str, bytes]:
    made = ((number, *repositories.problem(number)) for number in numbers)
    return {f"ops/{STAGE}/{shape.path(number)}/problems/{identity}.yaml": content for number, identity, content in made}


def _await_steps(remote: Path, event: str, count: int, since: str = "") -> None:
    """Wait until the branch has so many steps of an event."""
    deadline = time.monotonic() + _PATIENCE
    wanted = ["--extended-regexp", f"--grep=^Event: ({event})$", f"{since}..{STAGE_REF}" if since else STAGE_REF]
    while int(git(remote, "rev-list", "--count", *wanted)) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"there are no {count} steps `{event}`")
        time.sleep(0.1)


def _settle(remote: Path) -> None:
    """Wait until nothing has been pushed for some seconds."""
    tip, since = "", time.monotonic()
    while time.monotonic() - since < 5:
        now = read_ref(remote, STAGE_REF)
        if now != tip:
            tip, since = now, time.monotonic()
        time.sleep(0.1)


def section(found: Idle, shape: Shape, held: int, window: float) -> Section:
    """Say what came out."""
    rows = [
        ["product", f"{found.memory:.0f}", f"{100 * found.cpu:.2f}", str(found.calls), str(found.writes),
         str(found.pushes), f"{found.noticed:.1f}"],
        ["Kopf, no record", f"{found.operator_memory:.0f}", f"{100 * found.operator_cpu:.2f}", "", "", "", ""],
    ]  # fmt: skip
    head = ["", "MiB", "% of a processor", "API calls", "writes", "pushes", "s until noticed"]
    text = (
        f"`reconciler run` over {shape.services:,} services, {held} of which have a held value and wait for nothing "
        f"else than their evaluation, during {window:g} s in which nothing happens; its children count. *s until "
        "noticed*: from a change by hand of a held Deployment to the step that says so on the remote.\n\n"
        f"Bars: {MEMORY_BAR:g} MiB, {100 * CPU_BAR:g} % of a processor, no writes, {NOTICE_BAR:g} s.\n\n"
        + table(head, rows)
    )
    missed = [
        what
        for what, over in (
            (f"{found.memory:.0f} MiB of memory", found.memory > MEMORY_BAR),
            (f"{100 * found.cpu:.2f} % of a processor", found.cpu >= CPU_BAR),
            (f"{found.writes} writes while converged", bool(found.writes)),
            (f"{found.pushes} commits while nothing happened", bool(found.pushes)),
            (f"noticed after {found.noticed:.0f} s", found.noticed > NOTICE_BAR),
        )
        if over
    ]
    return Section("Idle", text, tuple(missed))
