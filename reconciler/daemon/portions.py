"""How many services one push is about: some hundreds of those that wait, and fewer while others push first.

Between the tip that a decision stands on and its push lies the time that deciding and writing take, which grows with
the number of steps. Where people push every second a thousand steps would lose every time, and nobody would be helped.
So each push that loses is followed by a smaller one, and each that lands by a larger one. It never becomes as large as
a storm is: what one push was about is applied while the next one is decided and written (ADR 0255).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from reconciler.daemon.dispatch import FRESH
from reconciler.model.names import ServicePath

_SHRINKS: Final = 4
_GROWS: Final = 2
_SMALL: Final = 64
"""Services whose deciding and writing takes about as long as a push: with fewer of them little time is won."""
_FIRST: Final = 256
"""Services of the first push where many wait: so many are decided about in less than half a second."""
_MOST: Final = 1024
"""Services that one push is about at most."""
_STUBBORN: Final = 8
"""Losses in a row after which it is fewer all the same."""

_AGEING: Final = FRESH / 3
_OLD: Final = FRESH * 0.9
"""Seconds after which a part of twice the size would be too slow for what was seen, and this one nearly is."""
_ALONE: Final = 4
"""Pushes that land in a row after which nobody else is pushing any more."""
_SLOW: Final = FRESH / 3
"""Seconds of a push that is so slow by itself that no smaller part would be done in time."""


class Portions:
    """Chooses which services are looked at together. One owner thread."""

    def __init__(self) -> None:
        self._most = _FIRST
        self._lost = 0
        self._landed = 0
        self._excused = False
        self._grows = True
        self._alone = True
        self._contested = False

    def begin(self) -> None:
        """Note that a pass begins: what was larger for the last one's sake is not any more."""
        self._most = min(self._most, _FIRST)

    def choose(
        self, waiting: set[ServicePath], chosen: Iterable[ServicePath],
        in_turn: Callable[[Iterable[ServicePath]], Sequence[ServicePath]], *, landed: Iterable[ServicePath] = (),
    ) -> set[ServicePath]:  # fmt: skip
        """Return what is looked at now: of ``waiting`` what was ``chosen`` before, then the others as they come.

        What has ``landed`` together stays together until it is applied, and takes its room before the others.
        """
        whole = waiting.intersection(landed) if not self._contested else set[ServicePath]()
        room = max(self._most - len(whole), 0)
        left = waiting - whole
        if len(left) <= room:
            return set(waiting)
        kept = in_turn(sorted(left.intersection(chosen)))[:room]
        others = in_turn(sorted(left.difference(kept)))[: room - len(kept)]
        return {*whole, *kept, *others}

    def following(
        self, waiting: set[ServicePath], in_turn: Callable[[Iterable[ServicePath]], Sequence[ServicePath]]
    ) -> set[ServicePath]:
        """Return what will most likely be looked at next, if nobody comes first; nothing while others push."""
        if not self._alone:
            return set()
        most = min(self._most * _GROWS, _MOST) if self._grows else self._most
        return set(waiting) if len(waiting) <= most else set(in_turn(sorted(waiting))[:most])

    def lost(self, services: int, *, looked: bool = False) -> None:
        """Note that somebody else's push came first while so many services were decided about.

        ``looked``: something had to be looked up meanwhile, which is known the next time. That excuses one loss only:
        who is slow to answer is slow to answer again.
        """
        self._landed = 0
        self._alone = False
        if services == 0:  # a step of the stage itself, which no part makes smaller
            return
        services = min(services, _MOST)
        self._contested = True
        if looked and not self._excused:
            self._excused = True
            return
        self._lost += 1
        if self._lost < _STUBBORN:
            self._most = max(services // _SHRINKS, min(services, _SMALL))
        else:
            self._lost, self._most = 0, max(services // 2, 1)

    def landed(self, left: int, *, age: float | None = 0.0, pushing: float = 0.0) -> None:
        """Note that a push has landed; ``left`` are the services that wait besides.

        ``age`` is how old, in seconds, what was looked up for it has become, None where it had landed before and its
        size was chosen then; ``pushing`` of it the push took. Where all that takes so long that it is hardly a fact any
        more, and would have to be looked up again, the next part is smaller, unless it would have to be so with a
        smaller part, too.
        """
        self._lost, self._excused, self._contested = 0, False, False
        self._landed += 1
        self._alone = self._alone or self._landed > _ALONE
        if age is None:
            return
        self._grows = self._most < _FIRST or pushing > _SLOW or age <= _AGEING
        if not self._grows:
            self._most = max(self._most // _GROWS, _FIRST) if age > _OLD else self._most
            return
        # One that lands says that so many can; another after it, that it was the hour and not their number.
        least = _SMALL if self._landed > 1 else 1
        self._most = min(max(self._most * _GROWS, least), _MOST) if left else max(self._most, _FIRST)
