"""A shared cause: a thousand and ten thousand problems, each of another service, in one push.

The product decides, commits, pushes and applies all of them. Beside it, each over the same services: Git alone (the
product's very commits by a persistent fast-import and as many ordinary pushes), an operator that keeps no record, and
a script that takes the same alerts and forgets them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks import aside, kopf_operator, product, repositories
from benchmarks.alerts import script
from benchmarks.floor import Commit, Floor
from benchmarks.machine import Quiet
from benchmarks.report import Section, table
from benchmarks.repositories import Shape
from benchmarks.sending import Sender, alert, payload
from benchmarks.site import deployment, side, write_kubeconfig
from benchmarks.spent import OWN, PARTS, THREADS
from reconciler.repo.stream import NewCommit

_FLAT = Shape(10_000, grouped=False)
STORMS = ((Shape(10_000), 1_000, 5), (Shape(10_000), 10_000, 5), (_FLAT, 1_000, 5), (_FLAT, 10_000, 1))
"""Services, problems, and runs: one where a single run takes many minutes."""
RATE_BAR = 500
"""Decisions a second, audited and applied, where services lie in group folders."""
FLAT_BAR = 0.7
"""Of the rate of bare fast-import, where they lie in one folder."""
_OPERATOR = "operator"


@dataclass(frozen=True)
class Cell:
    """A storm; seconds until all problems were dealt with, by whom. ``committed`` is until the last `applied`.

    ``spent`` are seconds of processor time by who used them, ``git`` those in which the product waited for git.
    """

    shape: Shape
    problems: int
    applied: float
    committed: float
    pushes: int
    floor: float
    operator: float
    script: float
    spent: Mapping[str, float]
    git: float
    runs: int = 1

    def __str__(self) -> str:
        """Name it."""
        return f"{self.problems:,} of {self.shape}"

    @property
    def rate(self) -> float:
        """Decisions a second, from the push until the last answer of the API."""
        return self.problems / self.applied

    @property
    def at_best(self) -> float:
        """Decisions a second if all cores were busy all the time, and Python's one all the time."""
        own, all_of_it = self.spent[OWN] + self.spent[THREADS], sum(self.spent.values())
        return self.problems / max(own, all_of_it / (os.cpu_count() or 1), 1e-6)


def run(folder: Path, quiet: Quiet, storms: Sequence[tuple[Shape, int, int]] = STORMS) -> Section:
    """Measure and return the page's section."""
    return section([
        middle([measure(folder / f"{nth}-{again}", shape, count, quiet) for again in range(runs)])
        for nth, (shape, count, runs) in enumerate(storms)
    ])  # fmt: skip


