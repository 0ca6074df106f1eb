"""Remediations of the past as lines of a list, as they stood at the moment that a page is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconciler.bridge.moments import Point, moment_of
from reconciler.bridge.room import Room
from reconciler.model.instant import Instant
from reconciler.model.names import StageName
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.chronicle_records import OPEN, UNHEALED, Filter, PastRemediation, PastStep, PeoplesCommit

LINES: Final = 50
OUTCOMES: Final = (
    OPEN, "remediated", "resolved", UNHEALED, "escalated", "unverified", "unmatched", "aborted", "reverted", "orphaned",
)  # fmt: skip
"""What may be asked for as an outcome."""
_GOOD: Final = frozenset({"remediated", "resolved"})


@dataclass(frozen=True)
class Ended:
    """A remediation in a list. ``outcome`` is as of the page's moment, `running` where it had not ended by then."""

    about: PastRemediation
    stage: StageName
    outcome: str
    tone: str
    seconds: int | None


@dataclass(frozen=True)
class Asked:
    """What a search asks for, as it was written."""

    stage: str = ""
    service: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""
    text: str = ""

    def query(self) -> dict[str, object]:
        """Return it as a link carries it."""
        return {name: getattr(self, name) for name in ("service", "outcome", "since", "until", "text")}


@dataclass(frozen=True)
class Found:
    """A page of a search; ``before`` asks for the next one.

    ``count`` is how many there are altogether, None where words are looked for: counting would cost far more than
    finding.
    """

    lines: tuple[Ended, ...]
    before: int | None
    count: int | None


def lines_of(chronicle: Chronicle, found: Iterable[PastRemediation], point: Point) -> tuple[Ended, ...]:
    """Return remediations as they stood at a moment."""
    if point.live:
        return tuple(ended(each, point) for each in found)
    return tuple(ended(chronicle.as_of(each, point.when) or each, point) for each in found)


def ended(each: PastRemediation, point: Point) -> Ended:
    """Return a remediation as a line."""
    over = each.ended is not None and (point.live or each.ended <= point.when)
    if not over:
        waits = bool(each.held)
        outcome, tone = (f"held: {each.held}", "waiting") if waits else ("running", "running")
        return Ended(each, point.stage, outcome, tone, None)
    unhealed = ", not healed" if each.unhealed else ""
    tone = "good" if each.outcome in _GOOD and not each.unhealed else "bad"
    return Ended(each, point.stage, f"{each.outcome}{unhealed}", tone, each.seconds)


def search(room: Room, point: Point, asked: Asked, before: int | None) -> Found:
    """Return remediations of a stage, the newest first.

    Raises:
        NoMomentError: a bound of the period is no moment. TransientError: the history is still being read.
    """
    since = moment_of(asked.since) if asked.since else None
    until = _end_of(asked.until) if asked.until else None
    only = Filter(
        service=asked.service.strip(), outcome=asked.outcome if asked.outcome in OUTCOMES else "", since=since,
        until=until, text=asked.text.strip(),
    )  # fmt: skip
    chronicle = room.chronicle(point.stage)
    bound = point.order + 1 if point.order is not None else None
    first = min(before, bound) if before is not None and bound is not None else before or bound
    page = chronicle.remediations(only, limit=LINES, before=first)
    lines = lines_of(chronicle, page.items, point)
    return Found(lines, page.before, None if only.text else chronicle.count(only))


def _end_of(text: str) -> Instant:
    """Return the end of a period: a day counts to its last second."""
    moment = moment_of(text)
    return Instant(moment + 86_399) if len(text.strip()) == 10 else moment


@dataclass(frozen=True)
class Log:
    """Steps of a stage and what people did between them, the newest first."""

    lines: tuple[PastStep | PeoplesCommit, ...]
    before: int | None


def log_of(room: Room, point: Point, before: int | None) -> Log:
    """Return a page of what happened in a stage. Raises TransientError while the history is still being read."""
    chronicle = room.chronicle(point.stage)
    bound = point.order + 1 if point.order is not None else None
    first = min(before, bound) if before is not None and bound is not None else before or bound
    steps = chronicle.steps(limit=LINES, before=first)
    people = chronicle.people(limit=LINES, before=first)
    every: list[PastStep | PeoplesCommit] = [*steps.items, *people.items]
    both = sorted(every, key=lambda each: -each.order)[:LINES]
    more = len(both) == LINES
    return Log(tuple(both), both[-1].order if more else None)
