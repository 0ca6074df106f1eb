"""Many workloads of one namespace looked at together: a list in a few pages for what would be a read of each.

Who is about to look at many says so, and whoever of them comes first fetches the list for all. It is used at once, for
one look each, and as the reads that it stands for it is the newest state. Where it cannot be had, or most of the
namespace is of no interest, each workload is read as ever.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

from reconciler.model.targets import WantWorkload
from reconciler.targets.kubernetes.documents import dig, items, name, number, text
from reconciler.targets.kubernetes.patience import Budget
from reconciler.targets.kubernetes.reading import Reader
from reconciler.targets.kubernetes.refusals import Refusal, Unreachable
from reconciler.targets.kubernetes.resources import Resource

MANY: Final = 64
"""Looks at one kind of workload in one namespace for which a list is worth its price."""
_PAGE: Final = 250
_WORTH: Final = 6
"""Objects in a list for each that is wanted, at most: one that is listed costs a sixth of one that is read."""
_FRESH: Final = 3.0
"""Seconds for which what was listed is what is there, as any answer is a fact for so long."""
_BULKY: Final = ("template", "volumeClaimTemplates")
"""What most of a workload consists of and nobody who looks at it asks for."""


class Foreseen:
    """What is about to be looked at, by namespace and kind. Safe to use from several threads.

    ``clock`` is monotonic seconds.
    """

    def __init__(self, reader: Reader, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._clock = clock
        self._lists: dict[tuple[str, str], list[_List]] = {}

    def expect(self, wants: Iterable[WantWorkload]) -> None:
        """Say which workloads are looked at next; few of a namespace are passed over."""
        named: defaultdict[tuple[str, str], list[WantWorkload]] = defaultdict(list)
        for want in wants:
            named[want.namespace, want.kind].append(want)
        now = self._clock()
        lists: defaultdict[tuple[str, str], list[_List]] = defaultdict(list)
        for key, known in self._lists.items():
            # Who expects something anew was told that what was seen of it is no fact any more.
            for each in known:
                each.wanted.difference_update(one for want in named.get(key, ()) for one in want.names)
            if young := [each for each in known if now - each.told < _FRESH]:
                lists[key] = young
        for key, many in named.items():
            if len(many) >= MANY:
                lists[key].append(_List(many, now))
        self._lists = lists

    def take(self, resource: Resource, want: WantWorkload, budget: Budget) -> dict[str, Any] | None:
        """Return the first of the wanted workloads that exists, once; None where each is to be read by itself."""
        lists = self._lists.get((want.namespace, want.kind), ()) if resource.plain else ()
        listed = next((each for each in reversed(lists) if want.names[0] in each.wanted), None)
        if listed is None:
            return None
        with listed.lock:
            if listed.taken is None:
                listed.taken = self._clock()
                self._fetch(listed, resource, want.namespace, budget)
            if self._clock() - listed.taken >= _FRESH:
                listed.found.clear()
            names = want.names if listed.whole else want.names[:1]
            first = next((one for one in names if one in listed.found or one in listed.given), None)
            if first is None or first in listed.given:
                return None
            listed.given.add(first)
            return listed.found.pop(first)

    def _fetch(self, listed: _List, resource: Resource, namespace: str, budget: Budget) -> None:
        call = resource.call("list", namespace)
        more, seen = "", 0
        while True:
            query = (("limit", str(_PAGE)), *((("continue", more),) if more else ()))
            try:
                page = self._reader.once(call, budget, query=query)
            except (Refusal, Unreachable):
                return  # reading each may succeed, and else says what is wrong
            found = items(page, "items")
            listed.found |= {name(item): _slim(item) for item in found if name(item) in listed.wanted}
            more, seen = text(page, "metadata", "continue"), seen + len(found)
            if not more:
                listed.whole = True
                return
            if seen + number(page, "metadata", "remainingItemCount") > _WORTH * listed.looks:
                return


class _List:
    """A list that is fetched when it is needed first. ``whole``: what is not in it is not there.

    ``told`` is when it was said what is ``wanted``, ``taken`` when it was fetched, both monotonic seconds; ``found``
    has what nobody looked at yet, ``given`` the names of what somebody did.
    """

    def __init__(self, wants: list[WantWorkload], told: float) -> None:
        self.told = told
        self.lock = threading.Lock()
        self.looks = len(wants)
        self.wanted = {one for want in wants for one in want.names}
        self.taken: float | None = None
        self.found: dict[str, dict[str, Any]] = {}
        self.given: set[str] = set()
        self.whole = False


def _slim(item: dict[str, Any]) -> dict[str, Any]:
    spec = dig(item, "spec")
    return item | {"spec": {key: value for key, value in spec.items() if key not in _BULKY}} if spec else item
