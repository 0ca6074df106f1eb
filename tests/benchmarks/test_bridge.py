"""The benchmark of the bridge's pages measures real ones, of every kind, and says what it missed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bridge import Kind, Measured, run, section

GOOD = Measured(5000, 10_000, 25_000, 1.0, 6.0, {"history": Kind({1: [0.01] * 20, 4: [0.02] * 20}, 0.008)}, {"now": 80})


def test_a_small_past_is_made_and_every_kind_of_page_is_there(tmp_path: Path) -> None:
    found = run(tmp_path, 2, problems=40, services=30)
    assert not [each for each in found.missed if "were not there" in each]
    for kind in ("overview, now", "overview, anywhere in the past", "service, now", "history", "file", "remediation"):
        assert f"\n| {kind} " in found.text


def test_within_the_bar_nothing_is_missed() -> None:
    found = section(GOOD)
    assert found.missed == ()
    assert "| history |" in found.text
    assert "80 MiB now" in found.text


def test_what_is_too_slow_or_was_not_there_is_missed() -> None:
    slow = Kind({1: [0.01] * 18 + [0.2] * 2, 4: [0.02]}, 0.01, wrong=3)
    found = section(Measured(1, 1, 1, 1.0, 1.0, {"steps": slow}))
    assert [each.partition(":")[0] for each in found.missed] == ["steps", "steps"]
    assert "200.0 ms" in found.missed[0]
    assert "3 pages were not there" in found.missed[1]
