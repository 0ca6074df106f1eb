"""The benchmark of commands over the past runs them, and its bars can be missed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.past_commands import run, section


def test_both_commands_are_run_over_a_small_past(tmp_path: Path) -> None:
    found = run(tmp_path, 60, 5, 12)
    assert not [each for each in found.missed if "exact" in each or "bytes" in each]
    assert "| replay " in found.text
    assert "| 12 problems, 60 steps |" in found.text


def test_a_missed_bar_is_told() -> None:
    good = [(1.0, 2.0, 5_100, True)] * 3
    assert section(good, 100.0, [(9.0, "a"), (9.1, "a")], 10_000, 50_000).missed == ()
    assert section([(1.0, 2.0, 4_000, True)], 100.0, [(11.0, "a"), (11.1, "b")], 10_000, 50_000).missed == (
        "replay: 4,000 steps a second", "what-if: 4,505 steps a second", "what-if: 11.1 s",
        "what-if: not the same bytes",
    )  # fmt: skip
    assert section([(1.0, 2.0, 5_100, False)], 100.0, [(9.0, "a")], 10_000, 50_000).missed == ("replay: not exact",)