def middle(cells: Sequence[Cell]) -> Cell:
    """Return the medians of several runs; what was spent is that of the run with the median rate."""
    ordered = sorted(cells, key=lambda cell: cell.applied)
    return replace(
        ordered[len(ordered) // 2],
        committed=median(cell.committed for cell in cells),
        floor=median(cell.floor for cell in cells),
        operator=median(cell.operator for cell in cells),
        script=median(cell.script for cell in cells),
        runs=len(cells),
    )


def measure(folder: Path, shape: Shape, problems: int, quiet: Quiet) -> Cell:
    """Measure one storm in a folder that is made and removed."""
    folder.mkdir()
    numbers = shape.spread(problems)
    with ExitStack() as stack:
        made = repositories.make(folder, shape)
        ours, theirs = (stack.enter_context(side(folder / name, made, http=False)) for name in ("product", "floor"))
        url, create = stack.enter_context(aside.cluster())
        kubeconfig = write_kubeconfig(folder, url)
        names = [shape.name(number) for number in numbers]
        create([deployment(space, name) for name in names for space in (product.NAMESPACE, _OPERATOR)])
        floor = Floor(theirs.folder, theirs.remote, theirs.url, kubeconfig, "floor")
        stack.callback(floor.close)
        with product.running(folder, str(ours.remote), kubeconfig) as running:
            running.settle()
            storm = repositories.problems(shape, numbers)
            tip = ours.person.write(storm, "Everything is slow\n")
            theirs.person.write(storm, "Everything is slow\n")
            quiet.wait()
            found = running.storm(tip, problems)
        batches = [[_commit(one) for one in batch] for batch in found.before]
        quiet.wait()
        bare = floor.write(batches)
        with kopf_operator.running(url, _OPERATOR) as operator:
            quiet.wait()
            operated = operator.heal(names)
        scripted = _scripted(shape, numbers)
    shutil.rmtree(folder)
    return Cell(
        shape, problems, found.applied, found.committed, len(batches), bare, operated, scripted, found.spent, found.git
    )


def _commit(one: NewCommit) -> Commit:
    return Commit(one.files, one.message, int(one.when.timestamp()))


def _scripted(shape: Shape, numbers: Sequence[int]) -> float:
    bodies = [payload([alert(shape.name(number), number)]) for number in numbers]
    with script() as port:
        sender = Sender(port)
        try:
            return sum(sender.send(body)[0] for body in bodies)
        finally:
            sender.close()


def section(cells: Sequence[Cell]) -> Section:
    """Say what came out."""
    rows = [
        [
            str(cell), str(cell.runs), f"{cell.rate:.0f}", f"{cell.problems / cell.committed:.0f}",
            str(cell.pushes), f"{cell.problems / cell.floor:.0f}", f"{cell.problems / cell.operator:.0f}",
            f"{cell.problems / cell.script:.0f}",
        ]
        for cell in cells
    ]  # fmt: skip
    head = [
        "problems, services", "runs", "decisions/s", "until committed", "pushes", "bare fast-import", "Kopf", "script",
    ]  # fmt: skip
    text = (
        "Problems of as many services in one push, a second: from the moment the tip is known until the API answered "
        "the last change (*decisions/s*), and until all of these answers were committed too. *Bare fast-import* writes "
        "the product's commits up to the last answer and makes as many pushes, without any API call; *Kopf* is an "
        "operator that scales and keeps no record; *script* takes alerts over HTTP and does nothing. Medians of "
        f"all runs{_single(cells)}.\n\n"
        f"Bars: {RATE_BAR} *decisions/s* grouped; *decisions/s* flat at least {100 * FLAT_BAR:.0f} % of bare "
        "fast-import. Both are judged by the API's last answer: then every decision is on the remote and applied, and "
        "the commits that say so may follow (*until committed*).\n\n"
        + table(head, rows)
        + "\n\n"
        + _where_it_goes(cells)
    )
    missed = [
        f"{cell}: {cell.rate:.0f} decisions a second; {os.cpu_count()} cores that are never "
        f"idle would do {cell.at_best:.0f}"
        for cell in cells
        if cell.shape.grouped and cell.rate < RATE_BAR
    ]
    missed += [
        f"{cell}: {100 * cell.floor / cell.applied:.0f} % of bare fast-import"
        for cell in cells
        if not cell.shape.grouped and cell.floor < FLAT_BAR * cell.applied
    ]
    return Section("A storm in one push", text, tuple(missed))


def _single(cells: Sequence[Cell]) -> str:
    """Say which storms are run once only."""
    once = " and ".join(str(cell) for cell in cells if cell.runs == 1)
    return f"; {once}, which takes many minutes, is a single run and no median" if once else ""


def _where_it_goes(cells: Sequence[Cell]) -> str:
    """Say who used how much processor time, and what rate that allows at best."""
    rows = []
    for cell in cells:
        each = {part: 1000 * seconds / cell.problems for part, seconds in cell.spent.items()}
        rows.append([
            str(cell), *(f"{each[part]:.2f}" for part in PARTS), f"{sum(each.values()):.2f}",
            f"{cell.at_best:.0f}",
        ])  # fmt: skip
    return (
        "Seconds of processor time for 1,000 decisions until the last answer, by who used them, in the run with the "
        "median rate. The first two are the "
        "product's own process, which runs Python on one core at a time; *push* is git's, with the remote's side; the "
        "API server is the embedded one, on the same machine. *At best*: decisions a second if all cores were busy all "
        "the time and nobody ever waited for another.\n\n"
        + table(["problems, services", *PARTS, "in all", "at best"], rows)
        + "\n\n"
        + _what_was_waited_for(cells)
    )


def _what_was_waited_for(cells: Sequence[Cell]) -> str:
    """Say what the thread on which all is decided did until the last answer."""
    rows = []
    for cell in cells:
        each = 1000 / cell.problems
        own, git, whole = cell.spent[OWN] * each, cell.git * each, cell.applied * each
        rows.append([
            str(cell), f"{own:.2f}", f"{git:.2f}", f"{max(whole - own - git, 0.0):.2f}",
            f"{whole:.2f}",
        ])  # fmt: skip
    head = ["problems, services", "deciding, writing, following", "waiting for git", "for answers or a core", "in all"]
    return (
        "What the one thread that decides did, in seconds for 1,000 decisions: each push is written, pushed and read "
        "back before anything of it is applied, so deciding and git's work follow one another, and only looking and "
        "applying go on beside them.\n\n" + table(head, rows)
    )
