"""What could not be looked at, in words: without it, a dead server would look like nothing to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.daemon.clock import Clock
from reconciler.model.measures import MeasuresFact, WantMeasures
from reconciler.model.targets import Fact, NoFact, Want

_LATE: Final = NoFact("blind", "no answer in time", "see whether the server is up, and reachable from here")
_KEPT: Final = 90.0
"""Seconds after which nobody asks for it any more: what is held is looked at more often than that."""


class Unseen:
    """What the last look at each thing did not show; a pass over other things makes none of it seen. One owner thread.

    Indicators of a service are one thing, whatever the window. What only takes long is told while it does: its answer,
    or that there is none by the deadline, comes with a later pass. Of what is held that may be any later pass, so it is
    told until then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reasons: dict[str, tuple[float, str, str]] = {}

    def note_late(self, wants: Iterable[Want]) -> None:
        """Take in what is held and was looked at without an answer yet."""
        now = self._clock.monotonic()
        for want in wants:
            _, _, known = self._reasons.get(_thing(want), (now, "", _reason(_LATE)))
            self._reasons[_thing(want)] = (now, str(want), known)

    def note(self, wants: Iterable[Want], facts: Mapping[Want, Fact]) -> str:
        """Take in what a pass asked for and what it saw. Returns what is not seen now, and why; empty for nothing."""
        now = self._clock.monotonic()
        late = {str(want): _reason(_LATE) for want in wants if want not in facts}
        for want, fact in facts.items():
            if reason := _reason(fact):
                self._reasons[_thing(want)] = (now, str(want), reason)
            elif self._reasons:
                self._reasons.pop(_thing(want), None)
        for thing in [thing for thing, (when, _, _) in self._reasons.items() if now - when > _KEPT]:
            del self._reasons[thing]
        said = {want: reason for _, want, reason in self._reasons.values()}
        return _all_told({**late, **said}.items())


def unseen(wants: Iterable[Want], facts: Mapping[Want, Fact]) -> str:
    """Return which targets were wanted or asked for and not seen, and why; empty where all of them were."""
    found: dict[Want, Fact] = {**dict.fromkeys(wants, _LATE), **facts}
    return _all_told((str(want), reason) for want, fact in found.items() if (reason := _reason(fact)))


def _reason(fact: Fact) -> str:
    if isinstance(fact, NoFact) and fact.trouble == "blind":
        return f"{fact.message} ({fact.hint})" if fact.hint else fact.message
    if isinstance(fact, MeasuresFact) and fact.measures and all(each.value is None for each in fact.measures):
        return f"no indicator has a value: {fact.measures[0].sli}: {fact.measures[0].message}"
    return ""


def _thing(want: Want) -> str:
    return f"evidence/{want.service}" if isinstance(want, WantMeasures) else str(want)


def _all_told(found: Iterable[tuple[str, str]]) -> str:
    by_reason: dict[str, list[str]] = {}
    for want, reason in sorted(found):
        by_reason.setdefault(reason, []).append(want)
    return "; ".join(_told(names, reason) for reason, names in by_reason.items())


def _told(names: list[str], reason: str) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more} could not be looked at: {reason}"
