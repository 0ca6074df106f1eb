"""The page that `make bench` writes: what was measured anew replaces what stood there, and nothing else changes."""

from __future__ import annotations

from datetime import date

from benchmarks.report import Section, entry, merged, page, percentile

_DAY = date(2026, 1, 31)


def _entry(title: str, text: str, *missed: str) -> str:
    return entry(Section(title, text, missed), "make bench", "0123456789ab", "a machine", _DAY)


def test_an_entry_says_what_measured_it_where_and_which_bars_were_missed() -> None:
    made = _entry("Storm", "| a table |", "too slow")
    assert made.split("\n\n") == [
        "## Storm", "*`make bench` at 0123456789ab on 2026-01-31: a machine.*", "| a table |", "- **missed**: too slow",
    ]  # fmt: skip


def test_what_is_measured_anew_replaces_its_part_in_its_place() -> None:
    before = page([_entry("Starts", "old"), _entry("Storm", "slow"), _entry("Idle", "old")])
    after = merged(before, [_entry("Storm", "fast")])
    assert after == page([_entry("Starts", "old"), _entry("Storm", "fast"), _entry("Idle", "old")])


def test_what_was_not_there_comes_last() -> None:
    assert merged(page([_entry("Starts", "old")]), [_entry("Storm", "new")]).index("## Storm") > 0
    assert merged(page([]), [_entry("Storm", "new")]) == page([_entry("Storm", "new")])


def test_a_page_that_is_measured_again_the_same_stays_the_same() -> None:
    entries = [_entry("Starts", "one\n\ntwo"), _entry("Storm", "three", "a bar", "another")]
    assert merged(page(entries), entries) == page(entries)


def test_a_percentile_is_the_smallest_sample_that_so_many_do_not_exceed() -> None:
    samples = range(20, 0, -1)
    assert [percentile(samples, percent) for percent in (0, 1, 5, 50, 95, 96, 100)] == [1, 1, 1, 10, 19, 20, 20]
    assert [percentile(range(1, 7), percent) for percent in (50, 95)] == [3, 6]
    assert percentile([7.0], 95) == 7.0
