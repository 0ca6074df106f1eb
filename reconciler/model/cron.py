"""The form of cron schedules: five fields as in crontab(5), checked before anything relies on them."""

from __future__ import annotations

import re

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
_PART = re.compile(
    r"(?:(?P<any>\*)|(?P<low>[0-9]{1,2}|[A-Za-z]{3})(?:-(?P<high>[0-9]{1,2}|[A-Za-z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?\Z"
)


def check_schedule(text: str, place: Place) -> None:
    """Check minute, hour, day of month, month and day of week, each `*`, a number or name, a range, a list or a step.

    Raises:
        UserError: naming the field that is wrong.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise UserError(
            f"the schedule `{shown(text)}` has {len(fields)} fields",
            place=place,
            expected="five: minute, hour, day of month, month, day of week",
            hint="write for example `0 18 * * FRI`, in UTC",
        )
    for field, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(part, low, high, words) for part in field.split(",")):
            raise UserError(
                f"`{shown(field)}` is no {name}",
                place=place,
                expected=f"`*`, or numbers from {low} to {high}" + (f" or {words[0]} to {words[-1]}" if words else ""),
                hint="lists are written `1,15`, ranges `1-5`, steps `*/10`",
            )


def _fits(part: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    match = _PART.match(part)
    if match is None or match["step"] == "0" or (match["step"] and int(match["step"]) == 0):
        return False
    if match["any"]:
        return True
    first = _number(match["low"], low, words)
    last = _number(match["high"], low, words) if match["high"] else first
    return first is not None and last is not None and low <= first <= last <= high


def _number(text: str, low: int, words: tuple[str, ...]) -> int | None:
    if text.isdigit():
        return int(text)
    return words.index(text.upper()) + low if text.upper() in words else None
