"""From a pushed problem to the API's answer: the product beside a floor without logic, in turns.

Both start when the new tip is known. A person pushes each round a problem of another service by an ordinary push, to
two remotes that are alike: one for the product, one for the floor, which repeats commit for commit what the product
did. The bars are the ratios of the medians and of the 95th percentiles, and that our own share does not grow with the
number of services.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import aside, kopf_operator, product, repositories
from benchmarks.floor import Commit, Floor, Trip
from benchmarks.machine import Quiet, Spawn
from benchmarks.plain_git import git
from benchmarks.product import Answer, Product
from benchmarks.report import Section, ms, percentile, table
from benchmarks.repositories import STAGE_REF, Shape
from benchmarks.site import deployment, side, workload, write_kubeconfig
from reconciler.repo.stream import NewCommit

BAR = 1.5
"""The product's median and 95th percentile at most so many times the floor's."""
OWN_TIMES, OWN_MORE = 1.2, 0.002
"""Our own share at the most services at most so many times that at the fewest, or so many seconds more."""
SLOW = 1.3
"""A floor more than so many times slower than its parts make no sense is no floor."""
WARM = 3
_OPERATOR = "operator"
SHAPES = tuple(Shape(services, grouped=grouped) for services in (100, 1_000, 10_000) for grouped in (True, False))


@dataclass(frozen=True)
class Parts:
    """What the parts of a floor cost where each was measured alone, in milliseconds.

    They are medians of a study that went before this product: 2 cores (AMD EPYC), ext4, git 2.39.5, Python 3.11.7.
    ``commit`` is a persistent fast-import that keeps its packs and writes one file of four a service, ``push`` and
    ``fetch`` move one commit, ``read_back`` is the ref's file or `git ls-remote`, ``patch`` all that a webhook script
    without a record takes from an alert to the API's answer.
    """

    commit: float
    push: float
    fetch: float = 0.0
    read_back: float = 0.05
    patch: float = 0.95

    def total(self, commits: int, pushes: int) -> float:
        """Return the sum for so many commits and pushes."""
        return self.fetch + commits * self.commit + pushes * (self.push + self.read_back) + self.patch


SPAWN_MS = 1.51
"""What `git rev-parse HEAD` through `subprocess.run` took there. `git --version` was not measured; it takes less, by
about a sixth, so a floor is judged the more strictly."""
# HTTP was measured at 1,000 services and more: for 100, what 100 take less without HTTP was taken off.
_HUNDRED, _HUNDRED_HTTP = Parts(1.7, 25.0), Parts(1.7, 48.0, fetch=40.0, read_back=23.0)
_THOUSAND, _THOUSAND_HTTP = Parts(2.7, 27.0), Parts(2.7, 50.0, fetch=48.0, read_back=23.0)
PARTS = {
    # Below 10,000 services one layout was measured, and stands for both: there the root's width makes hardly a
    # difference.
    (Shape(100), False): _HUNDRED,
    (Shape(100), True): _HUNDRED_HTTP,
    (Shape(100, grouped=False), False): _HUNDRED,
    (Shape(100, grouped=False), True): _HUNDRED_HTTP,
    (Shape(1_000), False): _THOUSAND,
    (Shape(1_000), True): _THOUSAND_HTTP,
    (Shape(1_000, grouped=False), False): _THOUSAND,
    (Shape(1_000, grouped=False), True): _THOUSAND_HTTP,
    (Shape(10_000), False): Parts(2.0, 59.0),
    (Shape(10_000), True): Parts(2.0, 77.0, fetch=74.0, read_back=23.0),
    (Shape(10_000, grouped=False), False): Parts(16.0, 83.0),
    (Shape(10_000, grouped=False), True): Parts(16.0, 101.0, fetch=97.0, read_back=23.0),
}


@dataclass(frozen=True)
class Cell:
    """One cell of the table and what was measured in it."""

    shape: Shape
    http: bool
    answers: Sequence[Answer]
    trips: Sequence[Trip]
    spawn: Sequence[float]
    operator: Sequence[float]
    """Seconds from a new object to the API's answer, by an operator without an audit."""

    def __str__(self) -> str:
        """Name it."""
        return f"{self.shape}, {'smart HTTP' if self.http else 'local'}"

    @property
    def ratio(self) -> float:
        """The product's median over the floor's."""
        return self.median / self.floor

    @property
    def median(self) -> float:
        """The product's, in seconds."""
        return statistics.median(answer.total for answer in self.answers)

    @property
    def floor(self) -> float:
        """The floor's median, in seconds."""
        return statistics.median(trip.total for trip in self.trips)

    @property
    def slowest(self) -> float:
        """The product's 95th percentile, in seconds."""
        return percentile([answer.total for answer in self.answers], 95)

    @property
    def floor_slowest(self) -> float:
        """The floor's 95th percentile, in seconds."""
        return percentile([trip.total for trip in self.trips], 95)

    @property
    def slowest_ratio(self) -> float:
        """The product's 95th percentile over the floor's."""
        return self.slowest / self.floor_slowest

    @property
    def refused(self) -> bool:
        """Whether the floor is so slow that it is none: then there is nothing to compare with."""
        return (self.floor_over_parts or 0.0) > SLOW

    @property
    def own(self) -> float:
        """The median of our own share, in seconds."""
        return statistics.median(answer.own for answer in self.answers)

    @property
    def floor_over_parts(self) -> float | None:
        """How many times slower the floor is than its parts, medians counted in spawned processes; None: not known."""
        first = self.answers[0]
        parts = PARTS.get((self.shape, self.http))
        if parts is None:
            return None
        expected = parts.total(sum(map(len, first.before)), len(first.before)) / SPAWN_MS
        return self.floor / statistics.median(self.spawn) / expected


