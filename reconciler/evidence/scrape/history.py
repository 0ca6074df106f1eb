"""What a service's pages have shown of late: a bounded ring of looks, each of them a row of numbers.

A row holds one number for each series that was known when it was taken, so that half an hour of a thousand series costs
some megabytes. What series are called is held once, and counts too, since labels may be different with every look.
Beyond its time or its size the oldest look is dropped. Rows are never changed once they are in, so a `View` can be read
while new ones come.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from reconciler.evidence.scrape.exposition import Page, Series
from reconciler.model.errors import BlindError

KEPT_SECONDS: Final = 3600.0
"""How long a look is kept."""
_SPARE: Final = 1000
"""Columns that may be out of use before they are given up."""
NAMES_SHARE: Final = 0.75
"""Of what a history may hold, how much the names of series may take."""
_KEY: Final = 400
"""Bytes that a series takes beside its texts: tuples, its place in dictionaries."""
_LABEL: Final = 64
"""Bytes that a label takes beside its texts."""
_NUMBER: Final = 8


class Key(NamedTuple):
    """One series of one of the addresses of a service."""

    address: int
    series: Series


@dataclass(frozen=True)
class View:
    """The looks as they are now. ``times`` are UTC seconds and rise; a row has NaN, or no column yet, for no value.

    ``columns`` has the keys by the name of the metric; ``types`` is what the newest page said of its metrics.
    """

    times: Sequence[float]
    rows: Sequence[array[float]]
    columns: Mapping[str, Sequence[tuple[Key, int]]]
    types: Mapping[str, str]

    def value(self, row: int, column: int) -> float | None:
        """Return a number, None where the page had none."""
        numbers = self.rows[row]
        value = numbers[column] if column < len(numbers) else math.nan
        return None if math.isnan(value) else value

    def last_value(self, row: int, column: int) -> float | None:
        """Return the newest number up to a look, that one included; None where no look that is kept had one."""
        while row >= 0 and column < len(self.rows[row]):
            value = self.value(row, column)
            if value is not None:
                return value
            row -= 1
        return None

    def oldest_from(self, moment: float) -> int:
        """Return the index of the oldest look that is not before a moment; one past the end where there is none."""
        return bisect_left(self.times, moment)

    def newest_until(self, moment: float) -> int:
        """Return the index of the newest look that is not after a moment, -1 where there is none."""
        return bisect_right(self.times, moment) - 1


class History:
    """The looks at one service. Not safe for several threads; its owner sees to that."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, array[float]]] = deque()
        self._columns: dict[Key, int] = {}
        self._weights: list[int] = []
        self._types: Mapping[str, str] = {}
        self._held = 0

    def add(self, moment: float, pages: Iterable[Page], most: int) -> None:
        """Take a look, one page from each address; ``most`` is how many numbers' room it all may take together.

        A look that is not after the last one means that the clock went back. Then all earlier ones are forgotten: which
        of them belongs where cannot be told any more.

        Raises:
            BlindError: the names of its series alone take more room than there is. It is as if nobody had looked.
        """
        if self._looks and moment <= self._looks[-1][0]:
            self.forget()
        shown: dict[Key, float] = {}
        types: dict[str, str] = {}
        for address, page in enumerate(pages):
            types |= page.types
            shown |= {Key(address, series): value for series, value in page.values.items()}
        self._make_room(shown, int(most * NAMES_SHARE))
        row = array("d", [math.nan]) * len(self._columns)
        for key, value in shown.items():
            column = self._columns.get(key)
            if column is None:
                self._columns[key] = len(row)
                self._weights.append(_weight(key))
                self._held += self._weights[-1]
                row.append(value)
            else:
                row[column] = value
        self._types = types
        self._looks.append((moment, row))
        self._held += len(row)
        self._trim(moment, most, sum(1 for value in row if not math.isnan(value)))

    def forget(self) -> None:
        """Drop everything."""
        self._looks.clear()
        self._columns = {}
        self._weights = []
        self._types = {}
        self._held = 0

    def view(self) -> View:
        """Return the looks as they are now."""
        columns: dict[str, list[tuple[Key, int]]] = {}
        for key, column in self._columns.items():
            columns.setdefault(key.series.name, []).append((key, column))
        return View(
            tuple(moment for moment, _ in self._looks), tuple(row for _, row in self._looks), columns, self._types
        )

    def _make_room(self, shown: Mapping[Key, float], most: int) -> None:
        """Give up old looks until there is room for the names of a new one beside those that are left."""
        own = sum(_weight(key) for key in shown)
        if own > most:
            if sum(self._weights) > most:
                self.forget()
            raise BlindError(
                "the service shows more series, or longer labels, than there is room for",
                hint="serve fewer, look at fewer services, or ask a Prometheus",
            )
        while self._weighing_with(shown, own) > most:
            # Half of them at once: the rows that stay are copied each time.
            for _ in range((len(self._looks) + 1) // 2):
                self._held -= len(self._looks.popleft()[1])
            self._give_up_columns()

    def _weighing_with(self, shown: Mapping[Key, float], own: int) -> int:
        columns = (self._columns.get(key) for key in shown)
        return sum(self._weights) + own - sum(self._weights[column] for column in columns if column is not None)

    def _trim(self, now: float, most: int, used: int) -> None:
        if self._drop(now, most) and len(self._columns) > 2 * used + _SPARE:
            self._give_up_columns()
            self._drop(now, most)

    def _drop(self, now: float, most: int) -> bool:
        """Drop looks that are too old or too many, all but the newest; return whether there were any."""
        before = len(self._looks)
        while len(self._looks) > 1 and (self._held > most or now - self._looks[0][0] > KEPT_SECONDS):
            self._held -= len(self._looks.popleft()[1])
        return len(self._looks) < before

    def _give_up_columns(self) -> None:
        """Lay out the rows anew without the columns that hold nothing: labels come and go over the weeks."""
        in_use = sorted({column for _, row in self._looks for column, value in enumerate(row) if not math.isnan(value)})
        moved = {column: index for index, column in enumerate(in_use)}
        self._columns = {key: moved[column] for key, column in self._columns.items() if column in moved}
        self._weights = [self._weights[column] for column in in_use]
        rows = [
            (moment, array("d", (row[column] if column < len(row) else math.nan for column in in_use)))
            for moment, row in self._looks
        ]
        self._looks = deque(rows)
        self._held = sum(len(row) for _, row in rows) + sum(self._weights)


def _weight(key: Key) -> int:
    """Return how many numbers' room a series' name and labels take, about."""
    texts = sum(_LABEL + sys.getsizeof(name) + sys.getsizeof(text) for name, text in key.series.labels)
    return (_KEY + texts) // _NUMBER
