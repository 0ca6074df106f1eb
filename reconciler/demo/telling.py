"""How the demo speaks: a line for everything that was done or seen, in colour on a terminal and plain elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reconciler.demo.chart import Chart, Marked
from reconciler.demo.readings import Spell

_WIDTH: Final = 110
"""Columns where no terminal says how many it has."""


def console() -> Console:
    """Return a console on stdout. `NO_COLOR`, `TERM=dumb` and pipes are honoured."""
    made = Console(highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _WIDTH
    return made


class Teller:
    """Writes to a console. ``pace`` is how many seconds a reader gets after each part; 0 leaves them none."""

    def __init__(self, out: Console, *, pace: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._out = out
        self._pace = pace
        self._sleep = sleep

    def part(self, title: str, *explanation: str) -> None:
        """Begin a part of the story."""
        self._line(Text())
        self._line(Text(title, "bold"))
        for line in explanation:
            self._line(Text(line, "dim"))

    def pause(self) -> None:
        """Leave the reader time for what was told last."""
        if self._pace:
            self._sleep(self._pace)

    def done(self, what: str, *, how: str = "") -> None:
        """Tell what was done, and ``how``: by which command or in which file."""
        self._line(_fields(("  > ", "cyan"), (what, ""), (f"   {how}" if how else "", "dim")))

    def seen(self, where: str, what: str, *, after: float | None = None) -> None:
        """Tell what was checked and found, where, and how many seconds into the part of the story."""
        late = f"   {after:.1f} s" if after is not None else ""
        self._line(_fields(("  ✓ ", "green"), (f"{where:<8} ", "bold"), (what, ""), (late, "dim")))

    def more(self, what: str) -> None:
        """Tell more about what was told last."""
        self._line(_fields((f"{'':13}{what}", "dim")))

    def failed(self, what: str) -> None:
        """Tell what went wrong; the error itself follows on stderr."""
        self._line(_fields(("  ✗ ", "red"), (what, "")))

    def text(self, *lines: str) -> None:
        """Write lines as they are."""
        for line in lines:
            self._line(Text(line))

    @contextmanager
    def waiting(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show on a terminal what is waited for; elsewhere nothing, since what came of it is told anyway.

        Yields what shows how it stands meanwhile.
        """
        if not self._out.is_terminal or self._out.is_dumb_terminal:
            yield lambda _: None
            return
        with self._out.status(_one_line(f"waiting for {what}")) as status:
            yield lambda how: status.update(_one_line(f"{how} · waiting for {what}"))

    def chart(self, spells: Sequence[Spell], marks: Sequence[Marked], limit: float) -> None:
        """Draw what was measured, as wide as the terminal."""
        ascii_only = not self._out.encoding.lower().startswith("utf")
        for line in Chart(self._out.width, limit=limit, ascii_only=ascii_only).draw(spells, marks):
            self._line(line)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table whose first column names the rows, and whose others hold numbers and the like."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for number, heading in enumerate(headings):
            first = number == 0
            table.add_column(heading, style="bold" if first else "", justify="left" if first else "right")
        for row in rows:
            table.add_row(*row)
        self._out.print(table)

    def _line(self, text: Text) -> None:
        # Never folded: a line that is copied or searched for has to be one.
        self._out.print(text, soft_wrap=True)


def _one_line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _fields(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*parts)
