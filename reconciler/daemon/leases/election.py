"""Who holds what: what to write after a look at all leases. No I/O, and all time by the clock that it is given.

client-go's rules for each lease: one that its holder renews is never touched; it is free when it names nobody, or when
it has not changed for its own duration since we first saw it as it is. Beside them, how many a daemon takes (ADR 0210).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from reconciler.daemon.clock import Clock
from reconciler.daemon.leases.record import (
    MOST_DAEMONS,
    PROJECT,
    LeaseName,
    Record,
    moment,
    place,
    place_number,
    whole,
)
from reconciler.daemon.leases.tenure import Tenure

_DUE: Final = 0.7
"""The part of `renew` after which a look renews a lease: the next look may come late."""


@dataclass(frozen=True)
class Terms:
    """Who we are, and for how long a lease is held without being renewed, and how often it is; in seconds."""

    identity: str
    duration: float = 15.0
    renew: float = 5.0


@dataclass(frozen=True)
class Write:
    """A lease to be written; one without a version is not there yet."""

    verb: Literal["take", "renew", "release"]
    record: Record


@dataclass(frozen=True)
class _Seen:
    """A record as it is since we first saw it so, monotonic seconds."""

    record: Record
    since: float


class Election:
    """The leases of all stages that a daemon would look after. `plan` and `wrote` are called by one thread."""

    def __init__(self, terms: Terms, clock: Clock, seed: int) -> None:
        self.tenure = Tenure(clock, terms.duration)
        self._terms = terms
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311  (spreads; no secret depends on it)
        self._wanted: Mapping[LeaseName, tuple[tuple[str, str], ...]] = {}
        self._seen: dict[LeaseName, _Seen] = {}
        self._free: dict[LeaseName, float] = {}
        self._known: frozenset[str] = frozenset()
        self._place: LeaseName | None = None

    def want(self, wanted: Mapping[LeaseName, tuple[tuple[str, str], ...]]) -> None:
        """Say which leases to have, each with the annotations for its object."""
        self._wanted = wanted

    def plan(self, listed: Iterable[Record]) -> list[Write]:
        """Return what to write after a look at all leases."""
        now = self._clock.monotonic()
        records = {record.name: record for record in listed}
        self._observe(records, now)
        self._see_what_is_lost(records)
        live = self._live(records, now)
        part = self._part(records, live, now)
        self._give_away(live, part)
        kept = [write for name in sorted(self.tenure.names()) if (write := self._kept(name, now)) is not None]
        return [*kept, *self._take_place(records, now), *self._take_stages(records, part, now)]

    def wrote(self, write: Write, record: Record, began: float, wall: float) -> None:
        """Take that something was written; the call began at these times of the two clocks."""
        self._seen[record.name] = _Seen(record, self._clock.monotonic())
        if write.verb == "release":
            self.tenure.lost(record.name)
            if record.name == self._place:
                self._place = None
        else:
            self.tenure.renewed(record, began, wall)
            if place_number(record.name) is not None:
                self._place = record.name

    def releases(self) -> list[Write]:
        """Return what to write at the end: what nothing is written for any more is left to others at once."""
        found = []
        for name in sorted(self.tenure.names()):
            held = self.tenure.get(name)
            if held is not None and (held.left or place_number(name) is not None):
                found.append(self._release(held.record))
        return found

    def _observe(self, records: Mapping[LeaseName, Record], now: float) -> None:
        for name, record in records.items():
            seen = self._seen.get(name)
            changed = seen is None or seen.record.said != record.said
            self._seen[name] = _Seen(record, now if changed or seen is None else seen.since)
        for gone in self._seen.keys() - records.keys():
            del self._seen[gone]
        free = {name for name in {*self._wanted, *records} if self._is_free(records.get(name), now)}
        self._free = {name: self._free.get(name, now) for name in free}

    def _is_free(self, record: Record | None, now: float) -> bool:
        """Whether nobody holds a lease, so that it may be taken."""
        if record is None or not record.holder:
            return True
        seconds = record.seconds or whole(self._terms.duration)
        return now - self._seen[record.name].since >= seconds

    def _see_what_is_lost(self, records: Mapping[LeaseName, Record]) -> None:
        for name in self.tenure.names():
            record = records.get(name)
            if record is None or record.holder != self._terms.identity:
                self.tenure.lost(name)
                if name == self._place:
                    self._place = None
            else:
                self.tenure.noted(record)

    def _live(self, records: Mapping[LeaseName, Record], now: float) -> frozenset[str]:
        """Return the daemons that are there for some of our projects, ourselves among them."""
        ours = self._projects()
        holders = {
            each.holder
            for each in records.values()
            if each.holder and not self._is_free(each, now) and ours & _projects_of(each.annotations)
        }
        return frozenset({*holders, self._terms.identity})

    def _projects(self) -> frozenset[str]:
        return frozenset[str]().union(*map(_projects_of, self._wanted.values()))

    def _part(self, records: Mapping[LeaseName, Record], live: frozenset[str], now: float) -> int:
        """Return how many stages are ours to look after; the parts of all come to all stages."""
        held = Counter(
            record.holder
            for name in self._wanted
            if (record := records.get(name)) is not None and record.holder and not self._is_free(record, now)
        )
        least, more = divmod(len(self._wanted), len(live))
        rank = sorted(live, key=lambda each: (-held[each], each)).index(self._terms.identity)
        return least + (rank < more)

    def _give_away(self, live: frozenset[str], part: int) -> None:
        """Give up what is not wanted; and, once for each daemon that shows up, what is above our part."""
        stages = [name for name in sorted(self.tenure.names()) if place_number(name) is None]
        for name in stages:
            if name not in self._wanted:
                self.tenure.give_up(name)
        ours = [name for name in stages if (held := self.tenure.get(name)) is not None and not held.leaving]
        newcomers, self._known = live - self._known - {self._terms.identity}, live
        if newcomers and len(ours) > part:
            for name in self._random.sample(ours, len(ours) - part):
                self.tenure.give_up(name)

    def _kept(self, name: LeaseName, now: float) -> Write | None:
        held = self.tenure.get(name)
        if held is None:
            return None
        if held.leaving:  # whoever cannot say that nothing is written any more is others' when its time is over
            return self._release(held.record) if held.left else None
        if now - held.began < self._terms.renew * _DUE:
            return None
        said = self._said(name)
        renewed = replace(
            held.record, seconds=whole(self._terms.duration), renewed=self._now(),
            annotations=_noted(held.record.annotations, said),
        )  # fmt: skip
        return Write("renew", renewed)

    def _said(self, name: LeaseName) -> tuple[tuple[str, str], ...]:
        """Return what a lease's object tells people; and a daemon's place tells others whether it counts for them."""
        if place_number(name) is None:
            return self._wanted.get(name, ())
        return ((PROJECT, ",".join(sorted(self._projects()))),)

    def _release(self, record: Record) -> Write:
        """Let go as client-go does: of nobody, for a second, so that whoever looks next takes it at once."""
        now = self._now()
        return Write("release", replace(record, holder="", seconds=1, acquired=now, renewed=now))

    def _take_place(self, records: Mapping[LeaseName, Record], now: float) -> list[Write]:
        if self._place is not None or not self._wanted:
            return []
        ours = [name for name, each in records.items() if each.holder == self._terms.identity]
        for name in sorted(ours):
            if place_number(name) is not None:
                return [self._taken(name, records.get(name))]
        for number in range(MOST_DAEMONS):
            record = records.get(place(number))
            if self._is_free(record, now):
                return [self._taken(place(number), record)]
        return []

    def _take_stages(self, records: Mapping[LeaseName, Record], part: int, now: float) -> list[Write]:
        """Take what is free: our part at once, and more only after others have had time to."""
        ours = self.tenure.names()
        mine = sum(1 for name in ours & self._wanted.keys() if not self._is_leaving(name))
        open_ones = [name for name in sorted(self._wanted.keys() - ours) if self._may_take(records.get(name), now)]
        self._random.shuffle(open_ones)
        found: list[Write] = []
        for name in open_ones:
            if mine + len(found) < part or now - self._free.get(name, now) >= self._terms.duration:
                found.append(self._taken(name, records.get(name)))
        return found

    def _is_leaving(self, name: LeaseName) -> bool:
        held = self.tenure.get(name)
        return held is not None and held.leaving

    def _may_take(self, record: Record | None, now: float) -> bool:
        """Whether a lease is free, or named as ours by a call whose answer never came."""
        return self._is_free(record, now) or (record is not None and record.holder == self._terms.identity)

    def _taken(self, name: LeaseName, record: Record | None) -> Write:
        at = self._now()
        before = record or Record(name, "", transitions=-1)
        again = before.holder == self._terms.identity
        return Write("take", replace(
            before, holder=self._terms.identity, seconds=whole(self._terms.duration), renewed=at,
            acquired=before.acquired if again else at, transitions=before.transitions + (not again),
            annotations=_noted(before.annotations, self._said(name)),
        ))  # fmt: skip

    def _now(self) -> str:
        return moment(self._clock.wall())


def _projects_of(annotations: tuple[tuple[str, str], ...]) -> frozenset[str]:
    return frozenset(filter(None, dict(annotations).get(PROJECT, "").split(",")))


def _noted(before: tuple[tuple[str, str], ...], said: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**dict(before), **dict(said)}.items()))
