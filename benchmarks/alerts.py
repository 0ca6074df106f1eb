"""From an alert to the answer that says it is durable, and a storm of them: the product beside two others.

One is the script that many teams have, which keeps alerts in memory; the other is what Git alone costs: the same
commit by a persistent fast-import, an ordinary push, the ref read back. The product is the command itself, a process
of its own with its server; alerts come over HTTP as Alertmanager sends them.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import aside, command, product, repositories
from benchmarks.command import Daemon
from benchmarks.floor import Commit, Floor
from benchmarks.machine import Quiet
from benchmarks.plain_git import git, read_ref
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import STAGE, STAGE_REF, Shape
from benchmarks.sending import Sender, alert, payload, storm
from benchmarks.site import Side, deployment, side, write_kubeconfig

SHAPE = Shape(1_000)
LOCAL_BAR = 0.060
"""Seconds at the 95th percentile, the remote on this machine."""
RATIO_BAR = 1.5
"""The product's time at most so many times the floor's, the remote behind HTTP."""
ALERTS, SERVICES = 1_000, 200
RATE_BAR = 500
PUSHES_BAR = 10
GROWTH_BAR = 1.1
"""Memory after the storm was repeated for long, at most so many times that after its first repeat."""
WARM = 3
_QUIET = 1.1
"""Seconds without a push after which the next machine push goes at once."""
_AGAIN = 5
_STORMS = 5


@dataclass(frozen=True)
class Cell:
    """What was measured with one kind of remote, in seconds."""

    http: bool
    product: Sequence[float]
    floor: Sequence[float]
    script: Sequence[float]

    def __str__(self) -> str:
        """Name it."""
        return f"{SHAPE}, {'smart HTTP' if self.http else 'local'}"

    def ratio(self, percent: float) -> float:
        """Return the product's percentile over the floor's."""
        return percentile(self.product, percent) / percentile(self.floor, percent)


@dataclass(frozen=True)
class Storm:
    """A storm: seconds until every alert was durable, pushes of alerts, MiB after one repeat and after many.

    Each run has a new repository, a new cluster and a new daemon.
    """

    seconds: float
    pushes: int
    after: float
    repeated: float

    @property
    def rate(self) -> float:
        """Alerts a second."""
        return ALERTS / self.seconds


@contextmanager
def _daemon(folder: Path, at: Side, kubeconfig: Path) -> Iterator[tuple[int, Daemon]]:
    """Run the command with its webhooks; yields their port and the daemon."""
    port, status = command.free_port(), command.free_port()
    server = f"{{listen: '127.0.0.1:{port}', status: '127.0.0.1:{status}'}}"
    config = command.configure(folder, at.url or str(at.remote), kubeconfig, server, ["webhooks: {alertmanager: {}}"])
    with command.running(config) as daemon:
        daemon.await_ready(status)
        yield port, daemon


@contextmanager
def script() -> Iterator[int]:
    """Run the script that keeps alerts in memory; yields its port."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.webhook_script"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parent.parent,
    ) as child:  # fmt: skip
        if child.stdin is None or child.stdout is None:
            raise AssertionError("Popen was asked for pipes")
        yield int(child.stdout.readline())
        child.stdin.close()


def run(folder: Path, rounds: int, quiet: Quiet) -> Section:
    """Measure and return the page's section."""
    cells = [measure(folder / f"http-{http}", rounds, quiet, http=http) for http in (False, True)]
    storms = [measure_storm(folder / f"storm-{nth}", quiet) for nth in range(_STORMS)]
    return section(cells, storms, rounds, quiet.busy)


def measure(folder: Path, rounds: int, quiet: Quiet, *, http: bool) -> Cell:
    """Measure one kind of remote in a folder that is made and removed."""
    numbers = SHAPE.spread(rounds + WARM)
    times: tuple[list[float], list[float], list[float]] = ([], [], [])
    folder.mkdir()
    with ExitStack() as stack:
        made = repositories.make(folder, SHAPE)
        ours, theirs = (stack.enter_context(side(folder / name, made, http=http)) for name in ("product", "floor"))
        url, create = stack.enter_context(aside.cluster())
        kubeconfig = write_kubeconfig(folder, url)
        create([deployment(product.NAMESPACE, SHAPE.name(number)) for number in numbers])
        floor = Floor(theirs.folder, theirs.remote, theirs.url, kubeconfig, "floor")
        stack.callback(floor.close)
        port, _ = stack.enter_context(_daemon(folder, ours, kubeconfig))
        sender, plain = Sender(port), Sender(stack.enter_context(script()))
        stack.callback(sender.close)
        stack.callback(plain.close)
        for number in numbers:
            body = payload([alert(SHAPE.name(number), number)])
            _settle(ours.remote)
            quiet.wait()
            took, said = sender.send(body)
            times[0].append(took)
            times[1].append(floor.file(_commit(ours.remote, said["problems"][0]["commit"])))
            times[2].append(plain.send(body)[0])
    shutil.rmtree(folder)
    return Cell(http, times[0][WARM:], times[1][WARM:], times[2][WARM:])


def _commit(remote: Path, commit: str) -> Commit:
    """Return the product's commit, to be repeated."""
    path = git(remote, "diff-tree", "--no-commit-id", "--name-only", "-r", commit).decode().strip()
    message = git(remote, "show", "-s", "--format=%B", commit).decode()
    return Commit({path: git(remote, "cat-file", "blob", f"{commit}:{path}")}, message, int(time.time()))


