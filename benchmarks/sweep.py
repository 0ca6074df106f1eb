"""The first look at all that is held, after a start on an empty disk: what it asks of the API server, and how fast.

Many values are held, each decided and applied by the product before. It is started anew some times, with nothing
remembered; then the time for the look comes, which is to find what somebody changed meanwhile. The real loop runs in
this process; the API server is one of its own, which is asked once a second how many requests there were.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import aside, product, repositories
from benchmarks.machine import Quiet
from benchmarks.report import Section, table
from benchmarks.repositories import Shape
from benchmarks.site import deployment, side, workload, write_kubeconfig

SHAPE = Shape(10_000)
HELD = (200, 10_000)
STARTS = 5
_EVERY = 1.0
"""Seconds between two questions how many requests there were."""


@dataclass(frozen=True)
class Sweep:
    """What a look at all that is held took: seconds, requests, and most requests a second, seen second by second.

    ``before`` are the requests of the start, until there was nothing more to do.
    """

    seconds: float
    requests: int
    most: float
    before: int


def run(
    folder: Path, quiet: Quiet, rate: float | None, shape: Shape = SHAPE, held: Sequence[int] = HELD
) -> Section:  # fmt: skip
    """Measure and return the page's section; more requests a second than ``rate`` are too many, None: never."""
    made = repositories.make(folder, shape)
    return section({count: measure(folder / f"held-{count}", shape, made, count, quiet) for count in held}, shape, rate)


def measure(folder: Path, shape: Shape, made: Path, held: int, quiet: Quiet, starts: int = STARTS) -> list[Sweep]:
    """Return what each start's first look at ``held`` values took; works in a folder that is made and removed."""
    folder.mkdir()
    numbers = shape.spread(held)
    names = [shape.name(number) for number in numbers]
    found = []
    with ExitStack() as stack:
        ours = stack.enter_context(side(folder / "product", made, http=False))
        url, tell = stack.enter_context(aside.cluster())
        kubeconfig = write_kubeconfig(folder, url)
        tell([deployment(product.NAMESPACE, name) for name in names])
        with product.running(folder, str(ours.remote), kubeconfig) as running:
            running.settle()
            running.storm(ours.person.write(repositories.problems(shape, numbers), "Everything is slow\n"), held)
        for nth in range(starts):
            disk = folder / f"start-{nth}"
            disk.mkdir()
            with product.running(disk, str(ours.remote), kubeconfig, sweeps=True) as running:
                tell("calls")
                running.settle()
                before = _requests(tell)
                quiet.wait()
                with _counted(tell) as seen:
                    seconds = running.sweep([workload(name) for name in names])
            most = max(count / took for count, took in seen)
            found.append(Sweep(seconds, sum(count for count, _ in seen), most, before))
            shutil.rmtree(disk)
    shutil.rmtree(folder)
    return found


def _requests(tell: Callable[[Any], str]) -> int:
    return sum(json.loads(tell("calls")).values())


@contextmanager
def _counted(tell: Callable[[Any], str]) -> Iterator[list[tuple[int, float]]]:
    """Yield a list that is filled with requests and the seconds in which they came; whole when the context ends."""
    seen: list[tuple[int, float]] = []
    over = threading.Event()

    def ask() -> None:
        since = time.perf_counter()
        ended = False
        while not ended:
            ended = over.wait(_EVERY)
            now = time.perf_counter()
            # The last piece is no whole second: what is little in it would look like much.
            seen.append((_requests(tell), max(now - since, _EVERY)))
            since = now

    thread = threading.Thread(target=ask, name="counting")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def section(found: dict[int, list[Sweep]], shape: Shape, rate: float | None) -> Section:
    """Say what came out, by how many values are held."""
    rows = [
        [
            f"{held:,}", f"{median(each.before for each in sweeps):.0f}",
            f"{median(each.requests for each in sweeps):.0f}", f"{median(each.seconds for each in sweeps):.2f}",
            f"{median(each.requests / each.seconds for each in sweeps):.0f}",
            f"{median(each.most for each in sweeps):.0f}", str(len(sweeps)),
        ]
        for held, sweeps in found.items()
    ]  # fmt: skip
    head = [
        "values held", "requests of the start", "of the sweep", "its seconds", "a second", "most in a second", "starts",
    ]  # fmt: skip
    bar = f"Bar: {rate:g} requests in any second" if rate is not None else "No bar is promised"
    text = (
        f"`reconciler` over {shape.services:,} services starts on an empty disk while values are held that the product "
        "decided and applied before; then the moment comes at which all of them are looked at (the *sweep*, every 30 "
        "s, which notices drift). What the API server is asked meanwhile, as it counts itself; medians of all starts."
        f"\n\n{bar}.\n\n" + table(head, rows)
    )
    missed = [
        f"{held:,} values held: {most:.0f} requests in a second"
        for held, sweeps in found.items()
        if rate is not None and (most := median(each.most for each in sweeps)) > rate
    ]
    return Section("The first look at all that is held", text, tuple(missed))
