"""Moments as whole seconds since 1970 in UTC: the resolution of `Now:` trailers, deadlines and waits."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NewType

from reconciler.model.errors import UserError

Instant = NewType("Instant", int)
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


_PADDED = 1000
"""The first year whose four digits need no help: before it, the two ways to write one differ."""
_FIRST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
_REMEMBERED = 1024
"""Moments whose form is remembered: a step writes the same few several times."""


@lru_cache(_REMEMBERED)
def format_instant(instant: Instant) -> str:
    """Return the instant as RFC 3339 in UTC, `2026-11-21T10:00:03Z`."""
    moment = datetime.fromtimestamp(instant, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment.year < _PADDED else f"{moment.isoformat()[:19]}Z"


def instant_of(moment: datetime) -> Instant:
    """Return the instant of a moment, in UTC where it has no zone. Raises ValueError where UTC has no year for it."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return checked_instant(int(aware.timestamp()))


def checked_instant(seconds: int) -> Instant:
    """Return seconds since 1970 as an instant. Raises ValueError outside of the years 1 to 9999."""
    if not _FIRST <= seconds <= _LAST:
        raise ValueError(f"{seconds} s since 1970 are in no year from 1 to 9999")
    return Instant(seconds)


@lru_cache(_REMEMBERED)
def parse_instant(text: str) -> Instant:
    """Read what `format_instant` wrote. Raises UserError for anything else."""
    try:
        if not _FORM.match(text):
            raise ValueError(text)  # noqa: TRY301  (one message for both ways of being wrong)
        return Instant(int(datetime.fromisoformat(text).timestamp()))
    except ValueError as error:
        raise UserError(f"{text!r} is no moment", expected="UTC with seconds, 2026-11-21T10:00:03Z") from error