def _settle(remote: Path) -> None:
    """Wait until nobody has pushed for a while: what follows from the alert before is done."""
    tip, since = "", time.monotonic()
    while time.monotonic() - since < _QUIET:
        now = read_ref(remote, STAGE_REF)
        if now != tip:
            tip, since = now, time.monotonic()
        time.sleep(0.02)


def measure_storm(folder: Path, quiet: Quiet) -> Storm:
    """Send many groups at the same time, then all of them again."""
    numbers = SHAPE.spread(SERVICES)
    each = ALERTS // SERVICES
    folder.mkdir()
    with ExitStack() as stack:
        ours = stack.enter_context(side(folder / "product", repositories.make(folder, SHAPE), http=False))
        url, create = stack.enter_context(aside.cluster())
        kubeconfig = write_kubeconfig(folder, url)
        create([deployment(product.NAMESPACE, SHAPE.name(number)) for number in numbers])
        port, daemon = stack.enter_context(_daemon(folder, ours, kubeconfig))
        _settle(ours.remote)
        quiet.wait()
        bodies = [
            payload([alert(SHAPE.name(number), number * each + nth) for nth in range(each)]) for number in numbers
        ]
        seconds = storm(port, bodies)
        _settle(ours.remote)
        pushes = _pushes(ours.remote)
        if _problems(ours.remote) != ALERTS:
            raise RuntimeError(f"{ALERTS} alerts became {_problems(ours.remote)} problem files")
        storm(port, bodies)
        _settle(ours.remote)
        after = daemon.costs.memory()
        for _ in range(_AGAIN):
            storm(port, bodies)
        _settle(ours.remote)
        if _pushes(ours.remote) != pushes:
            raise RuntimeError("alerts that came again were committed again")
        found = Storm(seconds, pushes, after, daemon.costs.memory())
    shutil.rmtree(folder)
    return found


def _pushes(remote: Path) -> int:
    return len(git(remote, "log", "--author=alertmanager", "--format=%H", STAGE_REF).splitlines())


def _problems(remote: Path) -> int:
    listed = git(remote, "ls-tree", "-r", "--name-only", STAGE_REF, f"ops/{STAGE}").decode().splitlines()
    return sum("/problems/" in path for path in listed)


def middle(storms: Sequence[Storm]) -> Storm:
    """Return the medians of several runs; the memory is that of the run with the median growth."""
    grown = sorted(storms, key=lambda each: each.repeated / each.after)[len(storms) // 2]
    seconds = statistics.median(each.seconds for each in storms)
    return replace(grown, seconds=seconds, pushes=statistics.median_high(each.pushes for each in storms))


def section(cells: Sequence[Cell], storms: Sequence[Storm], rounds: int, busy: int) -> Section:
    """Say what came out."""
    found = middle(storms)
    head = ["services, remote", "product p50", "p95", "floor p50", "p95", "ratio p50", "p95", "script p50"]
    rows = [
        [
            str(cell), ms(statistics.median(cell.product)), ms(percentile(cell.product, 95)),
            ms(statistics.median(cell.floor)), ms(percentile(cell.floor, 95)),
            f"{cell.ratio(50):.2f}", f"{cell.ratio(95):.2f}", ms(statistics.median(cell.script)),
        ]
        for cell in cells
    ]  # fmt: skip
    about = (
        "From sending an alert to the answer that says it is on the remote: `reconciler run` as a process of its own, "
        "beside Git alone (the same commit by a persistent fast-import, an ordinary push, the ref read back) and a "
        f"script that keeps alerts in memory. {rounds} rounds, each with an alert of another service, once what "
        f"followed from the one before was done. {busy or 'No'} rounds were measured while other work ran."
    )
    bars = (
        f"Bars: {ms(LOCAL_BAR)} ms at the 95th percentile with a remote on this machine, {RATIO_BAR} times the floor "
        f"behind HTTP; a storm of {ALERTS:,} alerts of {SERVICES} services at {RATE_BAR} a second, in at most "
        f"{PUSHES_BAR} pushes; and after {_AGAIN} more repeats at most {GROWTH_BAR} times the memory as after "
        f"the first. The storm's numbers are medians of {len(storms)} runs, each with a new repository and a new "
        "daemon; its memory is that of the run with the median growth."
    )
    storm_rows = [[
        f"{ALERTS:,} alerts, {SERVICES} groups at once", f"{found.rate:.0f}", str(found.pushes), f"{found.after:.0f}",
        f"{found.repeated:.0f}",
    ]]  # fmt: skip
    storm_head = ["storm", "alerts a second", "pushes", "MiB after a repeat", f"after {_AGAIN} more"]
    text = "\n\n".join([about, bars, table(head, rows), table(storm_head, storm_rows)])
    return Section("Alert to the answer that it is durable", text, tuple(_missed(cells, found)))


def _missed(cells: Sequence[Cell], found: Storm) -> Iterator[str]:
    for cell in cells:
        late = percentile(cell.product, 95)
        if not cell.http and late > LOCAL_BAR:
            yield f"{cell}: {ms(late)} ms at the 95th percentile"
        if cell.http and cell.ratio(50) > RATIO_BAR:
            yield f"{cell}: {cell.ratio(50):.2f} times the floor"
    if found.rate < RATE_BAR:
        yield f"the storm: {found.rate:.0f} alerts a second"
    if found.pushes > PUSHES_BAR:
        yield f"the storm: {found.pushes} pushes"
    if found.repeated > GROWTH_BAR * found.after:
        yield f"the storm: {found.after:.0f} MiB became {found.repeated:.0f}"
