"""Freeze windows that never end, say a thing twice, or leave no moment in which anything may be changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.decide.freezing import frozen
from reconciler.model.duration import written
from reconciler.model.instant import Instant
from reconciler.model.nodes import ListNode, MapNode, Node
from reconciler.model.policy import Freeze

_SOME_DAY: Final = Instant(1_767_225_600)
"""Any moment does: what never ends, and begins again each year at least, is open at every moment."""


def about_freezes(freezes: tuple[Freeze, ...], node: Node | None) -> Iterator[Finding]:
    """Yield what is doubtful about windows; ``node`` is the list that they were read from."""
    items = [item for item in node.items if isinstance(item, MapNode)] if isinstance(node, ListNode) else []
    if node is None or len(items) != len(freezes):
        return
    endless = [each for each in zip(freezes, items, strict=True) if _never_ends((each[0],))]
    for window, item in endless:
        yield doubt(
            "endless-freeze",
            f"this window opens again (`{window.schedule.written}`) before its {written(window.duration)} are over, so"
            " it never ends and nothing is ever done",
            (item.get("duration") or item).place,
            expected="a duration shorter than the time until the schedule's next opening",
            hint="shorten `duration`, or open it less often; to do nothing at all, write `mode: suspended`",
        )
    if not endless and len(freezes) > 1 and _never_ends(freezes):
        yield doubt(
            "endless-freeze",
            "together these windows never end: one of them is always open, and nothing is ever done",
            node.place,
            expected="a moment without a window",
            hint="shorten one of them; to do nothing at all, write `mode: suspended`",
        )
    yield from _twice(freezes, items)


def _never_ends(freezes: tuple[Freeze, ...]) -> bool:
    found = frozen(freezes, _SOME_DAY)
    return found is not None and found.until is None


def _twice(freezes: tuple[Freeze, ...], items: list[MapNode]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for number, window in enumerate(freezes):
        other = first.setdefault(window.schedule.written.upper(), number)
        if other != number:
            yield remark(
                "limits-contradict",
                f"the window in line {items[other].place.line} opens at the same time: the longer of the two counts",
                items[number].place,
                expected="one window for one schedule",
                hint="delete the shorter one, or correct its schedule",
            )
