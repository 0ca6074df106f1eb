"""The benchmark of alerts takes the medians of its storms, and its bars can be missed."""

from __future__ import annotations

from benchmarks.alerts import Cell, Storm, middle, section

GOOD = (Storm(1.0, 3, 100.0, 109.0), Storm(1.9, 10, 100.0, 105.0), Storm(9.0, 30, 100.0, 190.0))
CELLS = (Cell(False, [0.05], [0.04], [0.001]), Cell(True, [0.14], [0.10], [0.001]))


def test_of_several_storms_the_medians_count() -> None:
    assert middle(GOOD) == Storm(1.9, 10, 100.0, 109.0)
    found = section(CELLS, GOOD, 21, 0)
    assert found.missed == ()
    assert "medians of 3 runs" in found.text


def test_a_missed_bar_is_told() -> None:
    slow = (Cell(False, [0.061], [0.04], [0.001]), Cell(True, [0.16], [0.10], [0.001]))
    assert section(slow, [Storm(2.5, 11, 100.0, 111.0)], 21, 0).missed == (
        "1,000 grouped, local: 61.0 ms at the 95th percentile", "1,000 grouped, smart HTTP: 1.60 times the floor",
        "the storm: 400 alerts a second", "the storm: 11 pushes", "the storm: 100 MiB became 111",
    )  # fmt: skip