def run(folder: Path, rounds: int, quiet: Quiet, shapes: Sequence[Shape] = SHAPES) -> Section:
    """Measure every cell and return the page's section."""
    cells = [
        measure(folder / f"{number}-{http}", shape, rounds, quiet, http=http)
        for number, shape in enumerate(shapes)
        for http in (False, True)
    ]
    return section(cells, rounds, quiet.busy)


def measure(folder: Path, shape: Shape, rounds: int, quiet: Quiet, *, http: bool) -> Cell:
    """Measure one cell in a folder that it makes and removes."""
    spawn = Spawn()
    answers: list[Answer] = []
    trips: list[Trip] = []
    operated: list[float] = []
    numbers = shape.spread(rounds + WARM)
    folder.mkdir()
    with ExitStack() as stack:
        made = repositories.make(folder, shape)
        ours, theirs = (stack.enter_context(side(folder / name, made, http=http)) for name in ("product", "floor"))
        url, create = stack.enter_context(aside.cluster())
        kubeconfig = write_kubeconfig(folder, url)
        create([deployment(space, shape.name(n)) for n in numbers for space in (product.NAMESPACE, "floor", _OPERATOR)])
        operator = stack.enter_context(kopf_operator.running(url, _OPERATOR))
        floor = Floor(theirs.folder, theirs.remote, theirs.url, kubeconfig, "floor")
        stack.callback(floor.close)
        running: Product = stack.enter_context(product.running(folder, ours.url or str(ours.remote), kubeconfig))
        running.settle()
        for number in numbers:
            quiet.wait()
            spawn.sample()
            answer = running.answer(ours.person.push(shape, number))
            answers.append(answer)
            theirs.person.push(shape, number)
            trips.append(floor.trip(_batches(answer.before), answer.read_backs, workload(shape.name(number))))
            floor.follow(_batches(answer.after))
            operated.append(operator.heal([shape.name(number)]))
        trees = {git(side.remote, "rev-parse", f"{STAGE_REF}^{{tree}}") for side in (ours, theirs)}
        if len(trees) > 1:
            raise RuntimeError("the floor did not do what the product did")
    shutil.rmtree(folder)
    return Cell(shape, http, answers[WARM:], trips[WARM:], spawn.samples, operated[WARM:])


def _batches(pushed: Sequence[Sequence[NewCommit]]) -> list[list[Commit]]:
    return [[Commit(one.files, one.message, int(one.when.timestamp())) for one in batch] for batch in pushed]


_SOURCES = (
    "The parts were measured one by one in a study of what Git costs, before there was this product, on such a machine "
    "(2 cores, ext4, git 2.39.5): a commit by fast-import, a push and a fetch of one commit, `git ls-remote`; and one "
    f"PATCH as a script without a record makes it. A spawned process is {SPAWN_MS} ms there, which was `git rev-parse "
    "HEAD`; `git --version` takes less, so floors are judged the more strictly. Not measured but extrapolated are the "
    "parts over HTTP at 100 services (those at 1,000, less what 100 take less without HTTP); and for 100 and 1,000 "
    "services one layout was measured, which stands for both."
)


