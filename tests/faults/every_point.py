"""`python -m tests.faults.every_point WORKERS`: kill each crash story at all of its points, as `make nightly` does.

What came out is noted in docs/proofs.md. Exit status: pytest's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.proofs import ROOT, note

_TESTS = Path(__file__).with_name("test_crash_stories.py")


def main(workers: str) -> int:
    """Run the stories; returns the exit status."""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-n", workers, str(_TESTS)], cwd=ROOT,
        env={**os.environ, "RECONCILER_EVERY_POINT": "1"}, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        if child.stdout is None:
            raise AssertionError("Popen was asked for a pipe")
        last = ""
        for line in child.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last = line.strip("= \n") or last
    note("python -m tests.faults.every_point", f"all points of all stories: {last.partition(' in ')[0]}")
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["2"]))
