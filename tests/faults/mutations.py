"""The guards behind the table of faults: each is taken away in a copy of the sources, and the row's test must fail.

`make faults-mutated`, or `python -m tests.faults.mutations [ROW...]` for some rows. To add one: a `Mutation` in the
`guards_*.py` of its part, with the row, the file, a text that stands in it exactly once, what stands there without the
guard, and which tests to run (the row's own by default). The working tree is never touched; a text that is no longer
there is an error, so that the table follows the code. A guard that survives is told: the row's test does not prove it.
So is one whose test fails with it too (`trial.py`). The exit status is 1 where there is any of these.

`--resume` goes on where an earlier run stopped: it believes what was noticed of a guard whose file, and whose tests'
files, are as they were. What else these depend on may have changed meanwhile, so a proof of all is a run without it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from tests.faults.guards import Mutation, guards
from tests.faults.trial import Result, Trial
from tests.proofs import note

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / ".make/faults-mutated.json"
"""By the key of a guard: what came of it. It is written after each, so that a run may be stopped at any time."""


def main(words: Sequence[str]) -> int:
    """Try the guards of these rows, of all where none is named. Returns 0 where each was noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutations", description="Take guards away.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="such as g1; all of them if none is named")
    parser.add_argument("--jobs", type=int, default=2, help="guards that are tried at once (default: 2)")
    parser.add_argument("--resume", action="store_true", help="leave out what an earlier run noticed")
    options = parser.parse_args(words)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _: sys.exit(128 + number))
    chosen = [each for each in guards() if not options.rows or each.row in options.rows]
    keys = {each: each.key(ROOT) for each in chosen}  # of what is copied now, whatever is changed meanwhile
    kept = _kept()
    found = {each: kept[key] for each, key in keys.items() if options.resume and key in kept}
    found = {each: result for each, result in found.items() if result.verdict == "noticed"}
    for guard, result in _tried([each for each in chosen if each not in found], options.jobs):
        found[guard] = result
        kept[keys[guard]] = result
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps({key: asdict(each) for key, each in kept.items()}, indent=1))
        sys.stdout.write(f"[{len(found)}/{len(chosen)}] {_line(guard, result)}\n")
        sys.stdout.flush()
    status, came = _told({each: found[each] for each in chosen})
    if not options.rows and not options.resume:
        note("make faults-mutated", came)
    return status


def _kept() -> dict[str, Result]:
    if not KEPT.exists():
        return {}
    read: Mapping[str, Mapping[str, Any]] = json.loads(KEPT.read_text())
    return {key: Result(**each) for key, each in read.items()}


def _tried(chosen: Sequence[Mutation], jobs: int) -> Iterator[tuple[Mutation, Result]]:
    """Yield what comes of each, as it comes."""
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder, ThreadPoolExecutor(jobs) as pool:
        trials = [Trial(ROOT, Path(folder) / str(number)) for number in range(jobs)]
        free: SimpleQueue[Trial] = SimpleQueue()
        for each in trials:
            free.put(each)

        def one(guard: Mutation) -> Result:
            trial = free.get()
            try:
                return trial.of(guard)
            finally:
                free.put(trial)

        futures = {pool.submit(one, guard): guard for guard in chosen}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for each in trials:
                each.stop()


def _line(guard: Mutation, result: Result) -> str:
    return f"{guard.row:4} {result.verdict:15} {result.seconds:4} s  {guard.file}: {result.why}"


def _told(found: Mapping[Mutation, Result]) -> tuple[int, str]:
    """Tell of all guards, with the end of what the tests said where it was not noticed, and how many there are.

    Returns the exit status, and the last in one line.
    """
    sys.stdout.write("\n")
    for guard, result in found.items():
        sys.stdout.write(f"{_line(guard, result)}\n")
    for guard, result in found.items():
        if result.verdict != "noticed":
            sys.stdout.write(f"\n{guard.row} {result.verdict}: {guard.file}\n- {guard.old}\n+ {guard.new}\n")
            sys.stdout.write(f"{result.tail}\n")
    count = Counter(result.verdict for result in found.values())
    rows = {guard.row: "" for guard in found}
    proved = {guard.row for guard, result in found.items() if result.verdict == "noticed"}
    came = (
        f"{len(found)} guards of {len(rows)} rows were taken away: {count['noticed']} noticed, "
        f"{count['SURVIVED']} survived, {count['NO VALID RESULT']} without a valid result"
    )
    sys.stdout.write(f"\n{came}\n")
    if bare := [row for row in rows if row not in proved]:
        sys.stdout.write(f"rows of which no guard was noticed: {' '.join(bare)}\n")
    return int(count["noticed"] < len(found) or not found), came


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
