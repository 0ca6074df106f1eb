"""What was undone without anybody's answer is done anew, later each time: a bot may tidy up as fast as we propose."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from reconciler.daemon.backoff import Backoff

_PAUSES: Final = (60.0, 3600.0)
"""The first and the longest pause, in seconds. The first time it is done at once."""


class Anew:
    """One thread. ``names`` are those of branches."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._known: dict[str, tuple[Backoff, int, float]] = {}

    def may(self, name: str, now: float) -> bool:
        """Whether it may be done now, which counts as once more."""
        pauses, times, until = self._known.get(name, (Backoff(*_PAUSES, seed=self._seed), 0, 0.0))
        if now < until:
            return False
        self._known[name] = pauses, times + 1, now + pauses.next()
        return True

    def times(self, name: str) -> int:
        """Return how often it was done."""
        return self._known[name][1] if name in self._known else 0

    def keep(self, names: Collection[str]) -> None:
        """Know nothing of others any more."""
        self._known = {name: known for name, known in self._known.items() if name in names}
