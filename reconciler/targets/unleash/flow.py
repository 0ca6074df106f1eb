"""Read, compare, tag, write, read back: what both generations of Unleash have in common.

Unleash has no compare-and-set (`If-Match` is ignored) and 16 concurrent "on" calls on a fresh flag leave four
duplicate strategies, so there is one writer per flag in this process, nothing is written that holds already, and the
value is read again after every write: an answer that got lost is settled by what is there, never by sending again.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.errors import BlindError, BugError, TerminalError, TransientError
from reconciler.model.targets import Effect, Fact, FlagFact, WantFlag
from reconciler.targets.unleash import marks
from reconciler.targets.unleash.names import FlagPlace
from reconciler.targets.unleash.refusals import MissingError, no_fact
from reconciler.targets.unleash.wire import Budget, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TAG_REST = 600.0
"""Seconds for which tagging isn't tried again after the server refused it."""


@dataclass(frozen=True)
class State:
    """A flag as read: its state, its tags of our type (all environments'), and what "on" would have to work with."""

    enabled: bool
    caveat: str
    tags: tuple[str, ...]
    only_disabled: bool = False
    """Whether there are strategies and all of them are disabled."""


@dataclass(frozen=True)
class Change:
    """Somebody switched the flag. ``tags`` are those of our type that the flag had at that moment."""

    id: int
    enabled: bool
    by: str
    tags: tuple[str, ...]


