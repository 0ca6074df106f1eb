"""The guards behind the table of faults: each is taken away in a copy of the sources, and the row's test must fail.

`make faults-mutated`, or `python -m tests.faults.mutations [ROW...]` for some rows. To add one: a `Mutation` in the
`guards_*.py` of its part, with the row, the file, a text that stands in it exactly once, what stands there without the
guard, and which tests to run (the row's own by default). The working tree is never touched; a text that is no longer
there is an error, so that the table follows the code. A mutation that survives is told, and the exit status is 1: the
row's test does not prove its guard.
"""

from __future__ import annotations

import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from tests.faults.guards import Mutation

ROOT: Final = Path(__file__).parents[2]
_COPIED: Final = ("reconciler", "tests", "schemas", "config-repo-template", "pyproject.toml")
_SECONDS: Final = 900


def guards() -> tuple[Mutation, ...]:
    """Return the guards of all rows, in the order of the modules' names."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)], "tests.faults.")
    modules = (import_module(each.name) for each in found if each.name.startswith("tests.faults.guards_"))
    return tuple(guard for module in modules for guard in module.GUARDS)


def main(rows: Sequence[str]) -> int:
    """Try the mutations of these rows, of all where none is named. Returns how many survived, 0 for success."""
    chosen = [each for each in guards() if not rows or each.row in rows]
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
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()[-200:]]
    # Anything but tests that failed (no tests, an import that fails) says nothing about the guard.
    noticed = done.returncode == 1 and " failed" in f" {last[0]}"
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
