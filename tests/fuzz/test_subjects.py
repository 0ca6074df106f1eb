"""What is fuzzed takes its own seeds, and what breaks a promise is found, kept and done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.subjects import SUBJECTS, Subject


def _breaks(data: bytes) -> bool:
    assert b"!" not in data, "an exclamation mark"
    return True


def _seeds() -> Iterator[bytes]:
    yield b"hello"
    yield b"hello!"


BROKEN = Subject(_breaks, _seeds)


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_subject_takes_its_seeds(name: str) -> None:
    """What is refused leads nowhere: behind it lies what is fuzzed."""
    taken = [SUBJECTS[name].run(seed) for seed in SUBJECTS[name].seeds()]
    assert any(taken), "a seed is taken"


def test_what_breaks_a_promise_is_kept_and_done_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("atheris", reason="fuzzing led by coverage is for Linux on x86_64")
    name = "tests.fuzz.test_subjects:BROKEN"
    assert main([name, "--seconds", "1", "--findings", str(tmp_path)]) == 1
    told = capfd.readouterr().out
    assert "FOUND" in told
    (kept,) = tmp_path.glob("*-crash-*")
    assert f"python -m tests.fuzz {name} --input {kept}" in told
    with pytest.raises(AssertionError, match="an exclamation mark"):
        main([name, "--input", str(kept)])


def test_an_unknown_subject_is_said_with_those_that_there_are(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "there are yaml," in capfd.readouterr().err
