"""What a guard is: the text in the sources without which a row of the table of faults does not hold.

Each module `guards_*.py` has those of one part of the table, as `GUARDS`; `mutations.py` takes them away.
"""

from __future__ import annotations

import hashlib
import json
import pkgutil
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from importlib import import_module
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """One guard. ``tests`` is what pytest is to be told; empty for all tests of the row in tests/faults."""

    row: str
    file: str
    old: str
    new: str
    tests: str = ""

    def words(self, root: Path) -> Sequence[str]:
        """Return the words for pytest: only the files that have such tests, for reading all takes seconds."""
        if self.tests:
            return self.tests.split()
        name = f"test_{self.row}_"
        files = sorted(each for each in (root / "tests/faults").glob("test_*.py") if f"def {name}" in each.read_text())
        return [*(str(each.relative_to(root)) for each in files), "-k", name]

    def key(self, root: Path) -> str:
        """Return what stands for this guard, its file and the files of its tests as they are now."""
        files = [self.file, *(each for each in self.words(root) if each.endswith(".py"))]
        said = [*astuple(self), *((root / each).read_text() for each in files)]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def guards() -> tuple[Mutation, ...]:
    """Return the guards of all rows, in the order of the modules' names."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)], "tests.faults.")
    modules = (import_module(each.name) for each in found if each.name.startswith("tests.faults.guards_"))
    return tuple(guard for module in modules for guard in module.GUARDS)
