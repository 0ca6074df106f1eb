"""The span of time that an evaluation is about, from what was asked for.

Keptn 1.4.5's rules: start and end; a timeframe before now; or a timeframe from a start. Keptn wanted at least a minute;
here every length above zero will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reconciler.model.duration import go_seconds
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?\Z", re.ASCII)
_LAST: Final = int(datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp())
"""The last moment that can be written; the first one that anything was measured at is 0."""
_EXPECTED: Final = "`--from` and `--to`, `--window`, or `--from` and `--window`"


@dataclass(frozen=True)
class Window:
    """A span of time, ``end`` after ``start``."""

    start: Instant
    end: Instant

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.end - self.start


def resolve(
    now: Instant, *, start: str = "", end: str = "", timeframe: str = "", fallback: Window | None = None
) -> Window:
    """Return the window; ``fallback`` is what an empty wish stands for, in Keptn the time of the tests before it.

    Moments are RFC 3339, UTC where no zone is given, fractions of a second dropped; a timeframe is Go's, as `10m`.

    Raises:
        UserError: for what cannot be read, and for a wish that is no window.
    """
    if not (start or end or timeframe):
        if fallback is None:
            raise UserError("there is no window to evaluate", expected=_EXPECTED, hint="say which time is meant")
        return fallback
    begins, ends = (_moment(text) if text else None for text in (start, end))
    length = _length(timeframe) if timeframe else None
    match begins, ends, length:
        case int(), int(), None:
            return _window(begins, ends)
        case int(), None, int():
            return _window(begins, begins + length)
        case None, None, int():
            return _window(now - length, now)
        case _:
            given = [f"`{name}`" for name, text in (("--from", start), ("--to", end), ("--window", timeframe)) if text]
            what = f"{' and '.join(given)} together are" if len(given) > 1 else f"{given[0]} alone is"
            raise UserError(f"{what} no window", expected=_EXPECTED, hint="leave one out or add one")


def _window(start: int, end: int) -> Window:
    if start >= end:
        raise UserError("the window ends before it has begun", expected="an end after the start", hint="swap the two")
    if start < 0 or end > _LAST:
        hint = "ask for another time"
        raise UserError("the window lies outside of the years 1970 to 9999", expected="a window within", hint=hint)
    return Window(Instant(start), Instant(end))


def _moment(text: str) -> int:
    try:
        if not _MOMENT.match(text):
            raise ValueError(text)  # noqa: TRY301  (one message for both ways of being wrong)
        found = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "write for example `2026-11-21T10:00:00Z`"
        raise UserError(f"`{text}` is no moment", expected="a moment in RFC 3339", hint=hint) from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _length(text: str) -> int:
    length = go_seconds(text)
    if length is None or length < 1:
        raise UserError(
            f"`{text}` is no timeframe", expected="a duration of at least a second", hint="write for example `10m`"
        )
    return int(length)
