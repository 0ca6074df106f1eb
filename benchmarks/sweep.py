"""The first look at all that is held, after a start on an empty disk: what it asks of the API server, and how fast.

The bar is the product's own promise: the look is spread over the time that it has, so many services a second.

Many values are held, each decided and applied by the product before. It is started anew some times, with nothing
remembered; then the time for the look comes, which is to find what somebody changed meanwhile. The real loop runs in
this process; the API server is one of its own, which is asked once a second how many requests there were.
"""

from __future__ import annotations

import json
import math
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import aside, product, repositories
from benchmarks.machine import Quiet
from benchmarks.product import SkippingClock
from benchmarks.report import Section, table
from benchmarks.repositories import Shape
from benchmarks.site import deployment, side, workload, write_kubeconfig

SHAPE = Shape(10_000)
HELD = (200, 10_000)
STARTS = 5
RATE = 256
"""So many of the services that hold something are looked at a second, or as many as bring all through before the next
such look (ADR 0271); the API server is asked one question about each, or fewer."""
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


def run(folder: Path, quiet: Quiet, shape: Shape = SHAPE, held: Sequence[int] = HELD) -> Section:
    """Measure and return the page's section."""
    made = repositories.make(folder, shape)
    return section({count: measure(folder / f"held-{count}", shape, made, count, quiet) for count in held}, shape)


def measure(folder: Path, shape: Shape, made: Path, held: int, quiet: Quiet, starts: int = STARTS) -> list[Sweep]:
    """Return what each start's first look at ``held`` values took; works in a folder that is made and removed."""
    folder.mkdir()
    numbers = shape.spread(held)
    names = [shape.name(number) for number in numbers]
    found = []
    clock = SkippingClock()
    with ExitStack() as stack:
        ours = stack.enter_context(side(folder / "product", made, http=False))
        url, tell = stack.enter_context(aside.cluster())
        kubeconfig = write_kubeconfig(folder, url)
        tell([deployment(product.NAMESPACE, name) for name in names])
        with product.running(folder, str(ours.remote), kubeconfig, clock=clock) as running:
            running.settle()
            running.storm(ours.person.write(repositories.problems(shape, numbers), "Everything is slow\n"), held)
        for nth in range(starts):
            disk = folder / f"start-{nth}"
            disk.mkdir()
            with product.running(disk, str(ours.remote), kubeconfig, sweeps=True, clock=clock) as running:
                tell("requests")
                running.settle()
                before, _ = _requests(tell)
                quiet.wait()
                with _counted(tell) as seen:
                    seconds = running.sweep([workload(name) for name in names])
            most = max(count / took for count, took in seen)
            found.append(Sweep(seconds, sum(count for count, _ in seen), most, before))
            shutil.rmtree(disk)
    shutil.rmtree(folder)
    return found


def _requests(tell: Callable[[Any], str]) -> tuple[int, float]:
    """Return how many requests there were since this was asked last, and the second of the server's answer."""
    count, at = json.loads(tell("requests"))
    return count, at


@contextmanager
def _counted(tell: Callable[[Any], str]) -> Iterator[list[tuple[int, float]]]:
    """Yield a list that is filled with requests and the seconds in which they came; whole when the context ends."""
    seen: list[tuple[int, float]] = []
    over = threading.Event()

    def ask() -> None:
        _, since = _requests(tell)
        ended = False
        while not ended:
            ended = over.wait(_EVERY)
            # A server that is busy answers late, and counts until then.
            count, now = _requests(tell)
            # The last piece is no whole second: what is little in it would look like much.
            seen.append((count, max(now - since, _EVERY)))
            since = now

    thread = threading.Thread(target=ask, name="counting")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def bar(held: int) -> int:
    """Return the most requests of a second that the look at so many values may take."""
    return max(RATE, math.ceil(held / product.SWEEP))


def section(found: dict[int, list[Sweep]], shape: Shape) -> Section:
    """Say what came out, by how many values are held."""
    most = {held: median(each.most for each in sweeps) for held, sweeps in found.items()}
    rows = [
        [
            f"{held:,}", f"{median(each.before for each in sweeps):.0f}",
            f"{median(each.requests for each in sweeps):.0f}", f"{median(each.seconds for each in sweeps):.2f}",
            f"{most[held]:.0f}", str(bar(held)), str(len(sweeps)),
        ]
        for held, sweeps in found.items()
    ]  # fmt: skip
    head = ["values held", "requests of the start", "of the sweep", "its seconds", "most in a second", "bar", "starts"]
    text = (
        f"`reconciler` over {shape.services:,} services starts on an empty disk while values are held that the product "
        "decided and applied before; then the moment comes at which all of them are looked at (the *sweep*, every "
        f"{product.SWEEP:g} s, which notices drift, a slice of it each second). What the API server is asked "
        "meanwhile, as it counts itself, second by second; a list is one request, and stands for many reads where most "
        "of a namespace is held, as here. Medians of all starts.\n\n"
        f"Bar: at most {RATE} requests in any second, or a {product.SWEEP:g}th of the values held where that is more."
        "\n\n" + table(head, rows)
    )
    missed = [
        f"{held:,} values held: {many:.0f} requests in a second" for held, many in most.items() if many > bar(held)
    ]
    return Section("The first look at all that is held", text, tuple(missed))
