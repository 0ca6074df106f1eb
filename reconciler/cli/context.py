"""What a command gets from the frame that it runs in: the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import click


def system_clock() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Frame:
    """Travels as click's ``obj``."""

    clock: Callable[[], datetime] = system_clock


def now() -> datetime:
    """Return the time by the clock that this command line was given."""
    return click.get_current_context().ensure_object(Frame).clock()
