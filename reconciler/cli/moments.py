"""Moments and lengths of time as people write and read them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import click

from reconciler.cli.context import now
from reconciler.model.instant import Instant, checked_instant, instant_of

_AGO: Final = re.compile(r"(?P<count>\d{1,6})(?P<unit>[smhdw])\Z")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_FORMS: Final = "30d, 12h, 45m (so long ago), 2026-11-21 or 2026-11-21T10:00:03Z"


def as_moment(text: str) -> Instant | None:
    """Read a moment: a date or RFC 3339 (in UTC where it has no zone), or how long ago; None for anything else."""
    ago = _AGO.match(text)
    try:
        if ago is not None:
            return checked_instant(int(now().timestamp()) - int(ago["count"]) * _SECONDS[ago["unit"]])
        return instant_of(datetime.fromisoformat(text)) if _DATE.match(text) is not None else None
    except ValueError:
        return None


class MomentType(click.ParamType[Instant]):
    """A moment on the command line."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Instant:
        """Read it, or say what can be read."""
        found = value if isinstance(value, int) else as_moment(str(value))
        if found is None:
            self.fail(f"{value!r} is no moment; write {_FORMS}", param, ctx)
        return Instant(found)


MOMENT: Final = MomentType()


def lasted(seconds: float | None) -> str:
    """Return a length of time in its two largest units: `5m 31s`; empty for None."""
    if seconds is None:
        return ""
    rest = round(seconds)
    parts: list[str] = []
    for unit in ("w", "d", "h", "m", "s"):
        count, rest = divmod(rest, _SECONDS[unit])
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])
