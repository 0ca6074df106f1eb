"""The forge of a simulation: pull requests over the branches of the remote, as forges keep them.

A request shows the head that its branch has, until it is over. It is merged when its base has that head, whoever
brought it there, and closed in somebody's name when its branch is taken away. Of a branch onto a base only one can be
open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from reconciler.forge.protocol import Closing, Draft, Pull, Status
from reconciler.forge.wire import DeniedError, RefusedError
from reconciler.model.errors import TransientError
from tests.simulation.objects import Objects
from tests.simulation.remote import Move, Remote
from tests.simulation.schedule import EPOCH, Schedule
from tests.simulation.walking import parted
from tests.simulation.weather import Weather

_T = TypeVar("_T")
HOST: Final = "forge.example.org"
LOGIN: Final = "a-person"
"""Who people are there."""
HEADS: Final = "refs/heads/"
_BUSY: Final = (2.0, 90.0)
"""Seconds for which it asks to be left alone."""


@dataclass
class Requests:
    """All pull requests, the oldest first. ``closings`` tells who closed one and when, by its number.

    ``declined`` are the numbers of those that a person has closed as such, and not with their branch.
    """

    remote: Remote
    pulls: list[Pull] = field(default_factory=list)
    closings: dict[int, Closing] = field(default_factory=dict)
    declined: set[int] = field(default_factory=set)

    def all(self, state: str) -> list[Pull]:
        """Return those in a state, as they are now."""
        return [pull for pull in self.pulls if pull.state == state]

    def put(self, pull: Pull) -> Pull:
        """Put one in place of the one with its number, or behind all others."""
        if pull.number > len(self.pulls):
            self.pulls.append(pull)
        self.pulls[pull.number - 1] = pull
        return pull

    def close(self, pull: Pull, who: str, at: float) -> Pull:
        """Close one that is open; ``who`` is empty where nobody is told."""
        when = datetime.fromtimestamp(EPOCH + at, UTC).isoformat() if who else ""
        self.closings[pull.number] = Closing(who, at=when)
        return self.put(replace(pull, state="closed"))

    def conflicts(self, branch: str, base: str) -> bool:
        """Tell whether both have changed the same file, and not in the same way, since they parted."""
        objects, refs = self.remote.objects, self.remote.refs
        ours, theirs = refs[f"{HEADS}{branch}"], refs[f"{HEADS}{base}"]
        origin = parted(objects, theirs, ours)
        if origin is None:
            return True
        mine, other = changes(objects, origin, ours), changes(objects, origin, theirs)
        return any(path in other and other[path] != now for path, now in mine.items())

    def moved(self, move: Move) -> None:
        """Follow what somebody has pushed."""
        name = move.ref.removeprefix(HEADS)
        for pull in self.all("open"):
            if pull.branch == name and move.new is None:
                self.close(pull, LOGIN if move.who == "people" else move.who, move.at)
            elif pull.branch == name:
                self.put(replace(pull, sha=move.new or ""))
        for pull in self.all("open"):
            if pull.base == name and move.new is not None and self.remote.objects.descends(move.new, pull.sha):
                self.put(replace(pull, state="merged"))


def changes(objects: Objects, old: str, new: str) -> dict[bytes, tuple[str, str] | None]:
    """Return what another commit has by path, as mode and blob, where it differs; None where it has nothing."""
    before, after = (
        {path: (mode, blob) for path, mode, blob in objects.files(objects.commit(each).tree)} for each in (old, new)
    )
    return {path: after.get(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


class Connection:
    """A daemon's way to the forge: the product's `Forge`. ``login`` is whose its token is."""

    host, takes_remarks = HOST, False

    def __init__(self, requests: Requests, schedule: Schedule, weather: Weather, login: str) -> None:
        self._requests = requests
        self._schedule = schedule
        self._weather = weather
        self._login = login

    def find(self, branch: str, base: str = "") -> tuple[Pull, ...]:
        return self._ask(lambda: tuple(self._shown(branch)))

    def _shown(self, branch: str) -> Iterator[Pull]:
        for pull in reversed(self._requests.pulls):
            if pull.branch == branch:
                stuck = pull.state == "open" and self._requests.conflicts(pull.branch, pull.base)
                yield replace(pull, conflicts=stuck)

    def open(self, draft: Draft) -> Pull:
        return self._ask(lambda: self._opened(draft))

    def _opened(self, draft: Draft) -> Pull:
        requests, refs = self._requests, self._requests.remote.refs
        there = (each for each in requests.all("open") if (each.branch, each.base) == (draft.branch, draft.base))
        known = next(there, None)
        if known is not None:
            return known
        head, base = refs.get(f"{HEADS}{draft.branch}"), refs.get(f"{HEADS}{draft.base}")
        if head is None or base is None:
            raise RefusedError("there is no such branch", 422, "no such branch")
        if requests.remote.objects.descends(base, head):
            raise RefusedError("there is nothing between the branches", 422, "no commits between them")
        number = len(requests.pulls) + 1
        url = f"https://{HOST}/pulls/{number}"
        return requests.put(Pull(number, "open", draft.branch, draft.base, head, draft.body, url))

    def withdraw(self, pull: Pull, body: str, why: str) -> None:
        def done() -> None:
            now = self._requests.put(replace(self._requests.pulls[pull.number - 1], body=body))
            if now.state == "open":
                self._requests.close(now, self._login, self._schedule.now)

        self._ask(done)

    def closing(self, pull: Pull) -> Closing:
        return self._ask(lambda: self._requests.closings.get(pull.number, Closing()))

    def say(self, commit: str, status: Status) -> None:
        """Nothing is said about commits."""

    def remark(self, commit: str, marker: str, text: str) -> None:
        """Nothing is said about commits."""

    def _ask(self, act: Callable[[], _T]) -> _T:
        return self._weather.io("forge", act, lost=_lost, refused=self._turned_away)

    def _turned_away(self) -> Exception:
        if self._schedule.random.random() < 0.5:
            return DeniedError(f"{HOST} lets us not do this", hint="give the token more rights")
        wait = self._schedule.random.choice(_BUSY)
        return TransientError(f"{HOST} was asked too often", hint="wait", retry_after=wait)


def _lost() -> Exception:
    return TransientError(f"{HOST} does not answer", hint="see whether it runs")
