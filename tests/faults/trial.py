"""One guard taken away in a copy of the sources: whether the row's tests notice, and whether that means anything.

A test that fails without the guard is run once more, at once and in the same copy, with the guard in its place. Only
where it passes then is the guard noticed: whoever fails on a busy machine, or fails anyway, proves nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.faults.guards import Mutation

COPIED: Final = ("reconciler", "tests", "schemas", "config-repo-template", "pyproject.toml")
SECONDS: Final = 900
"""After which a run of tests is given up; a test that does not end is no test that fails."""
PATIENCE: Final = ("tests/daemon/site.py", "seconds: float = 60.0", "seconds: float = 20.0")
"""What never happens is waited for in most tests of guards that are gone: less long, with the guard as without it."""
_TAIL: Final = 12

Verdict = Literal["noticed", "SURVIVED", "NO VALID RESULT"]


@dataclass(frozen=True)
class Result:
    """What came of one guard: why in one line, the end of what pytest said, and how many seconds it took."""

    verdict: Verdict
    why: str
    tail: str
    seconds: int


class Trial:
    """A copy of the sources of its own, for one guard at a time."""

    def __init__(self, root: Path, copy: Path, seconds: float = SECONDS) -> None:
        self._copy = copy
        self._seconds = seconds
        self._running: subprocess.Popen[str] | None = None
        copy.mkdir()
        for name in COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, copy / name)
        waiting, long, short = PATIENCE
        if (file := copy / waiting).exists():
            file.write_text(_replaced(file, long, short))

    def of(self, mutation: Mutation) -> Result:
        """Take a guard away, and see. Raises ValueError where it does not stand there once."""
        file = self._copy / mutation.file
        text, without = file.read_text(), _replaced(file, mutation.old, mutation.new)
        words = mutation.words(self._copy)
        begun = time.monotonic()
        shutil.rmtree(self._copy / ".cache", ignore_errors=True)
        try:
            _write(file, without)
            status, said = self._run(words)
        finally:
            _write(file, text)
        verdict, why = self._judged(words, status, said)
        tail = "\n".join(said.strip().splitlines()[-_TAIL:])
        return Result(verdict, why, tail, round(time.monotonic() - begun))

    def stop(self) -> None:
        """End what runs, with all that it started; whatever is begun afterwards has no time."""
        self._seconds = 0
        if self._running is not None:
            _end(self._running)

    def _judged(self, words: Sequence[str], status: int | None, said: str) -> tuple[Verdict, str]:
        last = said.strip().splitlines()[-1:] or ["nothing was said"]
        failed = self._failed()
        if status == 0:
            return "SURVIVED", last[0].strip("= ")
        # Anything but tests that failed (no tests, an import that fails) says nothing about the guard.
        if status != 1 or not failed:
            return "NO VALID RESULT", "no end in time" if status is None else last[0].strip("= ")
        heads = (f"FAILED {failed[0]}", f"ERROR {failed[0]}")
        why = next((line for head in heads for line in said.splitlines() if line.startswith(head)), failed[0])
        status, _ = self._run([*words, "--last-failed", "--last-failed-no-failures", "none"])
        if status != 0:
            return "NO VALID RESULT", f"fails with the guard too: {why}"
        return "noticed", why

    def _failed(self) -> list[str]:
        """Return the names of the tests that failed, be it when all was over; pytest remembers them."""
        try:
            found = json.loads((self._copy / ".cache/v/cache/lastfailed").read_text())
        except FileNotFoundError:
            return []
        return [each for each in found if "::" in each]

    def _run(self, words: Sequence[str]) -> tuple[int | None, str]:
        """Return the exit status of pytest, None where it had to be stopped, and what it said."""
        self._running = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-v", "-x", "-o", "cache_dir=.cache", *words],
            cwd=self._copy,
            env={**os.environ, "PYTHONPATH": str(self._copy), "COLUMNS": "300"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        try:
            said, _ = self._running.communicate(timeout=self._seconds)
        except subprocess.TimeoutExpired:
            _end(self._running)
            return None, self._running.communicate()[0]
        else:
            return self._running.returncode, said
        finally:
            self._running = None


def _replaced(file: Path, old: str, new: str) -> str:
    text = file.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{file} has {text.count(old)} of: {old}")
    return text.replace(old, new)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _write(file: Path, text: str) -> None:
    """Write a module; what was compiled of it before is not believed."""
    file.write_text(text)
    for each in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
        each.unlink()
