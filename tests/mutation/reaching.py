"""Which tests reach which line of `decide`, by running each file of tests once with its lines counted.

What a file of tests reaches is kept under `.make/`, and counted anew where it, what tests share, or `decide` changed.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.mutation.mutants import Mutant

TESTS: Final = "tests/decide"
ELSEWHERE: Final = (
    "cli/test_validate*.py", "cli/test_what_if*.py", "cli/test_evaluate*.py", "cli/test_fixes_applied.py",
    "model/test_action_schemas.py", "repo/test_replay_*.py", "repo/test_recorded.py", "repo/test_tally.py",
)  # fmt: skip
"""Tests of what `decide` tells people, where they read it: the commands that check, compare and replay."""
Run = Callable[[Sequence[str], Mapping[str, str]], None]
"""Runs pytest with such words and such an environment; raises where a test fails."""


@dataclass(frozen=True)
class Reached:
    """By file of `reconciler/` and line: the tests that reach it, those that reach little first."""

    lines: Mapping[str, Mapping[int, Sequence[str]]]
    sources: Path

    def tests(self, file: str, mutant: Mutant) -> tuple[str, ...]:
        """Return the tests that reach a mistake; where its line says nothing, those of its function, or of its file.

        A piece of a longer statement may stand on a line of its own, and what runs at import is on nobody's account.
        """
        known = self.lines.get(file, {})
        if found := known.get(mutant.line, ()):
            return tuple(found)
        source = (self.sources / file).read_text("utf-8")
        inside = _first([known.get(line, ()) for line in _function(ast.parse(source), mutant.line)])
        return inside or _first(known.values())


def _first(found: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(test for tests in found for test in tests))


def _function(tree: ast.Module, line: int) -> range:
    """Return the lines of the outermost function around a line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno <= line <= (node.end_lineno or 0):
            return range(node.body[0].lineno, (node.end_lineno or 0) + 1)
    return range(0)


def digest(*files: Path) -> str:
    """Return what files hold, in short."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sorted(files))).hexdigest()[:16]


def shared(copy: Path) -> str:
    """Return what the tests build upon, in short."""
    return digest(*(each for each in (copy / TESTS).rglob("*.py") if not each.name.startswith("test_")))


def elsewhere(copy: Path) -> list[str]:
    """Return the files of tests that are none of `decide`'s own and try it nevertheless."""
    return sorted(str(each.relative_to(copy)) for glob in ELSEWHERE for each in (copy / "tests").glob(glob))


def reached(copy: Path, kept: Path, run: Run, *, quick: bool) -> Reached:
    """Run the tests that are not known yet, and return which of them reach which line. Raises what ``run`` raises."""
    base = shared(copy) + digest(*(copy / "reconciler/decide").rglob("*.py"))
    known = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    own = sorted(str(each.relative_to(copy)) for each in (copy / TESTS).rglob("test_*.py"))
    groups = [("not thorough", own)]  # those that take long come last
    if not quick:
        groups += [("not thorough", elsewhere(copy)), ("thorough", own)]
    files = {file: digest(copy / file) + base for _, group in groups for file in group}
    for mark, group in groups:
        unknown = [file for file in group if known.get(f"{mark}: {file}", {}).get("of") != files[file]]
        if unknown:
            counted = _counted(copy, unknown, mark, run)
            known |= {f"{mark}: {file}": {"of": files[file], "tests": counted.get(file, {})} for file in unknown}
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(known), "utf-8")
    lines: dict[str, dict[int, list[str]]] = {}
    for mark, group in groups:
        tests = {name: where for file in group for name, where in known[f"{mark}: {file}"]["tests"].items()}
        for name, where in sorted(tests.items(), key=lambda item: (sum(map(len, item[1].values())), item[0])):
            for file, numbers in where.items():
                for number in numbers:
                    lines.setdefault(file, {}).setdefault(number, []).append(name)
    return Reached(lines, copy / "reconciler")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the lines of those tests too that ask not to be traced, when this is loaded as a plugin."""
    for item in items:
        for node in item.listchain():
            node.own_markers[:] = [marker for marker in node.own_markers if marker.name != "no_cover"]


def _counted(copy: Path, files: Sequence[str], mark: str, run: Run) -> dict[str, dict[str, dict[str, list[int]]]]:
    """Return by file of tests, test and file of `reconciler/` the lines that it reaches."""
    from coverage import CoverageData

    data = copy / "reached.coverage"
    words = [
        "-p",
        "tests.mutation.reaching",
        "-m",
        mark,
        *files,
        "--cov=reconciler/decide",
        "--cov-context=test",
        "--cov-report=",
        "--cov-fail-under=0",
    ]
    run(words, {"COVERAGE_FILE": str(data)})
    read = CoverageData(str(data))
    read.read()
    found: dict[str, dict[str, dict[str, list[int]]]] = {}
    for file in read.measured_files():
        short = str(Path(file).relative_to(copy / "reconciler"))
        for line, contexts in read.contexts_by_lineno(file).items():
            for test in {each.rpartition("|")[0] for each in contexts if each}:
                where = found.setdefault(test.partition("::")[0], {}).setdefault(test, {})
                where.setdefault(short, []).append(line)
    return found
