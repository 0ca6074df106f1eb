"""What one look at a project costs with 10,000 services: nothing new, one changed file, the first decision of a start.

The loop is the real one, in this process; the remote's own answer (its refs, a fetch) is timed apart and taken off.
Beside it is what a program does that remembers nothing from look to look: list and read every file of the stage.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import aside, product, repositories
from benchmarks.machine import Quiet
from benchmarks.plain_git import environment, git
from benchmarks.product import Product, Spans
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import STAGE_REF, Shape
from benchmarks.site import deployment, side, write_kubeconfig

SHAPE = Shape(10_000)
NOTHING, CHANGE, COLD = "nothing new", "one changed playbook", "first decision after a start on an empty disk"
RESCAN = "every file of the stage listed and read"
BARS = {NOTHING: 0.005, CHANGE: 0.020, COLD: 5.0}
"""Seconds beyond the remote's own answer, at the median."""
WARM = 3
_STARTS = 5


@dataclass(frozen=True)
class Cell:
    """What was measured with one kind of remote: seconds without and with the remote's own answer."""

    shape: Shape
    http: bool
    own: Mapping[str, Sequence[float]]
    whole: Mapping[str, Sequence[float]]


def run(folder: Path, rounds: int, quiet: Quiet, shape: Shape = SHAPE) -> Section:
    """Measure and return the page's section."""
    return section([measure(folder / f"http-{http}", shape, rounds, quiet, http=http) for http in (False, True)])


def measure(folder: Path, shape: Shape, rounds: int, quiet: Quiet, *, http: bool) -> Cell:
    """Measure one kind of remote in a folder that is made and removed."""
    own: dict[str, list[float]] = {what: [] for what in (NOTHING, CHANGE, COLD, RESCAN)}
    whole: dict[str, list[float]] = {what: [] for what in own}
    folder.mkdir()
    with ExitStack() as stack:
        made = repositories.make(folder, shape)
        ours = stack.enter_context(side(folder / "product", made, http=http))
        url, create = stack.enter_context(aside.cluster())
        kubeconfig = write_kubeconfig(folder, url)
        starts = shape.spread(_STARTS)
        create([deployment(product.NAMESPACE, shape.name(number)) for number in starts])
        where = ours.url or str(ours.remote)

        def note(what: str, quickly: tuple[float, float]) -> None:
            own[what].append(quickly[0])
            whole[what].append(quickly[1])

        with product.running(folder, where, kubeconfig) as running:
            running.settle()
            for number in shape.spread(rounds + WARM):
                quiet.wait()
                note(NOTHING, _tick(running))
                ours.person.change(f"{shape.path(number)}/remediation.yaml", f"# changed in round {number}\n".encode())
                note(CHANGE, _tick(running))
                began = time.perf_counter()
                _rescan(ours.remote)
                note(RESCAN, (time.perf_counter() - began,) * 2)
        for nth, number in enumerate(starts):
            ours.person.push(shape, number)
            quiet.wait()
            note(COLD, _start(folder / f"start-{nth}", where, kubeconfig))
    shutil.rmtree(folder)

    def kept(taken: dict[str, list[float]]) -> Mapping[str, Sequence[float]]:
        return {what: seconds if what == COLD else seconds[WARM:] for what, seconds in taken.items()}

    return Cell(shape, http, kept(own), kept(whole))


def _tick(running: Product) -> tuple[float, float]:
    """Look once; returns the seconds without and with the remote's own answer."""
    began = time.perf_counter()
    spans = running.look()
    whole = time.perf_counter() - began
    return whole - _remote(spans), whole


def _remote(spans: Spans) -> float:
    return sum(span.ended - span.began for span in spans if span.kind in ("tips", "fetch"))


def _start(folder: Path, url: str, kubeconfig: Path) -> tuple[float, float]:
    """Start with no mirror while a problem waits; returns the seconds until the API answered."""
    folder.mkdir()
    began = time.perf_counter()
    with product.running(folder, url, kubeconfig) as running:
        spans = running.look()
        applied = next((span for span in spans if span.kind == "apply"), None)
        if applied is None:
            raise RuntimeError(f"nothing was decided at the start: {running.loop.conditions}")
        whole = applied.ended - began
        remote = _remote([span for span in spans if span.ended <= applied.began])
    shutil.rmtree(folder)
    return whole - remote, whole


def _rescan(remote: Path) -> int:
    """List and read every file; returns how many bytes there are."""
    listed = git(remote, "ls-tree", "-r", "-z", STAGE_REF).split(b"\0")
    ids = b"".join(entry[12:52] + b"\n" for entry in listed if entry)
    done = subprocess.run(
        ["git", f"--git-dir={remote}", "cat-file", "--batch"],
        env=environment(), input=ids, capture_output=True, check=True, cwd="/",
    )  # fmt: skip
    return len(done.stdout)


def section(cells: Sequence[Cell]) -> Section:
    """Say what came out."""
    rows = [list(row) for cell in cells for row in _rows(cell)]
    bars = ", ".join(f"{what} {ms(bar)} ms" for what, bar in BARS.items())
    text = (
        "The loop's look at the remote, in one process with mirror and target; *own* is without the remote's own "
        "answer (reading its refs, fetching). After a start on an empty disk a problem waits already; its time ends "
        f"with the API's answer to the change.\n\nBars, own, at the median: {bars}.\n\n"
        + table(["services, remote", "what", "own p50", "p95", "whole p50", "rounds"], rows)
    )
    missed = [
        f"{_name(cell)}, {what}: {ms(median)} ms"
        for cell in cells
        for what, bar in BARS.items()
        if (median := statistics.median(cell.own[what])) > bar
    ]
    return Section("A look at 10,000 services", text, tuple(missed))


def _rows(cell: Cell) -> Iterator[tuple[str, ...]]:
    for what, own in cell.own.items():
        median = statistics.median(own)
        yield (
            _name(cell),
            what,
            ms(median),
            ms(percentile(own, 95)),
            ms(statistics.median(cell.whole[what])),
            str(len(own)),
        )


def _name(cell: Cell) -> str:
    return f"{cell.shape}, {'smart HTTP' if cell.http else 'local'}"
