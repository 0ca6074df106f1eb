"""What a daemon costs while nothing happens, with 10,000 services of which some are held, and what it still notices.

The daemon is a process of its own; its cluster lives in this one and counts what it is asked. Beside it, in the same
windows of time, an operator watches as many objects of a cluster of its own. At the end somebody scales some held
Deployments by hand, one after the other: such a change is noticed when the step that says so is on the remote, or when
the operator says a word about it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import command, kopf_operator, product, repositories
from benchmarks.aside import PROBLEMS
from benchmarks.command import Costs
from benchmarks.people import tip_of
from benchmarks.plain_git import git
from benchmarks.report import Section, table
from benchmarks.repositories import STAGE_REF, Shape
from benchmarks.site import deployment, side, workload, write_kubeconfig
from reconciler.embedded.cluster import EmbeddedCluster

SHAPE = Shape(10_000)
HELD = 200
WINDOWS, WINDOW = 5, 60.0
"""How many stretches of time it is looked at while nothing happens, and their seconds."""
CHANGES, APART = 5, 6.0
"""Changes by hand, and the seconds between them: they come at different moments between two looks at what is held."""
MEMORY_BAR, CPU_BAR, NOTICE_BAR = 150.0, 0.01, 60.0
"""MiB, part of one processor, seconds."""
_OPERATOR = "operator"
_QUIET = 5.0
"""Seconds without a push after which all is done."""
_PATIENCE = 300.0


@dataclass(frozen=True)
class Window:
    """What was seen while nothing happened: MiB at its end, part of a processor, requests and those that may change."""

    memory: float
    cpu: float
    calls: int
    writes: int
    pushes: int = 0


@dataclass(frozen=True)
class Idle:
    """What one of them cost in each window, and the seconds until it noticed each change by hand."""

    windows: tuple[Window, ...]
    noticed: tuple[float, ...]

    @property
    def memory(self) -> float:
        """MiB, the median."""
        return median(each.memory for each in self.windows)

    @property
    def cpu(self) -> float:
        """Part of one processor, the median."""
        return median(each.cpu for each in self.windows)

    @property
    def calls(self) -> int:
        """Requests in all windows."""
        return sum(each.calls for each in self.windows)

    @property
    def writes(self) -> int:
        """Requests in all windows that may change something."""
        return sum(each.writes for each in self.windows)

    @property
    def pushes(self) -> int:
        """Commits on the remote in all windows."""
        return sum(each.pushes for each in self.windows)


@dataclass(frozen=True)
class Plan:
    """What is measured: services with a held value, windows and their seconds, changes by hand and seconds between."""

    held: int = HELD
    windows: int = WINDOWS
    window: float = WINDOW
    changes: int = CHANGES
    apart: float = APART


def run(folder: Path, shape: Shape = SHAPE, plan: Plan | None = None) -> Section:
    """Measure and return the page's section."""
    plan = plan or Plan()
    ours, theirs = measure(folder / "idle", shape, plan)
    return section(ours, theirs, shape, plan)


def measure(folder: Path, shape: Shape, plan: Plan) -> tuple[Idle, Idle]:
    """Return what the product cost and what the operator did; works in a folder that is made and removed."""
    folder.mkdir()
    numbers = shape.spread(plan.held)
    names = [shape.name(number) for number in numbers]
    with ExitStack() as stack:
        site = stack.enter_context(side(folder / "product", repositories.make(folder, shape), http=False))
        cluster, others = stack.enter_context(EmbeddedCluster()), stack.enter_context(EmbeddedCluster())
        others.declare(PROBLEMS)
        for name in names:
            cluster.create(deployment(product.NAMESPACE, name))
            others.create(deployment(_OPERATOR, name))
        status = command.free_port()
        config = command.configure(
            folder, str(site.remote), write_kubeconfig(folder, cluster.url), f"{{status: '127.0.0.1:{status}'}}"
        )
        daemon = stack.enter_context(command.running(config))
        daemon.await_ready(status)
        site.person.write(repositories.problems(shape, numbers), "Everything is slow\n")
        _await_applied(site.remote, plan.held)
        operator = stack.enter_context(kopf_operator.running(others.url, _OPERATOR, workloads=True))
        operator.heal(names)
        tip = _settled(site.remote)
        ours, theirs = _windows(plan, [(daemon.costs, cluster), (operator.costs, others)], site.remote)
        chosen = names[: plan.changes]
        noticed = notices(site.remote, tip, chosen, partial(_scale, cluster, product.NAMESPACE), plan.apart)
        operated = [operator.noticed(name, partial(_scale, others, _OPERATOR, name)) for name in chosen]
    shutil.rmtree(folder)
    return Idle(tuple(ours), tuple(noticed)), Idle(tuple(theirs), tuple(operated))


def _windows(
    plan: Plan, watched: Sequence[tuple[Costs, EmbeddedCluster]], remote: Path
) -> tuple[list[Window], list[Window]]:  # fmt: skip
    """Look at both, at the same time, in each window; commits on the remote are the first one's."""
    found: tuple[list[Window], list[Window]] = ([], [])
    for _ in range(plan.windows):
        tip = tip_of(remote)
        for _, cluster in watched:
            cluster.journal.clear()
        before = [costs.spent() for costs, _ in watched]
        began = time.perf_counter()
        time.sleep(plan.window)
        took = time.perf_counter() - began
        pushes = (int(git(remote, "rev-list", "--count", f"{tip}..{STAGE_REF}")), 0)
        for windows, (costs, cluster), spent, pushed in zip(found, watched, before, pushes, strict=True):
            calls, writes = len(cluster.journal.entries()), len(cluster.journal.writes())
            windows.append(Window(costs.memory(), (costs.spent() - spent) / took, calls, writes, pushed))
    return found


