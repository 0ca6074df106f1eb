"""What a query makes of the looks at a service that lie in a window.

Nothing is extrapolated: a counter is counted from the first look in the window to the last. One that fell was set back
to 0, as in Prometheus. Before it was shown for the first time it is 0 (unlike in Prometheus), since the first failures
of a service are what an evaluation must not miss; afterwards it keeps its last value while pages don't show it, as
those of services that collect from others at times don't. Otherwise all that it ever counted would be counted again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.evidence.scrape.histogram import quantile
from reconciler.evidence.scrape.history import Key, View
from reconciler.evidence.scrape.query import Counter, Function, Gauge, Quantile, Query, Ratio, Selector
from reconciler.model.errors import BlindError, UserError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.suggest import did_you_mean

EDGE: Final = 2.0
"""Intervals between looks by which the first and the last look may miss the window's start and end."""
SHARE: Final = 0.5
"""Of the looks that a window should have, how many must be there."""
_COUNTED: Final = frozenset({"counter", "histogram"})
_OVER_TIME: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "avg": lambda values: math.fsum(values) / len(values),
    "max": max,
    "min": min,
    "last": lambda values: values[-1],
}


@dataclass(frozen=True)
class Value:
    """A query's value, finite. ``caveat`` says what to know of it, mostly nothing."""

    number: float
    caveat: str = ""


@dataclass(frozen=True)
class Span:
    """The looks from ``first`` to ``last``, by index, both in it."""

    first: int
    last: int


def covering(view: View, start: float, end: float, every: float) -> Span:
    """Return the looks in a window, in UTC seconds; ``every`` are the seconds between two looks.

    Raises:
        BlindError: they do not cover the window.
    """
    if not view.times:
        raise BlindError("the service has not shown its metrics yet")
    first, last = view.oldest_from(start), view.newest_until(end)
    if view.times[0] > min(end, start + EDGE * every):
        raise BlindError(f"not looked at from the window's start on, but from {_moment(view.times[0])} on")
    if last < first or view.times[last] < end - EDGE * every:
        raise BlindError(f"no metrics from {_moment(view.times[last])} to the window's end")
    if view.times[first] > start + EDGE * every:
        raise BlindError(f"no metrics from the window's start to {_moment(view.times[first])}")
    expected = (end - start) / every
    if last == first or last - first + 1 < expected * SHARE:
        raise BlindError(
            f"{last - first + 1} of {max(2, round(expected))} looks in the window showed metrics",
            hint="ask for a longer window, or look more often",
        )
    return Span(first, last)


