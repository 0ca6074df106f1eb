"""`python -m tests.simulation --seeds A..B [--jobs N]`, or `--seed N [-v]` for one with all that happened in it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.proofs import note
from tests.simulation.simulation import Report, run

_NIGHTLY = range(10_000)
_CHUNK = 8
"""Seeds that a process takes at a time."""
_SAID = 500
"""Seeds after which it is told how far it is."""


def main(words: list[str]) -> int:
    """Run seeds. Returns how many broke something, 100 at most."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seeds", metavar="A..B", help="all seeds from A to B")
    which.add_argument("--seed", metavar="N", help="one seed")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the seeds")
    parser.add_argument("-v", action="store_true", help="tell all that happened")
    given = parser.parse_args(words)
    first, _, last = (given.seeds or given.seed).partition("..")
    seeds = range(int(first), int(last or first) + 1)
    began, broken, steps = time.perf_counter(), 0, 0
    for report in reports(seeds, given.jobs):
        steps += report.steps
        broken += bool(report.wrong)
        tell(report, whole=given.v)
        if report.seed % _SAID == _SAID - 1 and report.seed != seeds[-1]:
            sys.stdout.write(f"up to {report.seed}: {broken} broken\n")
            sys.stdout.flush()
    seconds = time.perf_counter() - began
    came = f"{len(seeds):,} seeds, {steps:,} steps, {broken} broken"
    sys.stdout.write(f"{came}, {seconds / len(seeds):.2f} s a seed\n")
    if seeds == _NIGHTLY:
        note("python -m tests.simulation --seeds 0..9999", came)
    return min(broken, 100)


def reports(seeds: Sequence[int], jobs: int) -> Iterator[Report]:
    """Yield what came of each seed, in their order."""
    if jobs == 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run, seeds, chunksize=_CHUNK)


def tell(report: Report, *, whole: bool) -> None:
    """Tell what came of a seed, if anybody is to look at it."""
    if whole or report.wrong:
        story = report.story if whole else report.story[-15:]
        sys.stdout.write("".join(f"{line}\n" for line in story))
    if report.wrong:
        sys.stdout.write(f"seed {report.seed} BROKEN: {report.wrong}\n")
        sys.stdout.write(f"all of it: python -m tests.simulation --seed {report.seed} -v\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
