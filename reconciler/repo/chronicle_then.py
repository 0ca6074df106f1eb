"""Searching the chronicle as it was after one of its steps: nothing of what came later, neither rows nor counts.

To nearly all remediations of then nothing has happened since, so what the index says of them was so then too; only the
others, which were going on or were taken up again later, are made anew of the steps that they had.
"""

from __future__ import annotations

from reconciler.repo.chronicle import COUNTED, PAGE, Chronicle
from reconciler.repo.chronicle_folding import words
from reconciler.repo.chronicle_records import OPEN, UNHEALED, Filter, Page, PastRemediation


class Then:
    """A chronicle after the step of an order, and before the next one."""

    def __init__(self, chronicle: Chronicle, order: int) -> None:
        self._chronicle = chronicle
        self._order = order
        self._found: dict[Filter, list[int]] = {}

    def of(self, remediation: PastRemediation) -> PastRemediation:
        """Return one that had been opened as it was."""
        return self._chronicle.as_of(remediation, order=self._order) or remediation

    def remediations(self, only: Filter, *, limit: int = PAGE, before: int | None = None) -> Page[PastRemediation]:
        """Return the remediations of then that a filter leaves; see `Chronicle.remediations`."""
        settled = self._chronicle.remediations(only, limit=limit, before=before, settled=self._order)
        going = [order for order in self._going(only) if before is None or order < before][:limit]
        others = (self._known(order) for order in going)
        found = sorted((*settled.items, *filter(None, others)), key=lambda each: -each.order)[:limit]
        return Page(tuple(found), found[-1].order if len(found) == limit else None)

    def count(self, only: Filter) -> int:
        """Return how many remediations a filter leaves; see `Chronicle.count`."""
        if not only.outcome and not only.text:
            return self._chronicle.count(only, before=self._order + 1)
        settled = self._chronicle.count(only, settled=self._order)
        return min(settled + len(self._going(only)), COUNTED + 1)

    def _going(self, only: Filter) -> list[int]:
        """Return the orders of those that a filter leaves and to which something has happened since."""
        if only not in self._found:
            every = self._chronicle.going_on(only, self._order)
            self._found[only] = [order for order, ended in every if self._is_meant(only, order, ended=ended)]
        return self._found[only]

    def _is_meant(self, only: Filter, order: int, *, ended: bool) -> bool:
        if not only.text and not (only.outcome and ended):
            return only.outcome in ("", OPEN)
        then = self._known(order)
        return then is not None and _has_outcome(then, only.outcome) and _has_text(then, only.text)

    def _known(self, order: int) -> PastRemediation | None:
        now = self._chronicle.remediation_at(order)
        return self._chronicle.as_of(now, order=self._order) if now is not None else None


def _has_outcome(each: PastRemediation, wanted: str) -> bool:
    if wanted == UNHEALED:
        return each.unhealed
    return not wanted or each.outcome == ("" if wanted == OPEN else wanted)


def _has_text(each: PastRemediation, wanted: str) -> bool:
    titles = [problem.title for problem in each.problems]
    return wanted.casefold() in words(each.id, each.service, each.entry, titles, each.source).casefold()
