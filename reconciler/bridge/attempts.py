"""How often passwords may be tried: by one address, and by all of them together.

Only wrong ones count, and nothing of them is kept but when they came. Whoever guesses stops only whoever shares the
address. Where very many guess together, each address has one try at a time; who has not failed of late notices nothing.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.model.addresses import whose

PAUSE: Final = 60.0
"""Seconds after a wrong password until the next one from there is looked at, while all together try too often."""
_REMEMBERED: Final = 4096


@dataclass
class _Bucket:
    """So many at once, and so many more each second."""

    most: float
    each: float
    left: float
    at: float

    def fill(self, now: float) -> float:
        """Return what is left."""
        self.left = min(self.most, self.left + (now - self.at) * self.each)
        self.at = now
        return self.left

    def take(self, now: float) -> None:
        """Take one, where there is one."""
        self.left = max(0.0, self.fill(now) - 1)


class Attempts:
    """Counts wrong passwords: ten at once from an address and then ten a minute, a hundred and one a second of all.

    One thread; ``now`` tells seconds that never go back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._of: OrderedDict[str, tuple[_Bucket, float]] = OrderedDict()
        self._all = _Bucket(100.0, 1.0, 100.0, now())

    def wait(self, address: str) -> float:
        """Return the seconds until a password from there is looked at again, 0 where it is looked at now."""
        known = self._of.get(whose(address))
        if known is None:
            return 0.0
        bucket, failed = known
        now = self._now()
        left = bucket.fill(now)
        wait = 0.0 if left >= 1 else (1 - left) / bucket.each
        return max(wait, failed + PAUSE - now) if self._all.fill(now) < 1 else wait

    def failed(self, address: str) -> None:
        """Count a wrong password."""
        them, now = whose(address), self._now()
        bucket = self._of.pop(them)[0] if them in self._of else _Bucket(10.0, 1 / 6, 10.0, now)
        bucket.take(now)
        self._all.take(now)
        self._of[them] = (bucket, now)
        while len(self._of) > _REMEMBERED:
            self._of.popitem(last=False)
