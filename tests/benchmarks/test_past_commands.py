"""The benchmark of commands over the past runs them beside a script, and its bars can be missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import past_commands
from benchmarks.past_commands import Past, run, section


def test_both_commands_are_run_over_a_small_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_commands, "_SAMPLE", 5)
    monkeypatch.setattr(past_commands, "RUNS", 2)
    found = run(tmp_path, 60, 5, 12)
    assert not [each for each in found.missed if "exact" in each or "bytes" in each]
    assert [line.split("|")[1].strip() for line in found.text.splitlines() if line.startswith("| ")][1:] == [
        "-" * 42, "replay", "git show for each", "what-if", "git show for each, and of what is proposed",
    ]  # fmt: skip
    assert "| 12 problems, 60 steps |" in found.text


GOOD = Past(
    [(1.0, 2.0, 5_100, True)] * 3, [90.0, 100.0, 500.0], [(9.0, "a"), (9.1, "a"), (30.0, "a")], [40.0, 50.0, 60.0],
    10_000, 50_000,
)  # fmt: skip


def test_medians_count() -> None:
    assert section(GOOD).missed == ()
    rows = [[cell.strip() for cell in line.split("|")] for line in section(GOOD).text.splitlines()]
    assert [row[4] for row in rows if len(row) > 4][2:] == ["5,100", "100", "5,495", "50"]


def test_a_missed_bar_is_told() -> None:
    slow = replace(GOOD, replays=[(1.0, 2.0, 4_000, True)], runs=[(11.0, "a"), (11.1, "b"), (11.2, "a")])
    assert section(slow).missed == (
        "replay: 4,000 steps a second", "what-if: 4,505 steps a second", "what-if: 11.1 s",
        "what-if: not the same bytes",
    )  # fmt: skip
    assert section(replace(GOOD, replays=[(1.0, 2.0, 5_100, False)])).missed == ("replay: not exact",)
