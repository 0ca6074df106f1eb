"""The first look at all that is held, after a start on an empty disk: what it asks of the API server, and how fast.

The bar is the product's own promise: the look is spread over the time that it has, so many services a second.

Many values are held, each decided and applied by the product before. It is started anew some times, with nothing
remembered; then the time for the look comes, which is to find what somebody changed meanwhile. The real loop runs in
this process; the API server is one of its own, which notes when each request was over.
"""

from __future__ import annotations

import json
import math
import shutil
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import ExitStack
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
SPAN = 10
"""Seconds of the bar: two slices may fall into one second where the first was slow, but no more of them come."""


@dataclass(frozen=True)
class Sweep:
    """What a look at all that is held took: seconds, requests, and those of the busiest second and `SPAN`.

    ``before`` are the requests of the start, until there was nothing more to do.
    """

    seconds: float
    requests: int
    second: int
    most: int
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
                before = _requests(tell)
                quiet.wait()
                seconds = running.sweep([workload(name) for name in names])
                during = _requests(tell)
            found.append(Sweep(seconds, len(during), busiest(during, 1.0), busiest(during, SPAN), len(before)))
            shutil.rmtree(disk)
    shutil.rmtree(folder)
    return found


def _requests(tell: Callable[[Any], str]) -> list[float]:
    """Return when each request was over, in seconds, of those since this was asked last."""
    return [float(at) for at in json.loads(tell("requests"))]


def busiest(requests: Sequence[float], seconds: float) -> int:
    """Return how many requests were in the busiest time of so many seconds, wherever it begins."""
    times = sorted(requests)
    return max((bisect_left(times, began + seconds) - first for first, began in enumerate(times)), default=0)


def bar(held: int) -> int:
    """Return the most requests of a `SPAN` that the look at so many values may take: its slices, and a late one."""
    return (SPAN + 1) * max(RATE, math.ceil(held / product.SWEEP))


def section(found: dict[int, list[Sweep]], shape: Shape) -> Section:
    """Say what came out, by how many values are held."""
    most = {held: max(each.most for each in sweeps) for held, sweeps in found.items()}
    rows = [
        [
            f"{held:,}", f"{median(each.before for each in sweeps):.0f}",
            f"{median(each.requests for each in sweeps):.0f}", f"{median(each.seconds for each in sweeps):.2f}",
            str(max(each.second for each in sweeps)), str(most[held]), str(bar(held)), str(len(sweeps)),
        ]
        for held, sweeps in found.items()
    ]  # fmt: skip
    head = [
        "values held", "requests of the start", "of the sweep", "its seconds",
        "most in a second", f"in {SPAN} s", "bar", "starts",
    ]  # fmt: skip
    text = (
        f"`reconciler` over {shape.services:,} services starts on an empty disk while values are held that the product "
        "decided and applied before; then the moment comes at which all of them are looked at (the *sweep*, every "
        f"{product.SWEEP:g} s, which notices drift, a slice of it each second). What the API server is asked "
        "meanwhile, as it counts itself; a list is one request, and stands for many reads where most of a namespace is "
        f"held, as here. *Most* are the busiest second and the busiest {SPAN} s of all starts, wherever they begin: a "
        "slice is asked about at once, so that two may fall into one second where the first of them was slow. All else "
        "are medians of the starts.\n\n"
        f"Bar: a slice a second, and one that was late: in any {SPAN} s at most {SPAN + 1} times {RATE} requests, or "
        f"{SPAN + 1} times a {product.SWEEP:g}th of the values held where that is more."
        "\n\n" + table(head, rows)
    )
    missed = [f"{held:,} values held: {many:,} requests in {SPAN} s" for held, many in most.items() if many > bar(held)]
    return Section("The first look at all that is held", text, tuple(missed))
