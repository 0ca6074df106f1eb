"""`make mutated`: make mistakes in `reconciler/decide`, one at a time, and see that a test notices each.

`python -m tests.mutation [MODULE...] --sample N --seed S` takes so many of all mistakes, chosen by the seed; modules
are named as in `decide/bounds.py`. In a copy of the sources the tests are run once to learn which of them reach which
line, and then, for each mistake, those that reach it. What no test notices survives: it is told, unless
`explained.py` says why it changes nothing that anybody can see. Exit status 1 means that something survived.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.mutation.explained import EXPLAINED
from tests.mutation.mutants import Mutant, mutants

ROOT: Final = Path(__file__).parents[2]
_COPIED: Final = ("reconciler", "tests", "schemas", "config-repo-template", "pyproject.toml")
_TESTS: Final = "tests/decide"
_MOST: Final = 400
"""Tests that are tried for one mistake; those that reach few lines come first, for they are about these."""
_SECONDS: Final = 600

Reached = Mapping[str, Mapping[int, Sequence[str]]]
"""By file and line: the tests that reach it."""


@dataclass(frozen=True)
class Case:
    """One mistake in one file, with the tests that reach it."""

    file: str
    mutant: Mutant
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """How it is told."""
        return f"reconciler/{self.file}:{self.mutant.line}:{self.mutant.column} {self.mutant.key}"


def main(words: Sequence[str]) -> int:
    """Make mistakes; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Make mistakes in decide/.")
    parser.add_argument("modules", nargs="*", help="such as decide/bounds.py; all of decide if none is named")
    parser.add_argument("--sample", type=int, default=0, help="try so many, chosen by the seed (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args(words)
    files = options.modules or [
        str(each.relative_to(ROOT / "reconciler")) for each in sorted((ROOT / "reconciler/decide").rglob("*.py"))
    ]
    with tempfile.TemporaryDirectory(prefix="mistaken-") as folder:
        copies = [_copy(Path(folder) / str(number)) for number in range(options.jobs)]
        reached = _reached(copies[0])
        found = [
            Case(file, mutant, _reaching(reached.get(file, {}), mutant.line))
            for file in files
            for mutant in mutants((ROOT / "reconciler" / file).read_text("utf-8"))
        ]
        cases = random.Random(options.seed).sample(found, min(options.sample or len(found), len(found)))
        survivors = _tried(sorted(cases, key=lambda case: case.name), copies)
    sys.stdout.write(f"{len(cases) - len(survivors)} of {len(cases)} mistakes were noticed or are explained\n")
    return int(bool(survivors))


def _copy(folder: Path) -> Path:
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / name)
    return folder


def _reached(copy: Path) -> Reached:
    """Run the tests once, and return which of them reach which line of which file."""
    from coverage import CoverageData

    data = copy / "reached.coverage"
    words = [
        "-q", "-n", "0", "-m", "not thorough", _TESTS,
        "--cov=reconciler/decide", "--cov-context=test", "--cov-report=", "--cov-fail-under=0",
    ]  # fmt: skip
    done = _run(copy, words, {"COVERAGE_FILE": str(data)})
    if done.returncode:
        raise SystemExit(f"the tests fail without any mistake:\n{done.stdout[-3000:]}")
    read = CoverageData(str(data))
    read.read()
    breadth: dict[str, int] = {}
    found: dict[str, dict[int, list[str]]] = {}
    for file in read.measured_files():
        short = str(Path(file).relative_to(copy / "reconciler"))
        lines = found.setdefault(short, {})
        for line, contexts in read.contexts_by_lineno(file).items():
            lines[line] = sorted({each.partition("|")[0] for each in contexts if each})
            for test in lines[line]:
                breadth[test] = breadth.get(test, 0) + 1
    for lines in found.values():
        for line, tests in lines.items():
            lines[line] = sorted(tests, key=lambda test: (breadth[test], test))[:_MOST]
    return found


def _reaching(lines: Mapping[int, Sequence[str]], line: int) -> tuple[str, ...]:
    """Return the tests that reach a line; what runs at import alone, as defaults do, is anybody's in the file."""
    if found := lines.get(line, ()):
        return tuple(found)
    return tuple(dict.fromkeys(test for tests in lines.values() for test in tests))[:_MOST]


def _tried(cases: Sequence[Case], copies: Sequence[Path]) -> list[Case]:
    free: SimpleQueue[Path] = SimpleQueue()
    for each in copies:
        free.put(each)

    def is_noticed(case: Case) -> bool:
        copy = free.get()
        try:
            return _is_noticed(case, copy)
        finally:
            free.put(copy)

    survivors = []
    with ThreadPoolExecutor(len(copies)) as pool:
        for case, noticed in zip(cases, pool.map(is_noticed, cases), strict=True):
            if noticed:
                continue
            why = EXPLAINED.get((case.file, case.mutant.key), "")
            sys.stdout.write(
                f"{'explained' if why else 'SURVIVED'} {case.name} ({len(case.tests)} tests){why and ': '}{why}\n"
            )
            sys.stdout.flush()
            if not why:
                survivors.append(case)
    return survivors


_ticks = iter(range(2_000_000_000, 2_100_000_000))
"""Times of change, in seconds: compiled files are believed while these and the size are the same."""


def _is_noticed(case: Case, copy: Path) -> bool:
    if not case.tests:
        return False
    file = copy / "reconciler" / case.file
    source = file.read_text("utf-8")
    try:
        file.write_text(case.mutant.put_into(source), "utf-8")
        os.utime(file, (tick := next(_ticks), tick))
        done = _run(copy, ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", "--no-header", *case.tests], {})
    except subprocess.TimeoutExpired:
        return True  # a loop without end is noticed by whoever waits
    else:
        return done.returncode != 0
    finally:
        file.write_text(source, "utf-8")
        os.utime(file, (tick := next(_ticks), tick))


def _run(copy: Path, words: Sequence[str], more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(copy / ".hypothesis"),
        **more,
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=copy, env=environment, capture_output=True, text=True,
        timeout=_SECONDS, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