def section(cells: Sequence[Cell], rounds: int, busy: int) -> Section:
    """Say what came out."""
    head = [
        "services, remote", "product p50", "p95", "floor p50", "p95", "ratio p50", "p95", "own share", "floor / parts",
        "Kopf p50", "p95",
    ]  # fmt: skip
    rows = [
        [
            str(cell), ms(cell.median), ms(cell.slowest), ms(cell.floor), ms(cell.floor_slowest),
            *(["refused"] * 2 if cell.refused else [f"{cell.ratio:.2f}", f"{cell.slowest_ratio:.2f}"]), ms(cell.own),
            _times(cell.floor_over_parts), ms(statistics.median(cell.operator)), ms(percentile(cell.operator, 95)),
        ]
        for cell in cells
    ]  # fmt: skip
    first = cells[0].answers[0]
    commits, pushes = sum(map(len, first.before)), len(first.before)
    spawn = statistics.median(sample for cell in cells for sample in cell.spawn)
    about = (
        "From the moment the new tip is known until the API server answered the change: the real loop, mirror and "
        "Kubernetes target, beside a floor without logic: shared objects (local) or a fetch (HTTP), a persistent "
        f"fast-import, an ordinary push, the ref read back, one PATCH. As the product, it makes {commits} commits "
        f"in {pushes} push with {first.read_backs} read-back before the API call; they are the same commits. "
        f"{rounds} rounds a cell, each with a problem of another service. *Own share* is the product's time less "
        "waiting for git's children and for the API. *Kopf* is an operator that does so and keeps no record, from "
        f"the new object to the API's answer. {busy or 'No'} rounds were measured while other work ran."
    )
    bar = (
        f"Bars: ratios at most {BAR}; grouped, our own share at the most services at most {OWN_TIMES} times that at "
        f"the fewest, or {ms(OWN_MORE)} ms more. A floor that is more than {SLOW} times slower than the sum of its "
        f"parts, medians counted in spawned `git --version` (here {ms(spawn)} ms), does not count as one: then there "
        "is no ratio, and the bar counts as missed."
    )
    text = "\n\n".join([about, bar, _SOURCES, table(head, rows), _where(cells)])
    compared = [cell for cell in cells if not cell.refused]
    missed = [f"{cell}: {cell.ratio:.2f} times the floor" for cell in compared if cell.ratio > BAR]
    missed += [
        f"{cell}: {cell.slowest_ratio:.2f} times the floor at the 95th percentile"
        for cell in compared
        if cell.slowest_ratio > BAR
    ]
    missed += _grown(cells)
    missed += [
        f"{cell}: the floor took {_times(cell.floor_over_parts)} times its parts, so it is none; measure again"
        for cell in cells
        if cell.refused
    ]
    return Section("Push of a problem to the API's answer", text, tuple(missed))


def _grown(cells: Sequence[Cell]) -> list[str]:
    """Say where our own share grows with the number of services in group folders."""
    told = []
    for http in (False, True):
        grouped = sorted((c for c in cells if c.shape.grouped and c.http is http), key=lambda c: c.shape.services)
        if grouped and grouped[-1].own > max(OWN_TIMES * grouped[0].own, OWN_MORE + grouped[0].own):
            told.append(f"{grouped[-1]}: own share {ms(grouped[-1].own)} ms beside {ms(grouped[0].own)}")
    return told


def _times(ratio: float | None) -> str:
    return "?" if ratio is None else f"{ratio:.2f}"


def _where(cells: Sequence[Cell]) -> str:
    kinds = ("fetch", "write", "push", "tips", "observe", "apply")
    head = ["where the time goes (medians)", "fetch", "commit", "push", "read-back", "look", "apply", "rest"]
    rows = []
    for cell in cells:
        spent = [statistics.median(answer.parts.get(kind, 0.0) for answer in cell.answers) for kind in kinds]
        rest = statistics.median(
            answer.total - sum(answer.parts.get(kind, 0.0) for kind in kinds) for answer in cell.answers
        )
        rows.append([f"product, {cell}", *map(ms, spent), ms(rest)])
        floor = [
            statistics.median(getattr(trip, name) for trip in cell.trips)
            for name in ("fetch", "commit", "push", "read_back", "patch")
        ]
        rows.append([f"floor, {cell}", *map(ms, floor[:4]), "", ms(floor[4]), ""])
    return table(head, rows)
