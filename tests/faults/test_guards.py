"""The guards, and the tests that the page of promises names, are those of the sources as they are.

`make faults-mutated` is not run with every change, and nobody reads the page with every change.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.guards import Mutation, guards
from tests.faults.mutations import ROOT
from tests.faults.trial import Trial, Verdict

GUARDS = guards()
PROMISES = (ROOT / "docs/promises.md").read_text()
FAULTS = ROOT.parent / "shared" / "FAULTS.md"
_ROW = re.compile(r"^\| ([A-Z]\d+) ", re.MULTILINE)
_HERE = "tests/faults/"
_FOLDERS = ("tests/", "reconciler/", "docs/", "schemas/")


def promised() -> set[str]:
    """Return the ids of the rows that the page has."""
    return set(_ROW.findall(PROMISES))


def names_of_tests() -> set[str]:
    """Return all names of tests below the folder of tests."""
    found = (re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE) for file in ROOT.glob("tests/**/test_*.py"))
    return {name for names in found for name in names}


def missing(line: str) -> list[str]:
    """Return what a line of the page names in backquotes or as a link, and is not there.

    A test's file without a folder is in tests/faults, or lies beside the file that is named with one before it.
    """
    folder, found = _HERE, []
    for name in re.findall(r"`([^`\s]+)`|\]\(\.\./([^)]+)\)", line):
        path = name[0] or name[1]
        if path.startswith(_FOLDERS):
            there = (ROOT / path).exists()
            folder = f"{path.rpartition('/')[0]}/" if there else folder
        elif re.fullmatch(r"\w+\.py", path):
            there = (ROOT / _HERE / path).is_file() or (ROOT / folder / path).is_file()
        else:
            there = True
        found += [] if there else [path]
    return found


@pytest.mark.parametrize("guard", GUARDS, ids=[f"{each.row}-{number}" for number, each in enumerate(GUARDS)])
def test_a_guard_stands_once_in_the_sources(guard: Mutation) -> None:
    assert (ROOT / guard.file).read_text().count(guard.old) == 1, guard.old
    assert guard.old != guard.new
    assert guard.words(ROOT)[0].startswith("tests/"), "a row without tests would be proved by those of all others"


def test_each_row_that_is_promised_has_a_guard() -> None:
    assert {each.lower() for each in promised()} == {each.row for each in GUARDS}


def test_each_row_that_is_promised_has_tests_of_its_name_here() -> None:
    names = [re.findall(r"^def test_([a-z]\d+)_", file.read_text(), re.MULTILINE) for file in _faults()]
    assert {each.lower() for each in promised()} == {row for rows in names for row in rows}


def test_all_that_the_page_of_promises_names_is_there() -> None:
    found = {number: what for number, line in enumerate(PROMISES.splitlines(), 1) if (what := missing(line))}
    assert not found, "by the number of the line"
    named = set(re.findall(r"`(test_\w+)`", PROMISES))
    assert named <= names_of_tests()
    parts = set(re.findall(r"`([a-z]\d+_\w+)` in their names", PROMISES))
    assert parts
    assert not {part for part in parts if not any(f"test_{part}" in each for each in names_of_tests())}


def test_a_file_that_the_page_names_and_is_not_there_is_found() -> None:
    line = "| G1 | `test_git.py`, `tests/repo/test_push.py`, `test_away.py` there, `test_none.py`, `tests/none/` |"
    assert missing(line) == ["test_none.py", "tests/none/"]


@pytest.mark.skipif(not FAULTS.is_file(), reason="the table of faults is not beside the repository")
def test_the_rows_are_those_of_the_table_of_faults() -> None:
    assert promised() == set(_ROW.findall(FAULTS.read_text()))


def _faults() -> list[Path]:
    return sorted((ROOT / _HERE).glob("test_*.py"))


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources with one guard, and tests that notice it, do not, fail anyway, or do not end without it."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "reconciler").mkdir()
    (tmp_path / "reconciler/__init__.py").touch()
    (tmp_path / "tests/faults").mkdir(parents=True)
    (tmp_path / "reconciler/guarded.py").write_text("GUARD = True\n")
    (tmp_path / "tests/faults/test_rows.py").write_text(
        "import time\n"
        "import pytest\n"
        "from reconciler.guarded import GUARD\n"
        "@pytest.fixture\n"
        "def checked():\n    yield\n    assert GUARD, 'checked when it is over'\n"
        "def test_a1_noticed(): assert GUARD\n"
        "def test_a2_noticed_at_its_end(checked): pass\n"
        "def test_a3_blind(): pass\n"
        "def test_a4_fails_anyway(): assert False\n"
        "def test_a5_has_no_end(): GUARD or time.sleep(600)\n"
        "def test_a7_is_not_even_begun(missing): pass\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("row", "new", "verdict", "why"),
    [
        ("a1", "False", "noticed", "test_a1_noticed - assert False"),
        ("a2", "False", "noticed", "checked when it is over"),
        ("a3", "False", "SURVIVED", "1 passed"),
        ("a4", "False", "NO VALID RESULT", "fails with the guard too"),
        ("a5", "False", "NO VALID RESULT", "no end in time"),
        ("a6", "False", "NO VALID RESULT", "deselected"),
        ("a7", "False", "NO VALID RESULT", "fails with the guard too"),
        ("a1", "(", "NO VALID RESULT", "error"),
    ],
)
def test_only_a_test_that_passes_with_the_guard_notices_that_it_is_gone(
    sources: Path, row: str, new: str, verdict: Verdict, why: str
) -> None:
    trial = Trial(sources, sources / "copy", seconds=2 if row == "a5" else 60)
    result = trial.of(Mutation(row, "reconciler/guarded.py", "True", new))
    assert result.verdict == verdict, result.tail
    assert why in result.why
