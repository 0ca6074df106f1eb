"""Times as senders write them: RFC 3339 with any offset and up to nanoseconds, or milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_FORM: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([-+])([0-9]{2}):([0-9]{2}))\Z"
)
_LAST_MILLISECOND: Final = 253_402_300_799_999
"""The end of the year 9999."""


def moment(text: object) -> datetime | None:
    """Return the time in UTC, cut to microseconds; None for anything that is no time after 1970."""
    match = _FORM.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, hours, minutes = match.groups()[6:]
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        local = datetime(year, month, day, hour, minute, second, int(f"{fraction or 0:0<6}"[:6]), tzinfo=zone)
        found = local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year >= 1970 else None


def from_milliseconds(value: object) -> datetime | None:
    """Return the time that many milliseconds after 1970; None for what is no such number, and for 0 and -1."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_LAST_MILLISECOND)):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LAST_MILLISECOND:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)


def in_a_name(when: datetime) -> str:
    """Return the time as parts of file names have it: `20261121T100000.123Z`."""
    return f"{when:%Y%m%dT%H%M%S}.{when.microsecond // 1000:03}Z"


def written(when: datetime) -> str:
    """Return the time as RFC 3339 in UTC with microseconds."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond:06}Z"


def of_seconds(seconds: float) -> str:
    """Return seconds since 1970 as `written` writes them; empty where no calendar has them."""
    try:
        return written(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return ""
