"""`python -m tests.faults.every_point WORKERS`: kill at all points where `make faults` takes some, for `make nightly`.

These are the stories of `test_crash_stories.py`, all that is told of `test_crash_told.py` and the leases of
`test_crash_leases.py`, each time that it is done; the other tests of crashes try all of theirs at every change. What
came out is noted in docs/proofs.md. Exit status: pytest's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.proofs import ROOT, note

_TESTS = [str(Path(__file__).with_name(f"test_crash_{each}.py")) for each in ("stories", "told", "leases")]


def main(workers: str) -> int:
    """Run the stories; returns the exit status."""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-n", workers, *_TESTS], cwd=ROOT,
        env={**os.environ, "RECONCILER_EVERY_POINT": "1"}, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        if child.stdout is None:
            raise AssertionError("Popen was asked for a pipe")
        last = ""
        for line in child.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last = line.strip("= \n") or last
    what = "all points of all stories, of what is told, and of leases"
    note("python -m tests.faults.every_point", f"{what}: {last.partition(' in ')[0]}")
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["2"]))
