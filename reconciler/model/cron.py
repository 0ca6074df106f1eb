"""Cron schedules: five fields as in crontab(5), refused where they are wrong or can never come true.

Read by code of our own: what a schedule means is part of what a replay must reproduce, so it changes only together with
our rules, and never with the version of a library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from reconciler.model.errors import Place, UserError
from reconciler.model.reader import shown

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(
    r"(?:(?P<any>\*)|(?P<low>[0-9]{1,2}|[A-Za-z]{3})(?:-(?P<high>[0-9]{1,2}|[A-Za-z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?\Z"
)


@dataclass(frozen=True)
class Schedule:
    """When something begins, in UTC. ``weekdays`` count from Sunday, 0 to 6.

    ``either`` says that a day is meant if its day of the month or its day of the week is, since both are restricted:
    neither of the two fields begins with `*` (crontab(5), as Debian's cron has it). Otherwise both must be.
    """

    written: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def on(self, day: date) -> bool:
        """Whether it begins on this day, at each of its hours and minutes."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either else of_month and of_week


def schedule(text: str, place: Place) -> Schedule:
    """Read minute, hour, day of month, month and day of week, each `*`, a number or name, a range, a list or a step.

    Raises:
        UserError: naming the field that is wrong, or that there is no such day.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise UserError(
            f"the schedule `{shown(text)}` has {len(fields)} fields",
            place=place,
            expected="five: minute, hour, day of month, month, day of week",
            hint="write for example `0 18 * * FRI`, in UTC",
        )
    values = [_values(field, *allowed, place) for field, allowed in zip(fields, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = values
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    if not either and not any(min(days) <= _LONGEST_MONTHS[month - 1] for month in months):
        raise UserError(
            f"no month of `{shown(text)}` has such a day",
            place=place,
            expected="a day that there is in some year",
            hint="the third field is the day of the month, the fourth is the month",
        )
    weekdays = frozenset(day % 7 for day in weekdays)
    return Schedule(" ".join(fields), minutes, hours, days, months, weekdays, either)


def _values(field: str, name: str, low: int, high: int, words: tuple[str, ...], place: Place) -> frozenset[int]:
    found = [_part(part, low, high, words) for part in field.split(",")]
    if not all(found):
        raise UserError(
            f"`{shown(field)}` is no {name}",
            place=place,
            expected=f"`*`, or numbers from {low} to {high}" + (f" or {words[0]} to {words[-1]}" if words else ""),
            hint="lists are written `1,15`, ranges `1-5`, steps `*/10` or `10-50/10`",
        )
    return frozenset(value for part in found for value in part)


def _part(part: str, low: int, high: int, words: tuple[str, ...]) -> range:
    """Return the values that one item of a list stands for; none where it is wrong."""
    nothing = range(0)
    match = _PART.match(part)
    if match is None:
        return nothing
    step = int(match["step"] or 1)
    if step == 0 or (match["step"] and not match["any"] and not match["high"]):
        return nothing  # crontab(5) has steps after `*` and ranges only; other crons disagree on what `5/10` is
    if match["any"]:
        return range(low, high + 1, step)
    first = _number(match["low"], low, words)
    last = _number(match["high"], low, words) if match["high"] else first
    if match["high"] and match["high"].upper() == _DAYS[0] and words is _DAYS:
        last = high  # the Sunday that ends `FRI-SUN`
    fits = first is not None and last is not None and low <= first <= last <= high
    return range(first, last + 1, step) if fits and first is not None and last is not None else nothing


def _number(text: str, low: int, words: tuple[str, ...]) -> int | None:
    if text.isdigit():
        return int(text)
    return words.index(text.upper()) + low if text.upper() in words else None
