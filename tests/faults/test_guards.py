"""The guards are those of the sources as they are, though `make faults-mutated` is not run with every change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.guards import Mutation, guards
from tests.faults.mutations import ROOT
from tests.faults.trial import Trial, Verdict

GUARDS = guards()


@pytest.mark.parametrize("guard", GUARDS, ids=[f"{each.row}-{number}" for number, each in enumerate(GUARDS)])
def test_a_guard_stands_once_in_the_sources(guard: Mutation) -> None:
    assert (ROOT / guard.file).read_text().count(guard.old) == 1, guard.old
    assert guard.old != guard.new
    assert guard.words(ROOT)[0].startswith("tests/"), "a row without tests would be proved by those of all others"


def test_each_row_that_is_promised_has_a_guard() -> None:
    promised = re.findall(r"^\| ([A-Z]\d+) ", (ROOT / "docs/promises.md").read_text(), re.MULTILINE)
    assert {each.lower() for each in promised} == {each.row for each in GUARDS}


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
