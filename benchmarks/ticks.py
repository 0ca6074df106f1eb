"""What one look at a project costs with 10,000 services: nothing new, one changed file, the first decision of a start.

The loop is the real one, in this process, which has run for a while: what an interpreter and its imports take is told
where starts are measured. The remote's own answer (its refs, a fetch) is timed apart. Beside it is what a program does
that remembers nothing from look to look: list and read every file of the stage. All of it is measured with a repository
that is new, then with one that has a past: starts with values held by as good as all services, and everything in a huge
repository.
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

from ruamel.yaml import YAML

from benchmarks import aside, huge, product, repositories
from benchmarks.huge import Counted, Huge
from benchmarks.machine import Quiet
from benchmarks.plain_git import environment, git
from benchmarks.product import Product, SkippingClock, Spans
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import STAGE_REF, Shape
from benchmarks.site import Side, deployment, side, write_kubeconfig

SHAPE = Shape(10_000)
NOTHING, CHANGE, COLD = "nothing new", "one changed playbook", "first decision after a start on an empty disk"
COLD_HELD = "the same, all others hold a value"
RESCAN = "every file of the stage listed and read"
PARSED = "every file listed, read and parsed by libyaml"
PARSED_HELD = f"{PARSED}, all others hold a value"
BARS = {NOTHING: 0.005, CHANGE: 0.020, COLD: 5.0, COLD_HELD: 5.0}
"""Seconds at the median; `Cell.judged` says which."""
WARM = 3
_STARTS = 5
_GOES_ON = 50
"""Looks until what a start began is over."""


@dataclass(frozen=True)
class Cell:
    """What was measured with one kind of remote: seconds without and with the remote's own answer.

    ``past`` is what there is in the repository, None where it is new.
    """

    shape: Shape
    http: bool
    own: Mapping[str, Sequence[float]]
    whole: Mapping[str, Sequence[float]]
    past: Counted | None = None

    def __str__(self) -> str:
        """Name it."""
        return f"{self.shape}{', huge' if self.past else ''}, {'smart HTTP' if self.http else 'local'}"

    def judged(self, what: str) -> float:
        """Return the seconds that the bar is about: without the remote's own answer only where it says so.

        That is for one change, and behind HTTP for nothing new, where git's own client takes longer than the bar.
        """
        without = what == CHANGE or (what == NOTHING and self.http)
        return statistics.median((self.own if without else self.whole)[what])


def run(folder: Path, rounds: int, quiet: Quiet, shape: Shape = SHAPE) -> Section:
    """Measure a repository that is new, and return the page's section."""
    made = repositories.make(folder, shape)
    cells = [measure(folder / f"http-{http}", shape, made, rounds, quiet, http=http) for http in (False, True)]
    return section(f"A look at {shape.services:,} services", cells)


def run_huge(folder: Path, rounds: int, quiet: Quiet, size: Huge | None = None) -> Section:
    """Measure a huge repository, and return the page's section."""
    size = size or Huge()
    made = huge.make(folder, size)
    past = huge.count(made)
    cells = [
        measure(folder / f"http-{http}", size.shape, made, rounds, quiet, http=http, past=past)
        for http in (False, True)
    ]  # fmt: skip
    return section("A look at a huge repository", cells)