class Measuring:
    """Answers queries about one span of looks, and about parts of it. What is common to several answers is kept."""

    def __init__(self, view: View, span: Span) -> None:
        self._view = view
        self._span = span
        self._chosen: dict[tuple[str, Selector], Sequence[tuple[Key, int]]] = {}
        self._grown: dict[int, Sequence[float]] = {}

    def value(self, query: Query, part: Span | None = None) -> Value:
        """Return a query's value over the span, or over a part of it.

        Raises:
            BlindError: there is none, and why.
            UserError: the query does not suit the metrics; a person must change it.
        """
        found = self._function(query.function, part or self._span)
        number = found.number * query.factor
        if not math.isfinite(number):
            raise BlindError(f"`{query.text}` is {number}, which is no number to compare with")
        return Value(number, found.caveat)

    def _function(self, function: Function, span: Span) -> Value:
        match function:
            case Counter(selector, per_second):
                grown = self._increase(selector, span)
                return Value(
                    grown / (self._view.times[span.last] - self._view.times[span.first]) if per_second else grown
                )
            case Ratio(part, whole):
                divisor = self._increase(whole, span)
                if divisor <= 0:
                    raise BlindError(f"`{whole.name}` did not grow in the window, so there is nothing to divide by")
                return Value(self._increase(part, span) / divisor)
            case Quantile(q, selector):
                return self._quantile(q, selector, span)
            case Gauge(how, selector):
                return Value(_OVER_TIME[how](self._gauge(selector, span)))

    def _increase(self, selector: Selector, span: Span) -> float:
        series = self._series(selector.name, selector, counted=True)
        return math.fsum(self._growth(column, span) for _, column in series)

    def _growth(self, column: int, span: Span) -> float:
        """Return by how much a counter grew, from sums that are made once for the whole span."""
        if column not in self._grown:
            sums = [0.0]
            before = self._view.last_value(self._span.first, column) or 0.0
            for row in range(self._span.first + 1, self._span.last + 1):
                now = self._view.value(row, column)
                if now is None:
                    now = before
                sums.append(sums[-1] + (now - before if now >= before else now))
                before = now
            self._grown[column] = sums
        sums_of = self._grown[column]
        return sums_of[span.last - self._span.first] - sums_of[span.first - self._span.first]

    def _quantile(self, q: float, selector: Selector, span: Span) -> Value:
        name = f"{selector.name}_bucket"
        buckets: list[tuple[float, float]] = []
        for key, column in self._series(name, selector, counted=True):
            bound = key.series.label("le")
            try:
                buckets.append((float(bound), self._growth(column, span)))
            except ValueError as error:
                raise BlindError(f"a bucket of `{selector.name}` ends at `{bound[:20]}`, which is no number") from error
        if not buckets:
            raise BlindError(f"`{selector.name}` has no buckets with these labels")
        found = quantile(q, buckets)
        return Value(found.value, _at_least(selector.name, found.value) if found.open_ended else "")

    def _gauge(self, selector: Selector, span: Span) -> list[float]:
        """Return the gauge at each look that shows it, the addresses of the service added up."""
        series = self._series(selector.name, selector, counted=False)
        at_each: list[float] = []
        for row in range(span.first, span.last + 1):
            shown = [(key, value) for key, column in series if (value := self._view.value(row, column)) is not None]
            if len({key.address for key, _ in shown}) < len(shown):
                raise UserError(
                    f"several series of `{selector.name}` fit at once",
                    expected="one series",
                    hint='say which one, as in `{label="value"}`',
                )
            if shown:
                at_each.append(math.fsum(value for _, value in shown))
        if not at_each:
            raise BlindError(f"`{selector.name}` has no value with these labels in the window")
        return at_each

    def _series(self, name: str, selector: Selector, *, counted: bool) -> Sequence[tuple[Key, int]]:
        asked = (name, selector)
        if asked not in self._chosen:
            _suit(self._view, name, counted=counted)
            self._chosen[asked] = _chosen(self._view, name, selector)
        return self._chosen[asked]


def _chosen(view: View, name: str, selector: Selector) -> Sequence[tuple[Key, int]]:
    """Return the series that are meant. A label that none of the metric's series has is a mistake, not a mismatch."""
    series = view.columns.get(name, ())
    labels = sorted({label for key, _ in series for label, _ in key.series.labels})
    for matcher in selector.matchers:
        if series and matcher.label not in labels:
            raise UserError(
                f"no series of `{name}` has a label `{matcher.label}`",
                expected=", ".join(f"`{label}`" for label in labels) or "no label",
                hint=did_you_mean(matcher.label, labels),
            )
    return [(key, column) for key, column in series if selector.fits(key.series)]


def _suit(view: View, name: str, *, counted: bool) -> None:
    """Refuse a metric that is not there at all, and a function that does not suit its kind."""
    family, kind = _family(view, name)
    if name not in view.columns and not kind:
        hint = did_you_mean(name, sorted({*view.columns, *view.types}))
        raise BlindError(f"the service has no metric `{name}`", hint=hint)
    if counted and kind == "gauge":
        raise UserError(
            f"`{family}` is a gauge, which goes up and down", expected="a counter or histogram", hint="use `avg`"
        )
    if not counted and kind in _COUNTED:
        raise UserError(f"`{family}` is a {kind}, which only grows", expected="a gauge", hint="use `rate`")


def _family(view: View, name: str) -> tuple[str, str]:
    """Return the metric that a series' name belongs to and its kind; in OpenMetrics a counter's name lacks `_total`."""
    for suffix in ("", "_bucket", "_total", "_count", "_sum"):
        family = name.removesuffix(suffix)
        if name.endswith(suffix) and family in view.types:
            return family, view.types[family]
    return name, ""


def _at_least(name: str, bound: float) -> str:
    return f"it lies above the highest bucket of `{name}`, {bound:g}, which is shown in its place"


def _moment(seconds: float) -> str:
    return format_instant(Instant(int(seconds)))