class FlagServer(ABC):
    """The protocol of `targets.protocol.TargetServer` over what a generation's subclass can do."""

    def __init__(self, wire: Wire, *, clock: Callable[[], float] = time.monotonic, deadline: float = 10.0) -> None:
        self._wire = wire
        self._clock = clock
        self._deadline = deadline
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._guard = threading.Lock()
        self._tag_type_there = False
        self._no_tags_until = 0.0

    def observe(self, want: WantFlag) -> Fact:
        """Look at a flag in an environment. Two calls where nothing is wrong (the flag, its tags).

        Who changed the flag is asked only when our own mark says that we set another value than the one that is there.
        """
        place, budget = FlagPlace.of_want(want), Budget(self._clock, self._deadline)
        try:
            self._check(place)
            return self._fact(place, self._look(place, budget), budget)
        except (TerminalError, TransientError) as error:
            return no_fact(error)

    def apply(self, effect: Effect) -> Fact:
        """Make the flag have the value; see `targets.protocol.TargetServer`.

        A flag whose tags may not be written is switched all the same, and the fact's caveat says so.
        """
        if effect.field != "enabled" or not isinstance(effect.value, bool):
            raise BugError(f"a flag has no {effect.field} = {effect.value!r}")
        place, budget = FlagPlace.of_target(effect.target), Budget(self._clock, self._deadline)
        self._check(place)
        with self._one_writer(place, budget):
            return self._converge(place, effect, effect.value, budget)

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()

    def _converge(self, place: FlagPlace, effect: Effect, value: bool, budget: Budget) -> Fact:
        state = self._look(place, budget)
        key = self._mark_key(place)
        held, wanted = marks.decode(key, state.tags), marks.record(effect.mark, value, effect.note)
        if held and not held.mark.yields_to(wanted.mark):
            return self._fact(place, state, budget)
        marked = (
            held is not None
            and (held.mark, held.value) == (wanted.mark, wanted.value)
            and not marks.outdated(key, state.tags, wanted.mark.sequence)
        )
        if state.enabled == value and (marked or not self._may_tag()):
            return self._fact(place, state, budget)
        untagged = "" if marked else self._tag(place, wanted, marks.ours(key, state.tags), budget)
        meddler = "" if state.enabled == value else self._write(place, value, state, budget)
        fact = self._fact(place, self._look(place, budget), budget)
        return replace(fact, caveat=" ".join(filter(None, (fact.caveat, untagged, meddler))))

    def _write(self, place: FlagPlace, value: bool, state: State, budget: Budget) -> str:
        """Switch, and return what to tell about somebody who switched at the same time."""
        before = self._changes_told(place, budget)
        try:
            self._switch(place, value, state, budget)
        except BlindError as lost:
            if self._look(place, budget).enabled != value:
                raise TransientError(
                    f"{lost.message}; {place.flag} is still {'off' if value else 'on'}", retry_after=lost.retry_after
                ) from lost
        if before is None:
            return ""
        newest = max((change.id for change in before), default=0)
        others = [
            change.by
            for change in self._changes_told(place, budget) or ()
            if change.id > newest and change.enabled != value
        ]
        return f"{others[0]} switched it {'off' if value else 'on'} at the same moment." if others else ""

    def _tag(self, place: FlagPlace, wanted: marks.Record, old: tuple[str, ...], budget: Budget) -> str:
        """Replace our tags, and return what to tell where that is not permitted. Raises BlindError."""
        if not self._may_tag():
            return ""
        new = marks.encode(self._mark_key(place), wanted)
        add = tuple(value for value in new if value not in old)
        remove = tuple(value for value in old if value not in new)
        try:
            if not self._tag_type_there:
                self._make_tag_type(budget)
                self._tag_type_there = True
            if add or remove:
                self._retag(place, add, remove, budget)
        except TerminalError as error:
            self._tag_type_there = False
            self._no_tags_until = self._clock() + TAG_REST
            return f"It carries no mark: {error.message}."
        return ""

    def _fact(self, place: FlagPlace, state: State, budget: Budget) -> FlagFact:
        held = marks.decode(self._mark_key(place), state.tags)
        if held is None:
            return FlagFact(place.target, state.enabled, state.caveat)
        if held.value == state.enabled:
            return FlagFact(place.target, state.enabled, state.caveat, held.mark, ours=True)
        # Only a change made while our mark was there contradicts it; without one the decision was never carried out.
        ours = set(marks.ours(self._mark_key(place), state.tags))
        last = next(iter(self._changes_told(place, budget) or ()), None)
        manager = last.by if last and last.enabled == state.enabled and ours & set(last.tags) else ""
        return FlagFact(place.target, state.enabled, state.caveat, held.mark, manager)

    def _changes_told(self, place: FlagPlace, budget: Budget) -> tuple[Change, ...] | None:
        """Return who switched it, newest first; None where the server doesn't tell. Never a reason to fail."""
        try:
            return self._changes(place, budget)
        except (TerminalError, TransientError):
            return None

    def _may_tag(self) -> bool:
        return self._clock() >= self._no_tags_until

    @contextmanager
    def _one_writer(self, place: FlagPlace, budget: Budget) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault((place.project, place.flag), threading.Lock())
        if not lock.acquire(timeout=budget.left()):
            raise TransientError(f"another write to {place.flag} is still under way")
        try:
            yield
        finally:
            lock.release()

    @staticmethod
    def _check(place: FlagPlace) -> None:
        flaw = place.flaw()
        if flaw:
            raise MissingError(flaw, hint="letters, digits and -_.~ only, at most 100 characters")

    @abstractmethod
    def _mark_key(self, place: FlagPlace) -> str:
        """Return the environment under which marks are kept."""

    @abstractmethod
    def _look(self, place: FlagPlace, budget: Budget) -> State:
        """Read the flag. Raises the errors of `refusals`."""

    @abstractmethod
    def _switch(self, place: FlagPlace, value: bool, state: State, budget: Budget) -> None:
        """Switch the flag, once."""

    @abstractmethod
    def _make_tag_type(self, budget: Budget) -> None:
        """Make sure that our tag type is there."""

    @abstractmethod
    def _retag(self, place: FlagPlace, add: tuple[str, ...], remove: tuple[str, ...], budget: Budget) -> None:
        """Add tags of our type, then remove others."""

    @abstractmethod
    def _changes(self, place: FlagPlace, budget: Budget) -> tuple[Change, ...]:
        """Return the last times that the flag was switched here, newest first."""
