"""How a daemon stops: its loops have their time, what is closed after them has the rest, and then the process ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.clock import Clock
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.net.threads import NoThreadError, start

STOP_WITHIN: Final = 25.0
"""Seconds that loops have to end: a stop has thirty, and the end of the process is a part of it."""
_GONE_WITHIN: Final = 29.0
"""Seconds after which the process of a daemon that stops ends, whatever is still being closed or waited for."""


@contextmanager
def limited(log: FilteringBoundLogger) -> Iterator[threading.Timer]:
    """Yield what ends the process in time once it is begun (`begin`), unless this is left before."""

    def give_up() -> None:
        # What is durable is, and what is not is done again by who comes next.
        log.error("not all was closed in time; the process ends", seconds=_GONE_WITHIN)
        os._exit(1)

    limit = threading.Timer(_GONE_WITHIN, give_up)
    limit.daemon = True
    try:
        yield limit
    finally:
        limit.cancel()


def begin(limit: threading.Timer) -> None:
    """Let the time run in which the process ends."""
    with suppress(NoThreadError):  # what is waited for has bounds of its own, which only add up to more
        start(limit)


def end(
    loops: Sequence[ProjectLoop], threads: Sequence[threading.Thread], clock: Clock, log: FilteringBoundLogger
) -> None:
    """Let loops finish what is in hand; ``threads`` are those that run."""
    for loop in loops:
        loop.stop()
    deadline = clock.monotonic() + STOP_WITHIN
    for thread in threads:
        thread.join(max(deadline - clock.monotonic(), 0.0))
    if any(thread.is_alive() for thread in threads):
        # Its mirror is still in use: neither may it be closed nor a second loop begin on it.
        log.error("a project did not stop in time; the process ends", seconds=STOP_WITHIN)
        os._exit(1)
