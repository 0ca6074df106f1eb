"""`make mutated`: make mistakes in `reconciler/decide`, one at a time, and see that a test notices each.

`python -m tests.mutation [MODULE...] --sample N --seed S` takes so many of all mistakes, chosen by the seed; modules
are named as in `decide/bounds.py`. In a copy of the sources the tests are run once to learn which of them reach which
line, and then, for each mistake, those that reach it, until one fails. What no test notices survives: it is told,
unless `explained.py` says why it changes nothing that anybody can see. Exit status 1 means that something survived.

What was noticed is kept under `.make/`, and is not tried again while the module and the test that noticed it are as
they were, so that a run goes on where one was ended; `--anew` forgets it. `--count` tries nothing and says of each
module how many mistakes there are, and how many of them were noticed, are explained, and are left to be tried.
"""

from __future__ import annotations

import argparse
import itertools
import json
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
from tests.mutation.known import Known
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.reaching import TESTS, elsewhere, reached
from tests.mutation.trying import is_inside
from tests.proofs import note

ROOT: Final = Path(__file__).parents[2]
_KEPT: Final = ROOT / ".make" / "mutation"
_COPIED: Final = ("reconciler", "tests", "schemas", "config-repo-template", "pyproject.toml")
_SECONDS: Final = 900


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


class Place:
    """A copy of the sources, and a process in it that has read all tests; the process starts when it is asked."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, folder / name)
        self.folder = folder
        self._words = ["-m", "not thorough", TESTS] if quick else [TESTS, *elsewhere(folder)]
        self._process: subprocess.Popen[str] | None = None
        self._noticing: list[str] = []
        self._ticks = itertools.count(2_000_000_000)

    def noticed(self, case: Case) -> str:
        """Return the test that notices a mistake, empty where none does."""
        source = (self.folder / "reconciler" / case.file).read_text("utf-8")
        mistaken = case.mutant.put_into(source)
        if not is_inside(source, mistaken, case.mutant.where):
            return self._noticed_anew(case, source, mistaken)
        # What noticed a mistake nearby will often notice this one too.
        near = [test for test in self._noticing if test in set(case.tests)]
        tests = list(dict.fromkeys([*near, *case.tests]))
        found = self._ask(case.file, case.mutant.where, mistaken, tests)
        if found:
            self._noticing = [found, *(test for test in self._noticing if test != found)][:20]
        return found

    def failing(self, tests: Sequence[str]) -> str:
        """Return the first of some tests that fails without any mistake, empty where none does."""
        return self._ask("", "", "", tests)

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()

    def _ask(self, file: str, where: str, source: str, tests: Sequence[str]) -> str:
        if self._process is None:
            words = [sys.executable, "-m", "tests.mutation.trying", *self._words]
            self._process = subprocess.Popen(
                words, cwd=self.folder, env=self._environment, text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            assert self._process.stdout is not None
            self._process.stdout.readline()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"file": file, "where": where, "source": source, "tests": tests}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return str(json.loads(self._process.stdout.readline())["noticed"])

    def _noticed_anew(self, case: Case, source: str, mistaken: str) -> str:
        """Try a mistake in what runs at import, in a process of its own; which test failed stands in its output."""
        file = self.folder / "reconciler" / case.file
        try:
            self._write(file, mistaken)
            done = self._run(["-x", "-p", "no:cacheprovider", "--no-header", *case.tests])
        except subprocess.TimeoutExpired:
            return case.tests[0]  # a loop without end is noticed by whoever waits
        else:
            # A name may hold blanks, and what follows it begins with one.
            told = [f"{line.removeprefix('FAILED ')} " for line in done.stdout.splitlines() if line[:7] == "FAILED "]
            failed = [test for test in case.tests if any(line.startswith(f"{test} ") for line in told)]
            return (failed or [case.tests[0]])[0] if done.returncode else ""
        finally:
            self._write(file, source)

    def _write(self, file: Path, source: str) -> None:
        """Write a file; what was compiled is believed while the time of change and the size are the same."""
        file.write_text(source, "utf-8")
        os.utime(file, (tick := next(self._ticks), tick))

    def run(self, words: Sequence[str], more: Mapping[str, str]) -> None:
        """Run tests that pass. Exits where one does not."""
        done = self._run(words, more)
        if done.returncode not in (0, 5):  # none chosen
            raise SystemExit(f"the tests fail without any mistake:\n{done.stdout[-3000:]}")

    def _run(self, words: Sequence[str], more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "0", *words], cwd=self.folder,
            env={**self._environment, **(more or {})}, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip

    @property
    def _environment(self) -> Mapping[str, str]:
        storage = str(self.folder / ".hypothesis")
        return {**os.environ, "PYTHONPATH": str(self.folder), "HYPOTHESIS_STORAGE_DIRECTORY": storage}


def main(words: Sequence[str]) -> int:
    """Make mistakes; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Make mistakes in decide/.")
    parser.add_argument("modules", nargs="*", help="such as decide/bounds.py; all of decide if none is named")
    parser.add_argument("--sample", type=int, default=0, help="try so many, chosen by the seed (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--quick", action="store_true", help="decide's own tests alone, without those that take long")
    parser.add_argument("--anew", action="store_true", help="try again what was noticed before")
    parser.add_argument("--count", action="store_true", help="only say what was noticed before, by module")
    options = parser.parse_args(words)
    files = options.modules or [
        str(each.relative_to(ROOT / "reconciler")) for each in sorted((ROOT / "reconciler/decide").rglob("*.py"))
    ]
    if options.count:
        return _count(files)
    with tempfile.TemporaryDirectory(prefix="mistaken-") as folder:
        places = [Place(Path(folder) / str(number), quick=options.quick) for number in range(options.jobs)]
        copy = places[0].folder
        known = Known(copy, _KEPT / "noticed.jsonl", anew=options.anew)
        lines = reached(copy, _KEPT / "reached.json", places[0].run, quick=options.quick)
        found = [
            Case(file, mutant, lines.tests(file, mutant))
            for file in files
            for mutant in mutants((copy / "reconciler" / file).read_text("utf-8"))
        ]
        cases = random.Random(options.seed).sample(found, min(options.sample or len(found), len(found)))
        cases.sort(key=lambda case: (files.index(case.file), case.mutant.start))
        new = [case for case in cases if not known.noticed(case.file, case.mutant)]
        survivors = _tried(new, places, known)
        for place in places:
            place.end()
    came = f"{len(cases) - len(survivors):,} of {len(cases):,} mistakes were noticed or are explained"
    sys.stdout.write(f"{came}\n")
    if not (options.modules or options.sample or options.quick):
        note("make mutated", f"{came}; {len(new):,} tried now, {len(cases) - len(new):,} noticed in earlier runs")
    return int(bool(survivors))


