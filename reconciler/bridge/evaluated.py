"""Evaluations over time: the heatmap of a service's indicators, and the chart of one of them with what was done.

Both are made of what steps recorded; nothing is measured for a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.decide.evaluation.shown import shown
from reconciler.model.instant import Instant
from reconciler.repo.chronicle_records import PastEvaluation, PastStep

COLUMNS: Final = 30
"""Evaluations of a heatmap."""
SIGNS: Final = {"pass": "✓", "warning": "!", "fail": "✗", "no data": "?", "info": "i", "": " "}
"""What stands in a cell beside its colour."""
_WIDTH: Final = 720
_HEIGHT: Final = 220
_LEFT: Final = 64
_RIGHT: Final = 16
_TOP: Final = 20
_BOTTOM: Final = 32
_MARKS: Final = 60
_LINES: Final = 4
"""Parts that a grid has, about."""
_TINY: Final = 1e-300
"""Beyond this, and its inverse, numbers are no longer divided evenly."""


@dataclass(frozen=True)
class Cell:
    """One indicator in one evaluation. ``result`` empty: it was no part of it."""

    result: str
    value: str = ""

    @property
    def sign(self) -> str:
        """What says the result without a colour."""
        return SIGNS.get(self.result, " ")


@dataclass(frozen=True)
class Heatmap:
    """Evaluations from left to right, the newest last; the first row is the result of the whole."""

    evaluations: tuple[PastEvaluation, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]

    @property
    def slis(self) -> tuple[str, ...]:
        """The indicators."""
        return tuple(name for name, _, _ in self.rows)

    def label(self, sli: str) -> str:
        """Return what people call an indicator."""
        return next((label for name, label, _ in self.rows if name == sli), sli)


def heatmap(evaluations: Sequence[PastEvaluation]) -> Heatmap:
    """Return the heatmap of evaluations that come with the newest first."""
    ordered = tuple(reversed(evaluations))
    labels: dict[str, str] = {}
    for each in evaluations:
        for indicator in each.indicators:
            labels.setdefault(
                str(indicator.get("sli", "")), str(indicator.get("displayName") or indicator.get("sli", ""))
            )
    by_name = [{str(one.get("sli", "")): one for one in each.indicators} for each in ordered]
    rows = tuple((name, label, tuple(_cell(known.get(name)) for known in by_name)) for name, label in labels.items())
    return Heatmap(ordered, rows)


def _cell(indicator: Mapping[str, Any] | None) -> Cell:
    if indicator is None:
        return Cell("")
    value = _number(indicator.get("value"))
    if value is None:
        return Cell("no data")
    status = str(indicator.get("status", ""))
    return Cell(status if status in SIGNS else "info", shown(value)[0])


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


@dataclass(frozen=True)
class Dot:
    """A recorded value: where it stands in the picture, and what it is."""

    x: float
    y: float
    value: str
    result: str
    when: Instant


@dataclass(frozen=True)
class Deed:
    """An action in the picture, by a number that the list below it explains."""

    x: float
    number: int
    step: PastStep


@dataclass(frozen=True)
class Tick:
    """A line of the grid with its value."""

    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """An indicator's values over time in a picture of ``width`` by ``height``, with what was done meanwhile."""

    sli: str
    dots: tuple[Dot, ...]
    deeds: tuple[Deed, ...]
    ticks: tuple[Tick, ...]
    start: Instant
    end: Instant
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    right: int = _WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = _HEIGHT - _BOTTOM

    @property
    def points(self) -> str:
        """The line through the values, as SVG has it."""
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


def chart(sli: str, evaluations: Sequence[PastEvaluation], decisions: Iterable[PastStep]) -> Chart | None:
    """Return the chart of an indicator; None where no value of it was recorded. The newest evaluations come first."""
    found = [
        (each.end, value, str(one.get("status", "")))
        for each in reversed(evaluations)
        for one in each.indicators
        if str(one.get("sli", "")) == sli and (value := _number(one.get("value"))) is not None
    ]
    if not found:
        return None
    deeds = sorted(decisions, key=lambda step: step.order)[-_MARKS:]
    moments = [*(when for when, _, _ in found), *(step.now for step in deeds)]
    start, end = min(moments), max(moments)
    grid = _grid([value for _, value, _ in found])
    low, high = grid[0], grid[-1]
    # The highest floats have no difference that is one, and of the smallest there are no halves.
    part = 1.0 if math.isfinite(high - low) else 0.5

    def x(when: Instant) -> float:
        share = (when - start) / (end - start) if end > start else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (high * part - value * part) / (high * part - low * part) * (_HEIGHT - _TOP - _BOTTOM)

    dots = tuple(Dot(x(when), y(value), shown(value)[0], result, when) for when, value, result in found)
    ticks = tuple(Tick(y(value), text) for value, text in zip(grid, shown(*grid), strict=True))
    marks = tuple(Deed(x(step.now), number, step) for number, step in enumerate(deeds, 1))
    return Chart(sli, dots, marks, ticks, start, end)


def _grid(values: Sequence[float]) -> list[float]:
    """Return the values of the picture's lines, from the lowest to the highest: round ones, and zero is one of them.

    With zero in the picture heights can be compared.
    """
    low, high = min(0.0, *values), max(0.0, *values)
    if high == low:
        return [0.0, 1.0]
    rough = high / _LINES - low / _LINES
    if not _TINY < rough < 1 / _TINY:
        return [low, high]
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10, 20) if size * factor >= rough)
    return [number * step for number in range(math.floor(low / step), math.ceil(high / step) + 1)]
