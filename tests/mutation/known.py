"""What was noticed in an earlier run, and by which test; believed while the module and the test are as they were."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.reaching import digest, shared


class Known:
    """By module and mistake: the test that noticed it, one a line, written at once: a run may be ended, or beside
    another."""

    def __init__(self, copy: Path, kept: Path, *, anew: bool) -> None:
        self._kept, self._base = kept, shared(copy)
        self._digest = cache(lambda file: digest(copy / file) if (copy / file).exists() else "")
        lines = kept.read_text("utf-8").splitlines() if kept.exists() and not anew else []
        self._noticed: dict[str, tuple[str, str]] = {name: (test, of) for name, test, of in map(json.loads, lines)}

    def noticed(self, file: str, mutant: Mutant) -> bool:
        """Whether a test noticed a mistake, and would again."""
        test, of = self._noticed.get(self._name(file, mutant), ("", ""))
        return bool(test) and of == self._of(file, test)

    def add(self, file: str, mutant: Mutant, test: str) -> None:
        """Keep what a test noticed."""
        self._write(self._name(file, mutant), test, self._of(file, test))

    def forget(self, test: str) -> None:
        """Drop what a test noticed."""
        for name in [name for name, entry in self._noticed.items() if entry[0] == test]:
            self._write(name, "", "")

    def _write(self, name: str, test: str, of: str) -> None:
        self._noticed[name] = (test, of)
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        with self._kept.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps([name, test, of]) + "\n")

    def _of(self, file: str, test: str) -> str:
        return f"{self._digest(f'reconciler/{file}')} {self._digest(test.partition('::')[0])} {self._base}"

    @staticmethod
    def _name(file: str, mutant: Mutant) -> str:
        return f"{file}:{mutant.line}:{mutant.column} {mutant.key}"
