"""Monitoring, as small as it gets: looks at carts' metrics, reports what breaks an objective, and when it is over.

It knows nothing of the reconciler and talks to it as any monitoring can: a file in Git, pushed from a clone of its own.
What it saw is kept, for the chart at the end.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from reconciler.demo.readings import Reading, Spell
from reconciler.demo.waiting import NotYetError, UnmetError
from reconciler.model.errors import ReconcilerError

_MISSED: Final = 20
"""Looks in a row that may fail before the watcher gives up."""


@dataclass(frozen=True)
class Rule:
    """An objective. ``broken`` says whether a spell breaks it, None where it cannot be told."""

    id: str
    title: str
    broken: Callable[[Spell], bool | None]


@dataclass(frozen=True)
class Tempo:
    """In seconds: how often it looks, over what time it judges, how long that must hold to be told."""

    every: float
    window: float
    lasting: float


@dataclass(frozen=True)
class News:
    """What is to be told: a problem has come, or has gone. ``number`` counts those of this rule from 1."""

    rule: Rule
    number: int
    state: Literal["open", "resolved"]
    spell: Spell

    @property
    def problem(self) -> str:
        """The problem's id: the name of its file."""
        return f"{self.rule.id}-{self.number}"


@dataclass
class Alarm:
    """One rule over time. No request at all is neither a problem nor the end of one."""

    rule: Rule
    lasting: float
    _open: bool = False
    _number: int = 0
    _since: float | None = field(default=None, repr=False)

    def feed(self, spell: Spell) -> News | None:
        """Take note of how it goes; return what is to be told about it."""
        broken = self.rule.broken(spell)
        if broken is None or broken == self._open:
            self._since = None
            return None
        if self._since is None:
            self._since = spell.at
        if spell.at - self._since < self.lasting:
            return None
        self._since, self._open = None, broken
        self._number += broken
        return News(self.rule, self._number, "open" if broken else "resolved", spell)


class Watcher:
    """Looks on a thread of its own while it is entered.

    ``look`` takes a reading at a moment, ``tell`` pushes what is to be told; times are those of ``monotonic``.
    """

    def __init__(
        self,
        look: Callable[[float], Reading],
        rules: Sequence[Rule],
        tempo: Tempo,
        tell: Callable[[News], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._alarms = [Alarm(rule, tempo.lasting) for rule in rules]
        self._tempo = tempo
        self._tell = tell
        self._monotonic = monotonic
        self._readings: deque[Reading] = deque()
        self._spells: list[Spell] = []
        self._news: list[News] = []
        self._missed = 0
        self._trouble: ReconcilerError | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watcher", daemon=True)

    def spells(self) -> list[Spell]:
        """Return what was seen so far, oldest first."""
        return list(self._spells)

    def news(self) -> list[News]:
        """Return what was told so far, oldest first; each is there before it is told."""
        return list(self._news)

    def newest(self) -> Spell:
        """Return what was seen last. Raises NotYetError before there was anything."""
        if not self._spells:
            raise NotYetError("the watcher has not seen anything")
        return self._spells[-1]

    def check_alive(self) -> None:
        """Raise UnmetError if it has given up."""
        if self._trouble is not None:
            raise UnmetError(f"the watcher gave up: {self._trouble.message}", hint=self._trouble.hint)
        if not self._thread.is_alive():
            raise UnmetError("the watcher has ended")

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the look and the push in hand, and stop."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        due = self._monotonic()
        while not self._stopping.wait(max(due - self._monotonic(), 0.0)):
            due = max(due + self._tempo.every, self._monotonic())
            try:
                self.step()
            except ReconcilerError as error:
                self._trouble = error
                return

    def step(self) -> None:
        """Look once, and tell what is to be told. Raises UnmetError after too many looks that failed."""
        try:
            reading = self._look(self._monotonic())
        except NotYetError as error:
            self._missed += 1
            if self._missed >= _MISSED:
                raise UnmetError(f"{self._missed} looks in a row failed; the last: {error}") from error
            return
        self._missed = 0
        spell = self._spell(reading)
        if spell is None:
            return
        self._spells.append(spell)
        for alarm in self._alarms:
            if (news := alarm.feed(spell)) is not None:
                self._news.append(news)
                self._tell(news)

    def _spell(self, reading: Reading) -> Spell | None:
        """Return how it went over the last window; None before there has been a whole one."""
        self._readings.append(reading)
        while len(self._readings) > 1 and reading.at - self._readings[1].at >= self._tempo.window:
            self._readings.popleft()
        oldest = self._readings[0]
        return Spell.between(oldest, reading) if reading.at - oldest.at >= self._tempo.window else None