def measure(
    folder: Path, shape: Shape, made: Path, rounds: int, quiet: Quiet, *, http: bool, past: Counted | None = None
) -> Cell:  # fmt: skip
    """Measure one kind of remote, a copy of ``made``, in a folder that is made and removed.

    Values are held only where there is no ``past`` otherwise.
    """
    starts = shape.spread(2 * _STARTS)
    others = [] if past else sorted(set(range(shape.services)) - set(starts))
    taken: dict[str, list[tuple[float, float]]] = {}
    clock = SkippingClock()
    folder.mkdir()
    with ExitStack() as stack:
        ours = stack.enter_context(side(folder / "product", made, http=http))
        url, create = stack.enter_context(aside.cluster())
        kubeconfig = write_kubeconfig(folder, url)
        create([deployment(product.NAMESPACE, shape.name(number)) for number in [*starts, *others]])
        where = ours.url or str(ours.remote)
        with product.running(folder, where, kubeconfig, clock=clock) as running:
            running.settle()
            taken |= _looks(running, ours, shape, shape.spread(rounds + WARM), quiet)

        def start(numbers: Sequence[int]) -> list[tuple[float, float]]:
            found = []
            for number in numbers:
                ours.person.push(shape, number)
                quiet.wait()
                found.append(_start(folder / f"start-{number}", where, kubeconfig, clock))
            return found

        taken[COLD] = start(starts[:_STARTS])
        if others:
            with product.running(folder, where, kubeconfig, clock=clock) as running:
                running.storm(ours.person.write(repositories.problems(shape, others), "All is slow\n"), len(others))
            taken[COLD_HELD] = start(starts[_STARTS:])
        if not http:
            quiet.wait()
            began = time.perf_counter()
            _parse(_rescan(ours.remote))
            taken[PARSED if past else PARSED_HELD] = [(time.perf_counter() - began,) * 2]
    shutil.rmtree(folder)
    own, whole = ({what: [each[at] for each in seconds] for what, seconds in taken.items()} for at in (0, 1))
    return Cell(shape, http, own, whole, past)


def _looks(
    running: Product, ours: Side, shape: Shape, numbers: Sequence[int], quiet: Quiet
) -> dict[str, list[tuple[float, float]]]:  # fmt: skip
    taken: dict[str, list[tuple[float, float]]] = {NOTHING: [], CHANGE: [], RESCAN: []}
    for number in numbers:
        quiet.wait()
        taken[NOTHING].append(_tick(running))
        ours.person.change(f"{shape.path(number)}/remediation.yaml", f"# changed in round {number}\n".encode())
        taken[CHANGE].append(_tick(running))
        began = time.perf_counter()
        _rescan(ours.remote)
        taken[RESCAN].append((time.perf_counter() - began,) * 2)
    return {what: seconds[WARM:] for what, seconds in taken.items()}


def _tick(running: Product) -> tuple[float, float]:
    """Look once; returns the seconds without and with the remote's own answer."""
    began = time.perf_counter()
    spans = running.look()
    whole = time.perf_counter() - began
    if any(span.kind == "push" for span in spans):
        raise RuntimeError("something was pushed though there was nothing to be done")
    return whole - _remote(spans), whole


def _remote(spans: Spans) -> float:
    return sum(span.ended - span.began for span in spans if span.kind in ("tips", "fetch"))


def _start(folder: Path, url: str, kubeconfig: Path, clock: SkippingClock) -> tuple[float, float]:
    """Start with no mirror while a problem waits; returns the seconds until the API answered."""
    folder.mkdir()
    began = time.perf_counter()
    with product.running(folder, url, kubeconfig, clock=clock) as running:
        spans = running.look()
        applied = next((span for span in spans if span.kind == "apply"), None)
        if applied is None:
            raise RuntimeError(f"nothing was decided at the start: {running.loop.conditions}")
        whole = applied.ended - began
        remote = _remote([span for span in spans if span.ended <= applied.began])
        for _ in range(_GOES_ON):
            if not any(span.kind == "push" for span in running.look()):
                break
    shutil.rmtree(folder)
    return whole - remote, whole


def _rescan(remote: Path) -> bytes:
    """List and read every file; returns them as `git cat-file --batch` prints them."""
    listed = git(remote, "ls-tree", "-r", "-z", STAGE_REF).split(b"\0")
    ids = b"".join(entry[12:52] + b"\n" for entry in listed if entry)
    done = subprocess.run(
        ["git", f"--git-dir={remote}", "cat-file", "--batch"],
        env=environment(), input=ids, capture_output=True, check=True, cwd="/",
    )  # fmt: skip
    return done.stdout


