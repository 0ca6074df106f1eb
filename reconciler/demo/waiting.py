"""Waiting for what must happen, never longer than agreed, and saying what was seen instead if it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from reconciler.model.errors import TerminalError

_T = TypeVar("_T")


class NotYetError(Exception):
    """It has not happened so far; the message is what was seen instead."""


class UnmetError(TerminalError):
    """What the demo waited for did not happen."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for one expectation and between two looks, in seconds, and by which clock."""

    seconds: float = 30.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    between: float = 0.1

    def until(self, what: str, look: Callable[[], _T], *, alive: Callable[[], None] = lambda: None) -> _T:
        """Return what ``look`` returns once it no longer raises NotYetError.

        ``alive`` is asked before each look and raises where waiting makes no sense any more.

        Raises:
            UnmetError: it took too long; names ``what`` and what was seen last.
        """
        end = self.monotonic() + self.seconds
        while True:
            alive()
            try:
                return look()
            except NotYetError as error:
                if self.monotonic() >= end:
                    raise UnmetError(f"waited {self.seconds:g} s for {what}; last seen: {error}") from error
            self.sleep(self.between)
