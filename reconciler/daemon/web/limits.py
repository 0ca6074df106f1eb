"""What anybody may use of the webhooks' server: time, bytes, and how much of it at once.

All of it bounds what strangers can make the daemon hold; nothing here knows what a request says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.model.addresses import whose

HEAD_BYTES: Final = 16 * 1024
"""Bytes of a request's line and headers at the most."""
BODIES: Final = 8
"""How many bodies of the largest size may be in work at the same time, of senders that are known before they come."""
STRANGERS: Final = 4
"""The same for `hmac`, which tells who sent a body only when it has come, and for `none`: in a share of their own."""
_ADDRESSES: Final = 4096
"""Addresses whose rate is remembered; more make the server forget who was quiet for longest."""


@dataclass(frozen=True)
class Limits:
    """Seconds, counted from the first byte of a request unless it says otherwise.

    ``read``: head and body have come. ``answer``: the answer goes out; Alertmanager gives up after 10 s. ``gone``: the
    answer has been taken, or the connection is cut. ``idle``: between two requests, and before the first byte.
    ``linger``: after an answer that did not need the body, for the sender to read it before the connection is closed.
    """

    read: float = 5.0
    answer: float = 8.0
    gone: float = 12.0
    idle: float = 15.0
    linger: float = 1.0
    linger_bytes: int = 1 << 20


class Rate:
    """Requests a second of each address, by a bucket that holds two seconds' worth (at least one request)."""

    def __init__(self, per_second: float, monotonic: Callable[[], float]) -> None:
        self._rate = per_second
        self._most = max(2 * per_second, 1.0)
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Count a request. Return 0 where it may come, else the seconds until the next one may.

        Addresses of one IPv6 network are one.
        """
        if not self._rate:
            return 0.0
        now, address = self._monotonic(), whose(address)
        left, at = self._buckets.get(address, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[address] = (left - 1 if allowed else left, now)
        self._buckets.move_to_end(address)
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


class Work:
    """How many requests are in work, and how many bytes of bodies they hold. Used by one thread."""

    def __init__(self, requests: int, size: int) -> None:
        self._free = requests
        self._size = size

    def enter(self) -> Share | None:
        """Return a share, to be left when the answer is made; None where there is no room for another request."""
        if not self._free:
            return None
        self._free -= 1
        return Share(self)

    def _hold(self, size: int) -> bool:
        if size > self._size:
            return False
        self._size -= size
        return True

    def _give_back(self, size: int) -> None:
        self._size += size

    def _leave(self, size: int) -> None:
        self._free += 1
        self._give_back(size)


class Share:
    """What one request has of it."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._held = 0

    def hold(self, size: int) -> bool:
        """Whether there is room for so many more bytes, which are then held."""
        found = self._work._hold(size)  # noqa: SLF001  the two are one thing
        self._held += size if found else 0
        return found

    def hold_only(self, size: int) -> None:
        """Give everything back but so many bytes, or all of them where there is no room for as many."""
        self._work._give_back(self._held)  # noqa: SLF001  the two are one thing
        self._held = 0
        self.hold(size)

    def leave(self) -> None:
        """Give all of it back."""
        self._work._leave(self._held)  # noqa: SLF001  the two are one thing
