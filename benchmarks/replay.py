"""`python -m benchmarks.replay`: how many steps a second a replay does, over a past that `decide` made.

A process of its own each time, start-up included, with nothing remembered from the time before; the objects are in the
page cache. Exit status 1: under the bar at the median, or not exact.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.decided_past import make
from benchmarks.past import STAGE

BAR = 5000
"""Steps a second."""


def main(words: list[str]) -> int:
    """Measure; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description="Measure replay.")
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--services", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=0, help="so many; 0: as many as the command takes by itself")
    parser.add_argument("--folder", type=Path, help="keep the repository here, and use it again")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as made:
        folder = options.folder or Path(made)
        remote = folder / f"decided-{options.steps}-{options.services}.git"
        if not remote.exists():
            make(folder, options.steps, options.services)
        runs = [once(remote, options.processes) for _ in range(options.rounds)]
    speed = median(steps / seconds for seconds, _, steps, _ in runs)
    exact = all(each[3] for each in runs)
    for seconds, busy, steps, _ in runs:
        print(f"{steps:,} steps in {seconds:.1f} s: {steps / seconds:,.0f} a second; processors busy for {busy:.1f} s")
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(f"{'exact' if exact else 'NOT EXACT'}; {memory} MiB in the largest process")
    print(f"median {speed:,.0f} a second, bar {BAR:,}")
    return 0 if exact and speed >= BAR else 1


def once(remote: Path, processes: int) -> tuple[float, float, int, bool]:
    """Replay once; returns seconds, processor seconds, steps, and whether all were exact."""
    command = [sys.executable, "-m", "reconciler", "replay", "--repo", str(remote), "--stage", STAGE, "-o", "json"]
    command += ["--processes", str(processes)] if processes else []
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads(done.stdout)["stages"][0]
    return seconds, busy, int(found["steps"]), found["steps"] == found["exact"] and done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
