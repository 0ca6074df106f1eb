"""The chart: what was measured is where it belongs, at every width, with and without block letters and colours."""

from __future__ import annotations

import io
from typing import Literal

import pytest
from rich.console import Console

from reconciler.demo.chart import Chart, Marked
from reconciler.demo.readings import Spell
from reconciler.demo.telling import Teller

SPELLS = [
    *(Spell(100 + at / 2, 28, 60.0, 0.0) for at in range(20)),
    *(Spell(110 + at / 2, 28, 1500.0, 0.0) for at in range(20)),
    *(Spell(120 + at / 2, 28, 80.0, 0.3 if 4 < at < 12 else 0.0) for at in range(21)),
]
MARKS = [Marked(119.0, "carts: scale 1 → 2"), Marked(127.0, "carts: switch EnablePromotion on → off")]


def drawn(
    width: int, spells: list[Spell] = SPELLS, marks: list[Marked] = MARKS, *, ascii_only: bool = False
) -> list[str]:
    return [line.plain for line in Chart(width, ascii_only=ascii_only).draw(spells, marks)]


def columns_of(lines: list[str], letters: str) -> list[int]:
    """Return how many lines of the plot each column fills."""
    plot = [line[10:] for line in lines[1:13]]
    width = max(len(line) for line in plot)
    return [sum(line.ljust(width)[column] in letters for line in plot) for column in range(width)]


@pytest.mark.parametrize("width", [44, 60, 80, 110, 200])
def test_it_fits(width: int) -> None:
    lines = drawn(width)
    assert max(len(line) for line in lines[:16]) <= width
    assert len(lines) == 1 + 12 + 1 + 2 + 1 + 2


def test_a_terminal_too_narrow_gets_the_least_that_can_be_read() -> None:
    assert drawn(10) == drawn(44)


@pytest.mark.parametrize("ascii_only", [False, True])
def test_higher_is_slower(ascii_only: bool) -> None:
    heights = columns_of(drawn(80, ascii_only=ascii_only), ".:#" if ascii_only else "▁▂▃▄▅▆▇█")
    thirds = [heights[5], heights[len(heights) // 2], heights[-5]]
    assert 0 < thirds[0] <= thirds[2] < thirds[1]
    assert set(heights[:20]) == {thirds[0]}


def test_the_objective_is_a_line_of_its_own() -> None:
    lines = drawn(80)
    assert lines[0] == "Response time (p90, log), objective 300 ms"
    (line,) = (line for line in lines if line.startswith("   300 ms┤"))
    plot = line[10:]
    assert plot[:15] == "┄" * 15
    assert "█" in plot
    assert plot[-15:] == "┄" * 15


def test_marks_stand_below_their_moment_and_are_explained() -> None:
    lines = drawn(110)
    (row,) = (line for line in lines if line.startswith("     done "))
    columns = 110 - 15
    assert row.index("1") - 10 == int(19.0 / 30 * columns)
    assert row.index("2") - 10 == int(27.0 / 30 * columns)
    assert lines[-2:] == [
        "   1   19.0 s  carts: scale 1 → 2",
        "   2   27.0 s  carts: switch EnablePromotion on → off",
    ]


def test_marks_of_one_moment_do_not_hide_each_other() -> None:
    marks = [Marked(129.9, str(number)) for number in range(12)]
    row = next(line for line in drawn(80, marks=[*MARKS[:1], *marks]) if line.startswith("     done "))
    assert row.split() == ["done", *(str(number) for number in range(1, 14))]
    assert len(row) == 10 + 80 - 15
    assert len(drawn(44, marks=marks * 4)) == 17 + 48
    early = [Marked(110.0, "a"), Marked(110.0, "b"), Marked(110.0, "c")]
    row = next(line for line in drawn(80, marks=early) if line.startswith("     done "))
    assert row.split() == ["done", "1", "2", "3"]


def test_failures_are_a_line_of_their_own() -> None:
    (line,) = (line for line in drawn(110) if line.startswith("   failed"))
    columns = 110 - 15
    assert line.endswith(" 30%")
    assert line[10 : 10 + int(22.5 / 30 * columns) - 1].strip() == ""
    assert "█" in line[10 + int(22.5 / 30 * columns) : 10 + int(25.5 / 30 * columns) + 1]
    whole = [Spell(spell.at, spell.rate, spell.p90, 0.0) for spell in SPELLS]
    assert next(line for line in drawn(110, whole) if line.startswith("   failed")).split() == ["failed│", "none"]


def test_time_is_told_below() -> None:
    assert drawn(80)[15].split() == ["0", "s", "5", "s", "10", "s", "15", "s", "20", "s", "25", "s", "30", "s"]


def test_where_nothing_was_answered_nothing_is_drawn() -> None:
    quiet = [Spell(spell.at, 0.0) if 110 <= spell.at < 120 else spell for spell in SPELLS]
    heights = columns_of(drawn(80, quiet), "▁▂▃▄▅▆▇█")
    assert heights[len(heights) // 2] == 0
    assert heights[5] > 0
    assert drawn(80, [Spell(1.0, 0.0)]) == ["nothing was measured"]
    assert drawn(80, []) == ["nothing was measured"]


@pytest.mark.parametrize("p90", [0.5, 2.0, 299.0, 300.0, 301.0, 9_000.0, 30_000.0])
def test_any_time_can_be_drawn(p90: float) -> None:
    heights = columns_of(drawn(80, [Spell(1.0, 28, p90, 0.0), Spell(2.0, 28, p90, 0.0)], []), "▁▂▃▄▅▆▇█")
    assert set(heights) <= set(range(13))
    assert p90 < 3 or min(heights[:-1]) >= 1


def told(*, terminal: bool, encoding: str = "utf-8", no_color: bool = False) -> str:
    data = io.BytesIO()
    out = io.TextIOWrapper(data, encoding=encoding, errors="replace")
    colours: Literal["standard"] | None = "standard" if terminal else None
    console = Console(file=out, width=80, force_terminal=terminal, no_color=no_color, color_system=colours)
    Teller(console, pace=0.0).chart(SPELLS, MARKS, 300.0)
    out.flush()
    return data.getvalue().decode(encoding)


def test_what_is_too_slow_is_red_on_a_terminal_and_plain_elsewhere() -> None:
    coloured = told(terminal=True)
    assert "\x1b[31m█" in coloured
    assert "\x1b[32m█" in coloured
    assert "\x1b" not in told(terminal=False)
    assert "\x1b[31m" not in told(terminal=True, no_color=True)


def test_where_there_are_no_block_letters_others_stand_for_them() -> None:
    text = told(terminal=False, encoding="ascii")
    assert "#" in text
    assert "?" not in text.splitlines()[5]
