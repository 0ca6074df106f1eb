"""Remediations of the past as lines of a list, as they stood at the moment that a page is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.bridge.moments import Point, moment_of
from reconciler.bridge.room import Room
from reconciler.model.errors import TransientError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import StageName
from reconciler.repo.chronicle import COUNTED, Chronicle
from reconciler.repo.chronicle_records import OPEN, UNHEALED, Filter, Forged, PastRemediation, PastStep, PeoplesCommit
from reconciler.repo.chronicle_then import Then

LINES: Final = 50
_BOUNDS: Final = re.compile(r"[0-9]{0,15}(-[0-9]{0,15})*\Z")
_PERIOD: Final = "a day (2026-11-21), a time (2026-11-21T10:00:00Z), or how long ago (3h, 30d)"
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
    """What a search asks for, as it was written. ``stage`` is empty for all of them."""

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
    """A page of a search; ``before`` asks for the next one, empty where there is none.

    ``count`` is how many there are altogether, and as text, which says `more than 1,000` of more. ``missing`` says of
    stages why nothing is found in them.
    """

    lines: tuple[Ended, ...]
    before: str
    count: int
    missing: tuple[str, ...] = ()

    @property
    def counted(self) -> str:
        """How many there are, as the page says it."""
        what = "remediation" if self.count == 1 else "remediations"
        return f"more than {COUNTED:,} {what}" if self.count > COUNTED else f"{self.count:,} {what}"


def lines_of(chronicle: Chronicle, found: Iterable[PastRemediation], point: Point) -> tuple[Ended, ...]:
    """Return remediations as they stood at a moment."""
    if point.order is None:
        return tuple(ended(each, point) for each in found)
    then = Then(chronicle, point.order)
    return tuple(ended(then.of(each), point) for each in found)


def ended(each: PastRemediation, point: Point) -> Ended:
    """Return a remediation, as it stood, as a line."""
    if each.ended is None:
        waits = bool(each.held)
        outcome, tone = (f"held: {each.held}", "waiting") if waits else ("running", "running")
        return Ended(each, point.stage, outcome, tone, None)
    unhealed = ", not healed" if each.unhealed else ""
    tone = "good" if each.outcome in _GOOD and not each.unhealed else "bad"
    return Ended(each, point.stage, f"{each.outcome}{unhealed}", tone, each.seconds)


def search(room: Room, points: Sequence[Point], asked: Asked, before: str) -> Found:
    """Return remediations of stages as they stood at a moment, the newest first.

    Raises:
        UserError: a bound of the period is no moment, or it ends before it begins; there is no such outcome.
        TransientError: the history of all these stages is still being read.
    """
    only = _meant(asked, Instant(int(room.now())))
    missing: dict[StageName, TransientError] = {}
    parts: list[_Part] = []
    for point, bound in zip(points, _bounds(before, len(points)), strict=True):
        try:
            parts.append(_part(room, point, only, bound))
        except TransientError as error:
            missing[point.stage] = error
            parts.append(_Part(bound))
    if missing and len(missing) == len(points):
        raise next(iter(missing.values()))
    every = [(line, part) for part in parts for line in part.lines]
    # Steps never go back in time, so this leaves the order within a stage as it is.
    every.sort(key=lambda each: -each[0].about.opened)
    shown = every[:LINES]
    for line, part in shown:
        part.bound = line.about.order
    more = len(every) > LINES or any(part.more for part in parts)
    return Found(
        tuple(line for line, _ in shown),
        "-".join("" if part.bound is None else str(part.bound) for part in parts) if more else "",
        min(sum(part.count for part in parts), COUNTED + 1),
        tuple(f"{stage}: {error}" for stage, error in missing.items()),
    )


@dataclass
class _Part:
    """What one stage gives to a page; ``bound`` is the order from which on everything was shown."""

    bound: int | None
    lines: tuple[Ended, ...] = ()
    more: bool = False
    count: int = 0


def _part(room: Room, point: Point, only: Filter, bound: int | None) -> _Part:
    chronicle = room.chronicle(point.stage)
    asking = chronicle if point.order is None else Then(chronicle, point.order)
    page = asking.remediations(only, limit=LINES, before=bound)
    lines = tuple(ended(each, point) for each in page.items)
    return _Part(bound, lines, page.before is not None, asking.count(only))


def _bounds(before: str, stages: int) -> list[int | None]:
    """Return where a page begins in each stage, in their order; at the newest where that is not told of just these."""
    if not _BOUNDS.match(before) or before.count("-") != stages - 1:
        return [None] * stages
    return [int(each) if each else None for each in before.split("-")]


def _meant(asked: Asked, now: Instant) -> Filter:
    since = moment_of(asked.since, now, what="since", forms=_PERIOD) if asked.since.strip() else None
    until = _end_of(asked.until, now) if asked.until.strip() else None
    if since is not None and until is not None and since > until:
        raise UserError("the period ends before it begins", hint="let `since` be earlier than `until`")
    outcome = asked.outcome.strip()
    if outcome and outcome not in OUTCOMES:
        expected = f"one of: {', '.join(OUTCOMES)}"
        raise UserError(f"there is no outcome `{outcome[:80]}`", expected=expected, hint="leave it out for any")
    return Filter(service=asked.service.strip(), outcome=outcome, since=since, until=until, text=asked.text.strip())


def _end_of(text: str, now: Instant) -> Instant:
    """Return the end of a period: a day counts to its last second."""
    moment = moment_of(text, now, what="until", forms=_PERIOD)
    return Instant(moment + 86_399) if len(text.strip()) == 10 else moment


@dataclass(frozen=True)
class Log:
    """Steps of a stage, what people did between them, and what only looks like a step, the newest first."""

    lines: tuple[PastStep | PeoplesCommit | Forged, ...]
    before: int | None


def log_of(room: Room, point: Point, before: int | None) -> Log:
    """Return a page of what happened in a stage. Raises TransientError while the history is still being read."""
    chronicle = room.chronicle(point.stage)
    bound = None
    if point.order is not None:
        # Between the newest step and the commit that is looked at people may have done something.
        bound = max(point.order, chronicle.order_of(point.tips.ops) or 0) + 1
    first = min(before, bound) if before is not None and bound is not None else before or bound
    steps = chronicle.steps(limit=LINES, before=first)
    people = chronicle.people(limit=LINES, before=first)
    forged = chronicle.forged(limit=LINES, before=first)
    every: list[PastStep | PeoplesCommit | Forged] = [*steps.items, *people.items, *forged.items]
    both = sorted(every, key=lambda each: -each.order)[:LINES]
    more = len(both) == LINES
    return Log(tuple(both), both[-1].order if more else None)