def _parse(files: bytes) -> int:
    """Parse every file with the library that is used for people's files, in its fast form; returns how many."""
    parser, at, parsed = YAML(typ="safe", pure=False), 0, 0
    while at < len(files):
        begins = files.index(b"\n", at) + 1
        at, size = begins, int(files[at:begins].split()[2])
        parser.load(files[at : at + size])
        at, parsed = at + size + 1, parsed + 1
    return parsed


def section(title: str, cells: Sequence[Cell]) -> Section:
    """Say what came out."""
    rows = [list(row) for cell in cells for row in _rows(cell)]
    head = [
        "services, remote", "what", "judged p50", "bar", "own p50", "p95", "remote's answer p50", "whole p50", "rounds",
    ]  # fmt: skip
    text = (
        "The loop's look at the remote, in one process with mirror and target; *own* is without the remote's own "
        "answer (reading its refs, fetching), *whole* with it. After a start on an empty disk a problem waits already; "
        "its time ends with the API's answer to the change. Such a start is one in a running interpreter: what the "
        "process and its imports take is not in it, and stands under *Starts*."
        + "".join(_told(cell) for cell in cells)
        + "\n\nBars at the median: for one changed playbook without the remote's own answer; for the first decision "
        "after a start with it, cloning included; for nothing new with it where the remote is near, and without it "
        "over HTTP.\n\n" + table(head, rows)
    )
    missed = [
        f"{cell}, {what}: {ms(cell.judged(what))} ms{_reason(cells, what)}"
        for cell in cells
        for what, bar in BARS.items()
        if what in cell.own and cell.judged(what) > bar
    ]
    return Section(title, text, tuple(missed))


def _reason(cells: Sequence[Cell], what: str) -> str:
    """Say beside a start that took too long what its files take alone, where that was measured."""
    files = {COLD: PARSED, COLD_HELD: PARSED_HELD}.get(what)
    alone = [seconds for cell in cells for seconds in cell.whole.get(files or "", ())]
    return f"; to list, read and parse the stage's files alone takes {ms(statistics.median(alone))} ms" if alone else ""


def _told(cell: Cell) -> str:
    """Say what is particular about a cell."""
    told = ""
    if cell.past and not cell.http:
        told = (
            f" The repository has {cell.past}. Whoever starts must know what was decided about each problem; to list, "
            "read and parse the files at the stage's tip with ruamel.yaml's fast form alone takes "
            f"{statistics.median(cell.whole[PARSED]):.0f} s."
        )
    if COLD_HELD in cell.own and not cell.http:
        told += (
            f" *All others*: {cell.shape.services - 2 * _STARTS:,} problems were decided and applied by the product "
            "before, each value stands in the cluster, and the branch has all these steps. Whoever starts must know "
            "who holds which field and what was done when, which is in all of these files; to list, read and parse "
            f"them with ruamel.yaml's fast form alone takes {statistics.median(cell.whole[PARSED_HELD]):.0f} s."
        )
    if cell.http:
        answer = statistics.median(_answers(cell, NOTHING))
        told += (
            f" Over HTTP a look with nothing new takes {ms(statistics.median(cell.whole[NOTHING]))} ms as a whole, of "
            f"which {ms(answer)} ms are the remote's answer to the question where its refs are. It is asked as git's "
            "own client asks, with a process and a connection each time; a client that speaks the protocol itself over "
            "a connection that stays open would be answered sooner."
        )
    return told


def _answers(cell: Cell, what: str) -> list[float]:
    return [whole - own for whole, own in zip(cell.whole[what], cell.own[what], strict=True)]


def _rows(cell: Cell) -> Iterator[tuple[str, ...]]:
    for what, own in cell.own.items():
        bar = BARS.get(what)
        yield (
            str(cell),
            what,
            ms(cell.judged(what)) if bar is not None else "",
            ms(bar) if bar is not None else "",
            ms(statistics.median(own)),
            ms(percentile(own, 95)),
            ms(statistics.median(_answers(cell, what))),
            ms(statistics.median(cell.whole[what])),
            str(len(own)),
        )
