"""Response time and failures over time, drawn with letters: what was measured, with a mark where something was done.

Times go from tens to thousands of milliseconds, so the axis is logarithmic. Where the terminal knows no block letters
others stand for them, and nothing is told by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from rich.text import Text

from reconciler.demo.readings import Spell

_LEAST_WIDTH: Final = 44
_MARGIN: Final = 9
"""Columns left of the axis: `1,000 ms`."""
_RIGHT: Final = 5
"""Columns behind the plot: ` 100%`."""
_TICKS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_EVERY: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)


@dataclass(frozen=True)
class Marked:
    """Something that was done, ``at`` in the same seconds as the spells."""

    at: float
    what: str


@dataclass(frozen=True)
class _Letters:
    """What is drawn with: ``parts`` are the heights of a letter, from nothing to all of it."""

    parts: str
    limit: str
    upright: str
    tick: str
    corner: str
    level: str


_BLOCKS: Final = _Letters(" ▁▂▃▄▅▆▇█", "┄", "│", "┤", "└", "─")
_ASCII: Final = _Letters(" .:#", "-", "|", "+", "+", "-")


@dataclass(frozen=True)
class Chart:
    """A chart for a terminal of ``width`` columns, with ``height`` lines for the response time.

    ``limit`` is the objective in milliseconds.
    """

    width: int
    height: int = 12
    limit: float = 300.0
    ascii_only: bool = False

    def draw(self, spells: Sequence[Spell], marks: Sequence[Marked]) -> list[Text]:
        """Return the chart's lines and those that explain its marks; without any measured time a line that says so."""
        measured = [spell for spell in spells if spell.p90 is not None]
        if not measured:
            return [Text("nothing was measured")]
        begin, end = spells[0].at, spells[-1].at
        columns = max(self.width, _LEAST_WIDTH) - _MARGIN - 1 - _RIGHT
        per_column = max(end - begin, 1.0) / columns
        every = _columns(spells, begin, per_column, columns)
        placed = _placed(marks, begin, per_column, columns)
        lines = [
            Text.assemble(("Response time (p90, log)", "bold"), (f", objective {self.limit:g} ms", "dim")),
            *self._plot(every),
        ]
        lines += [self._failures(every), *self._axis(begin, end, per_column, columns)]
        if marks:
            lines.append(self._marks(placed, columns))
        lines += [
            Text.assemble((f"  {number:>2}", "bold cyan"), f"  {mark.at - begin:5.1f} s  {mark.what}")
            for number, mark in enumerate(marks, 1)
        ]
        return lines

    @property
    def _letters(self) -> _Letters:
        return _ASCII if self.ascii_only else _BLOCKS

    def _plot(self, every: Sequence[Spell | None]) -> Iterable[Text]:
        times = [spell.p90 for spell in every if spell is not None and spell.p90 is not None]
        low = max(t for t in (1, *_TICKS) if t <= max(min(*times, self.limit) * 0.8, 1.0))
        high = min((t for t in _TICKS if t >= max(*times, self.limit)), default=max(times))
        scale = _Scale(low, high, self.height)
        ticks = {scale.row(tick): tick for tick in _TICKS if low <= tick <= high} | {scale.row(self.limit): self.limit}
        limit_row = scale.row(self.limit)
        for row in reversed(range(self.height)):
            margin = f"{ticks[row]:,.0f} ms" if row in ticks else ""
            edge = self._letters.tick if row in ticks else self._letters.upright
            line = Text.assemble((f"{margin:>{_MARGIN}}{edge}", "bold" if row == limit_row else "dim"))
            cells = [self._cell(spell, row, scale, limit=row == limit_row) for spell in every]
            for style, run in groupby(cells, key=itemgetter(1)):
                line.append("".join(letter for letter, _ in run), style)
            yield line

    def _cell(self, spell: Spell | None, row: int, scale: _Scale, *, limit: bool) -> tuple[str, str]:
        parts = self._letters.parts
        if spell is not None and spell.p90 is not None:
            filled = scale.height_of(spell.p90) - row
            part = parts[min(max(math.ceil(filled * (len(parts) - 1)), 0), len(parts) - 1)]
            if part != " ":
                return part, "red" if spell.p90 > self.limit else "green"
        return (self._letters.limit, "yellow") if limit else (" ", "")

    def _failures(self, every: Sequence[Spell | None]) -> Text:
        """Return a line with the share of failed requests, its letters as high as the highest share allows."""
        parts = self._letters.parts
        most = max((spell.failed or 0.0 for spell in every if spell is not None), default=0.0)
        line = Text.assemble((f"{'failed':>{_MARGIN}}{self._letters.upright}", "dim"))
        if not most:
            return line.append(" none", "dim")
        shares = [(spell.failed or 0.0) / most if spell is not None else 0.0 for spell in every]
        line.append("".join(parts[math.ceil(share * (len(parts) - 1))] for share in shares), "red")
        return line.append(f" {most:.0%}", "dim")

    def _axis(self, begin: float, end: float, per_column: float, columns: int) -> Iterable[Text]:
        step = next((each for each in _EVERY if each / per_column >= 8), _EVERY[-1])
        line, labels = [self._letters.level] * columns, [" "] * (columns + _RIGHT)
        for tick in range(0, int(end - begin) + 1, step):
            column = min(int(tick / per_column), columns - 1)
            line[column] = self._letters.upright
            labels[column : column + len(f"{tick} s")] = f"{tick} s"
        yield Text(" " * _MARGIN + self._letters.corner + "".join(line), "dim")
        yield Text(" " * (_MARGIN + 1) + "".join(labels)[: columns + _RIGHT].rstrip(), "dim")

    def _marks(self, placed: Sequence[int], columns: int) -> Text:
        line = [" "] * columns
        for number, column in enumerate(placed, 1):
            if column >= 0:  # more marks than columns: the first ones have no room
                line[column : column + len(str(number))] = str(number)
        return Text(f"{'done':>{_MARGIN}} " + "".join(line)[:columns].rstrip(), "bold cyan")


@dataclass(frozen=True)
class _Scale:
    """The logarithmic axis from ``low`` to ``high`` milliseconds over so many lines."""

    low: float
    high: float
    height: int

    def height_of(self, milliseconds: float) -> float:
        share = math.log(max(milliseconds, self.low) / self.low) / math.log(self.high / self.low)
        return min(share, 1.0) * self.height

    def row(self, milliseconds: float) -> int:
        return min(int(self.height_of(milliseconds)), self.height - 1)


def _columns(spells: Sequence[Spell], begin: float, per_column: float, columns: int) -> list[Spell | None]:
    """Return the spell for each column: the worst of those that fall into it, else the one before."""
    found: list[Spell | None] = [None] * columns
    for spell in spells:
        column = min(int((spell.at - begin) / per_column), columns - 1)
        there = found[column]
        if there is None or (spell.p90 or 0.0) > (there.p90 or 0.0):
            found[column] = spell
    for column in range(1, columns):
        found[column] = found[column] or found[column - 1]
    return found


def _placed(marks: Sequence[Marked], begin: float, per_column: float, columns: int) -> list[int]:
    """Return the column of each mark, moved aside where there would be no room between two numbers."""
    placed: list[int] = []
    for mark in marks:
        free = placed[-1] + len(str(len(placed))) + 1 if placed else 0
        placed.append(max(int((mark.at - begin) / per_column), free))
    end = columns + 1
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], end - 1 - len(str(index + 1)))
        end = placed[index]
    return placed