def notices(
    remote: Path, since: str, names: Sequence[str], change: Callable[[str], object], apart: float
) -> list[float]:
    """Change one service after the other; returns the seconds until the step about each was on the remote.

    Raises RuntimeError where one of them is not noticed within five minutes.
    """
    changed: dict[str, float] = {}
    noticed: dict[str, float] = {}
    tip, next_at, deadline = since, time.perf_counter(), time.perf_counter() + _PATIENCE
    left = list(names)
    while len(noticed) < len(names):
        if time.perf_counter() > deadline:
            raise RuntimeError(f"not noticed: {', '.join(changed.keys() - noticed.keys())}")
        if left and time.perf_counter() >= next_at:
            changed[left[0]] = time.perf_counter()
            change(left.pop(0))
            next_at += apart
        now, seen = tip_of(remote), time.perf_counter()
        if now != tip:
            for name in _told(remote, tip, now) & changed.keys():
                noticed.setdefault(name, seen - changed[name])
            tip = now
        else:
            time.sleep(0.05)
    return [noticed[name] for name in names]


def _told(remote: Path, since: str, tip: str) -> set[str]:
    """Return the services about which new steps say that somebody else has changed something."""
    keys = "%x09".join(f"%(trailers:key={key},valueonly,separator=)" for key in ("Event", "Service"))
    lines = git(remote, "log", f"--format={keys}", f"{since}..{tip}").decode().splitlines()
    steps = [line.partition("\t") for line in lines]
    return {service.rpartition("/")[2] for event, _, service in steps if event in ("drift", "held")}


def _scale(cluster: EmbeddedCluster, namespace: str, service: str) -> None:
    cluster.patch("Deployment", namespace, workload(service), {"spec": {"replicas": 5}})


def _await_applied(remote: Path, count: int) -> None:
    """Wait until so many changes are known to have been applied."""
    deadline = time.monotonic() + _PATIENCE
    while int(git(remote, "rev-list", "--count", "--grep=^Event: applied$", STAGE_REF)) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"there are no {count} steps `applied`")
        time.sleep(0.1)


def _settled(remote: Path) -> str:
    """Wait until nothing has been pushed for some seconds, and return the tip."""
    tip, since = "", time.monotonic()
    while time.monotonic() - since < _QUIET:
        now = tip_of(remote)
        if now != tip:
            tip, since = now, time.monotonic()
        time.sleep(0.1)
    return tip


def section(ours: Idle, theirs: Idle, shape: Shape, plan: Plan) -> Section:
    """Say what came out."""
    rows = [_row("product", ours, str(ours.pushes)), _row("Kopf, no record", theirs, "")]
    head = [
        "", "MiB", "% of a processor", "most", "API calls", "writes", "pushes", "s until noticed, p50", "slowest",
    ]  # fmt: skip
    text = (
        f"`reconciler run` over {shape.services:,} services, {plan.held} of which have a held value and wait for "
        f"nothing else than their evaluation, during {plan.windows} windows of {plan.window:g} s in which nothing "
        "happens; its children count. Memory and processor are medians of the windows, calls, writes and pushes are "
        f"those of all windows. *s until noticed*: from a change by hand of a held Deployment, {plan.changes} of "
        f"which come {plan.apart:g} s apart after the windows, to the step that says so on the remote. *Kopf* runs in "
        "the same windows: an operator that has scaled as many Deployments of a cluster of its own and watches them; "
        "it has noticed a change when it says a word about it, and writes nothing down. Limits: the remote is a path "
        "of this machine, where a look at it costs next to nothing, and not a request each time; and the operator "
        f"watches the {plan.held} objects that are held, not as many as there are services.\n\n"
        f"Bars: {MEMORY_BAR:g} MiB, {100 * CPU_BAR:g} % of a processor, no writes, {NOTICE_BAR:g} s at most.\n\n"
        + table(head, rows)
    )
    slowest = max(ours.noticed, default=0.0)
    missed = [
        what
        for what, over in (
            (f"{ours.memory:.0f} MiB of memory", ours.memory > MEMORY_BAR),
            (f"{100 * ours.cpu:.2f} % of a processor", ours.cpu >= CPU_BAR),
            (f"{ours.writes} writes while converged", bool(ours.writes)),
            (f"{ours.pushes} commits while nothing happened", bool(ours.pushes)),
            (f"noticed after {slowest:.0f} s", slowest > NOTICE_BAR),
        )
        if over
    ]
    return Section("Idle", text, tuple(missed))


def _row(name: str, found: Idle, pushes: str) -> list[str]:
    noticed = [f"{median(found.noticed):.2f}", f"{max(found.noticed):.2f}"] if found.noticed else ["", ""]
    most = max(each.cpu for each in found.windows)
    return [
        name, f"{found.memory:.0f}", f"{100 * found.cpu:.2f}", f"{100 * most:.2f}", str(found.calls),
        str(found.writes), pushes, *noticed,
    ]  # fmt: skip