def _count(files: Sequence[str]) -> int:
    known = Known(ROOT, _KEPT / "noticed.jsonl", anew=False)
    counts = [[0, 0, 0, 0]]
    for file in files:
        found = list(mutants((ROOT / "reconciler" / file).read_text("utf-8")))
        noticed = [known.noticed(file, each) for each in found]
        explained = sum(not seen and (file, each.key) in EXPLAINED for each, seen in zip(found, noticed, strict=True))
        counts.append([len(found), sum(noticed), explained, len(found) - sum(noticed) - explained])
    counts[0] = [sum(column) for column in zip(*counts, strict=True)]
    for name, (mistakes, seen, why, left) in zip(["all of them", *files], counts, strict=True):
        sys.stdout.write(f"{name}: {mistakes} mistakes, {seen} noticed, {why} explained, {left} left\n")
    return int(bool(counts[0][3]))


def _tried(cases: Sequence[Case], places: Sequence[Place], known: Known) -> list[Case]:
    free: SimpleQueue[Place] = SimpleQueue()
    for each in places:
        free.put(each)

    def noticing(case: Case) -> str:
        place = free.get()
        try:
            return place.noticed(case) if case.tests else ""
        finally:
            free.put(place)

    survivors, noticed = [], dict[str, Case]()
    with ThreadPoolExecutor(len(places)) as pool:
        for case, test in zip(cases, pool.map(noticing, cases), strict=True):
            if test:
                noticed[test] = case
                known.add(case.file, case.mutant, test)
                continue
            why = EXPLAINED.get((case.file, case.mutant.key), "")
            sys.stdout.write(
                f"{'explained' if why else 'SURVIVED'} {case.name} ({len(case.tests)} tests){why and ': '}{why}\n"
            )
            sys.stdout.flush()
            if not why:
                survivors.append(case)
    # What noticed something must be quiet where there is nothing, in the same kind of process.
    if noticed and (failing := places[0].failing(list(noticed))):
        known.forget(failing)
        raise SystemExit(f"{failing} fails without any mistake, so what it noticed counts for nothing")
    return survivors


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
