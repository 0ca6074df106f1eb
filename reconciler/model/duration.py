"""Lengths of time as people write them: `30s`, `10m`, `1h30m`, `30d`. Always seconds inside."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 10 * 366 * 86400
"""Ten years in seconds; more is a slip of the pen, and less arithmetic to worry about."""

_WHOLE = re.compile(r"(?=[0-9])(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?\Z")
_GO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|us|µs|ns|h|m|s|d)")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def seconds(text: str) -> int | None:
    """Return whole seconds of `1d2h3m4s` (each part optional, in this order), or None for any other text."""
    match = _WHOLE.match(text)
    if match is None or not match.group():
        return None
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    total = days * 86400 + hours * 3600 + minutes * 60 + rest
    return total if total <= LONGEST else None


def go_seconds(text: str) -> float | None:
    """Return seconds of a duration as Go's `time.ParseDuration` reads it (Keptn's form), and `d` for days, or None."""
    total, position = 0.0, 0
    for match in _GO.finditer(text):
        if match.start() != position:
            return None
        total += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    return total if text and position == len(text) and total <= LONGEST else None


def written(length: float) -> str:
    """Return the shortest text that `seconds` reads back to ``length`` seconds; fractions are dropped."""
    rest, text = int(length), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
