"""What wakes a waiting thread from anywhere, from a signal handler too.

A handler runs in the main thread, between any two instructions of it: those of `threading.Event.wait` as well, while
they hold the lock that `set` needs. Such an event is never set, and the process does not end. Nor does a handler run
while the main thread is kept in a system call that the signal did not interrupt: one that had not begun yet, or the
signal came to another thread. So nobody waits for long without looking up.
"""

from __future__ import annotations

from math import inf
from queue import Empty, SimpleQueue

_AGAIN = 0.5
"""Seconds at most until a handler runs whose signal interrupted no wait."""


class Bell:
    """Is rung, and heard by the one thread that waits for it."""

    def __init__(self) -> None:
        # Of all that wakes a thread in Python this alone is documented to be reentrant.
        self._strokes: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Wake who waits, now or the next time. Safe in a signal handler, and from any thread."""
        self._strokes.put(None)

    def wait(self, seconds: float = inf) -> bool:
        """Wait for it to be rung, at most for so long; returns whether it was since this was asked last."""
        left = seconds
        while True:
            try:
                self._strokes.get(timeout=min(left, _AGAIN))
                break
            except Empty:
                left -= _AGAIN
                if left <= 0:
                    return False
        while not self._strokes.empty():  # however often it was rung, it was for what is looked at next
            self._strokes.get_nowait()
        return True
