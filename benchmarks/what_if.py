"""`python -m benchmarks.what_if`: what-if over a past of 10,000 problems, in a process of its own, several times.

The proposal changes every file of every service, so that nothing can be left out. Exit status 1: over the bar at the
median, or not the same bytes each time.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.past import HEAD, REF, STAGE, make

BAR = 10.0
"""Seconds for one run on two cores, start-up included."""


def main(words: list[str]) -> int:
    """Measure; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.what_if", description="Measure what-if.")
    parser.add_argument("--problems", type=int, default=10_000)
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the repository here, and use it again")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as made:
        folder = options.folder or Path(made)
        remote = folder / f"past-{options.problems}-{options.services}.git"
        if not remote.exists():
            make(folder, options.problems, options.services)
        runs = [once(remote) for _ in range(max(options.rounds, 2))]
    seconds = sorted(run[0] for run in runs)
    same = len({run[1] for run in runs}) == 1
    told = ", ".join(f"{each:.1f}" for each in seconds)
    middle, bytes_told = median(seconds), "the same bytes" if same else "OTHER BYTES"
    print(f"{options.problems:,} problems: {told} s, {middle:.1f} s at the median (bar {BAR:g} s); {bytes_told}")
    return 0 if same and middle <= BAR else 1


def once(remote: Path) -> tuple[float, str]:
    """Ask once; returns the seconds and a digest of the answer."""
    command = [
        sys.executable, "-m", "reconciler", "what-if", "--repo", str(remote), "--stage", STAGE,
        "--base", REF, "--head", HEAD, "-o", "json",
    ]  # fmt: skip
    begun = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun, hashlib.sha256(done.stdout).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
