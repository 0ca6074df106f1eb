"""The guards behind the table of faults: each is taken away in a copy of the sources, and the row's test must fail.

`make faults-mutated`, or `python -m tests.faults.mutations [ROW...]` for some rows. To add one: a `Mutation` with the
row, the file, a text that stands in it exactly once, what stands there without the guard, and which tests to run (the
row's own by default). The working tree is never touched; a text that is no longer there is an error, so that the table
follows the code. A mutation that survives is told, and the exit status is 1: the row's test does not prove its guard.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_COPIED: Final = ("reconciler", "tests", "schemas", "config-repo-template", "pyproject.toml")
_SECONDS: Final = 900


@dataclass(frozen=True)
class Mutation:
    """One guard. ``tests`` is what pytest is to be told; empty for all tests of the row in tests/faults."""

    row: str
    file: str
    old: str
    new: str
    tests: str = ""


_LEASE: Final = (
    "    leases = (f\"--force-with-lease={full_ref(ref)}:{object_id(old) if old else ''}\" for ref, old, _ in updates)"
)
_FORCED: Final = '    leases = ("--force" for _ in updates[:1])'
_PATIENT: Final = "_STANDS_STILL = (TransientError, TerminalError, UserError, ConfigError, BugError)"

MUTATIONS: Final = (
    Mutation("g1", "reconciler/repo/argv.py", _LEASE, _FORCED),
    Mutation("g2", "reconciler/repo/argv.py", _LEASE, _FORCED),
    Mutation(
        "g3", "reconciler/repo/stage.py",
        "begun = before is not None and (not before.fresh or self._seen > 0)", "begun = False",
    ),
    Mutation("g4", "reconciler/daemon/project_loop.py", _PATIENT, _PATIENT.replace("TransientError, ", "")),
    Mutation("g5", "reconciler/daemon/project_loop.py", _PATIENT, _PATIENT.replace("TransientError, ", "")),
    Mutation("g6", "reconciler/daemon/holds.py", "self._clock.monotonic() + pause", "self._clock.monotonic()"),
    Mutation(
        "g7", "reconciler/daemon/publish.py",
        "if tip is None or not self._holds(tip, written[-1]):", "if tip is None:",
    ),
    Mutation("g8", "reconciler/repo/directory.py", "        if wrong:\n", "        if False:\n"),
    Mutation("g9", "reconciler/repo/origin.py", 'if (origin.git_dir / "shallow").exists():', "if False:"),
    Mutation("g10", "reconciler/repo/stage.py", "if force.commit == tips.config:", "if True:"),
    Mutation(
        "g11", "reconciler/model/errors.py",
        'return f"{self.path}:{self.line}:{self.column}"', "return self.path",
    ),
    Mutation("g12", "reconciler/repo/argv.py", "remote.url, *map(full_ref, refs))", "remote.url)"),
    Mutation(
        "g13", "reconciler/repo/objects.py",
        "    except UnicodeDecodeError:\n        return None\n", "    except UnicodeDecodeError:\n        raise\n",
    ),
    Mutation("g14", "reconciler/repo/views.py", "        if stored.mode not in _REGULAR:\n", "        if False:\n"),
    Mutation("g15", "reconciler/repo/objects.py", "max(-limit // 6, min(seconds, limit))", "seconds"),
    Mutation("g16", "reconciler/repo/children.py", "return self._again(exchange)\n", "raise\n"),
    Mutation("g17", "reconciler/repo/origin.py", '    if object_format != "sha1":\n', "    if False:\n"),
    Mutation("g18", "reconciler/repo/argv.py", _LEASE, _FORCED),
    Mutation("g19", "reconciler/repo/mirror.py", "self._suspect = True\n", "self._suspect = False\n"),
)  # fmt: skip


def main(rows: Sequence[str]) -> int:
    """Try the mutations of these rows, of all where none is named. Returns how many survived, 0 for success."""
    chosen = [each for each in MUTATIONS if not rows or each.row in rows]
    survived = [each for each in chosen if not is_noticed(each)]
    sys.stdout.write(f"{len(chosen) - len(survived)} of {len(chosen)} guards were missed when they were gone\n")
    return int(bool(survived) or not chosen)


def is_noticed(mutation: Mutation) -> bool:
    """Tell whether the row's tests fail without the guard."""
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        copy = Path(folder)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, copy / name)
        mutate(copy, mutation)
        where = mutation.tests.split() or ["tests/faults", "-k", f"test_{mutation.row}_"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *where],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    # 1: tests failed. Anything else but success (no tests, an import that fails) says nothing about the guard.
    noticed = done.returncode == 1
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()[-200:]]
    sys.stdout.write(f"{mutation.row}: {'noticed' if noticed else 'SURVIVED'} ({mutation.file}): {last[0]}\n")
    sys.stdout.flush()
    return noticed


def mutate(copy: Path, mutation: Mutation) -> None:
    """Take the guard away in a copy of the sources. Raises ValueError where it does not stand there once."""
    file = copy / mutation.file
    text = file.read_text()
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.row}: {mutation.file} has {text.count(mutation.old)} of: {mutation.old.strip()}")
    file.write_text(text.replace(mutation.old, mutation.new))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
