"""When to look again: growing pauses with jitter, from a seed."""

from __future__ import annotations

import random


class Backoff:
    """Pauses of one thing that does not work yet, in seconds: they double from ``first`` up to ``most``."""

    def __init__(self, first: float, most: float, *, seed: int = 0, jitter: float = 0.2) -> None:
        self._first = first
        self._most = most
        self._jitter = jitter
        self._random = random.Random(seed)  # noqa: S311  (spreads load; no secret depends on it)
        self._tries = 0

    def next(self) -> float:
        """Return the next pause."""
        pause = min(self._first * 2.0**self._tries, self._most)
        self._tries = min(self._tries + 1, 30)
        return pause * (1 + self._jitter * (2 * self._random.random() - 1))

    def reset(self) -> None:
        """Start again from the first pause: it worked."""
        self._tries = 0
