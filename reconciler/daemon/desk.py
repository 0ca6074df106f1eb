"""The desk: a thread that keeps a project's pull requests as its loop wants them, and reports what people did there.

It knows no Git: branches are pushed and taken away by the loop, which says which of them want a pull request and which
are to be withdrawn. Everything is a level and no edge: what is wanted is looked at again in every round, so a restart,
a second daemon and a lost answer make no difference, and the forge itself refuses a second open pull request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.failpoints import reach
from reconciler.forge.protocol import Closing, Draft, Forge, Pull
from reconciler.forge.telling import is_withdrawn, withdrawn
from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.model.names import CommitId, StageName

_SHARE: Final = 0.1
"""Of the time between two looks, what each pull request stands for: where there are many they are looked at seldomer,
for a forge takes only so many calls an hour."""
_GAP: Final = 1.0
"""Seconds between two rounds at the least."""
_SURE: Final = 3
"""Rounds in a row in which a forge has to say that something cannot be merged: right after a push some do not know."""


@dataclass(frozen=True)
class Wanted:
    """A branch that wants a pull request. ``mark`` stands in the text of the one about just this proposal."""

    sha: CommitId
    draft: Draft
    mark: str


@dataclass(frozen=True)
class Leaving:
    """A branch that is to be taken away, and why."""

    sha: CommitId
    why: str


@dataclass(frozen=True)
class Wish:
    """What one stage wants, by the names of its branches."""

    wanted: Mapping[str, Wanted] = field(default_factory=dict)
    leaving: Mapping[str, Leaving] = field(default_factory=dict)


@dataclass
class News:
    """What is so on the forge, by branch: who declined, what can be taken away by now, what cannot be merged."""

    declined: dict[str, tuple[str, int, Closing]] = field(default_factory=dict)
    withdrawn: dict[str, CommitId] = field(default_factory=dict)
    stuck: dict[str, CommitId] = field(default_factory=dict)


class Desk:
    """`want`, `take` and `forget` are the loop's, from its thread."""

    def __init__(self, forge: Forge, poll: float, pauses: Backoff, log: FilteringBoundLogger) -> None:
        self._forge = forge
        self._poll = poll
        self._pauses = pauses
        self._log = log
        self._wake: Callable[[], None] = lambda: None
        self._changed = threading.Condition()
        self._stirred = False
        self._stopping = False
        self._wishes: dict[StageName, Wish] = {}
        self._news: dict[StageName, News] = {}
        self._stuck: dict[str, int] = {}
        self._rounds = 0
        self._seen_by = 0
        self._busy = False
        self._quiet = 0.0
        self.trouble = ""
        self._thread = threading.Thread(target=self._run, name="forge", daemon=True)

    # The loop's side

    def forget(self, stages: Iterable[StageName]) -> None:
        """Leave everything of these stages as it is: they are no longer the project's."""
        with self._changed:
            for stage in stages:
                self._wishes.pop(stage, None)

    def want(self, stage: StageName, wish: Wish) -> None:
        """Say what a stage wants from now on."""
        with self._changed:
            if self._wishes.get(stage, Wish()) == wish:
                return
            self._wishes[stage] = wish
            self._stir()

    def take(self, stage: StageName) -> News:
        """Return what has been found since the last call."""
        with self._changed:
            return self._news.pop(stage, News())

    @property
    def has_news(self) -> bool:
        """Whether there is something to take."""
        with self._changed:
            return bool(self._news)

    def stir(self) -> None:
        """Look now: somebody says that there is something new, or credentials may have changed."""
        with self._changed:
            self._stir()

    def _stir(self) -> None:
        self._stirred = True
        self._seen_by = self._rounds + (2 if self._busy else 1)
        self._changed.notify_all()

    def start(self, wake: Callable[[], None]) -> None:
        """Begin; ``wake`` is called when there is something to take."""
        self._wake = wake
        self._thread.start()

    def settle(self, seconds: float) -> None:
        """Wait until a whole round has seen what is wanted now, at most for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._rounds >= self._seen_by or bool(self.trouble), seconds)

    def close(self, seconds: float = 2.0) -> None:
        """Stop; what is under way has so many seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(seconds)

    # The thread's side

    def _run(self) -> None:
        while not self._stopping:
            pause = self._round()
            with self._changed:
                self._rounds += 1
                self._busy = False
                self._changed.notify_all()
                # Whoever may send a hint may send many, and what a forge asks for nobody's hint takes back.
                self._changed.wait_for(lambda: self._stopping, max(self._quiet, min(_GAP, self._poll)))
                self._changed.wait_for(lambda: self._stirred or self._stopping, pause)

    def _round(self) -> float:
        """Look at everything once. Returns the seconds until the next time."""
        with self._changed:
            self._stirred, self._busy = False, True
            wishes = dict(self._wishes)
        troubles: list[str] = []
        wait = 0.0
        for stage, wish in wishes.items():
            jobs = [(name, partial(self._leave, stage, name, each)) for name, each in wish.leaving.items()]
            jobs += [(name, partial(self._tend, stage, name, each)) for name, each in wish.wanted.items()]
            for name, job in jobs:
                if self._stopping:
                    return 0.0
                try:
                    job()
                except ReconcilerError as error:
                    troubles.append(f"{name}: {error}" if not isinstance(error, TransientError) else str(error))
                    wait = max(wait, error.retry_after if isinstance(error, TransientError) else 0.0)
                    if isinstance(error, TransientError):
                        return self._rest(troubles, wait)
                except Exception as error:  # noqa: BLE001  (one proposal must not keep the others from people)
                    self._log.exception("a bug in reconciler; a proposal is left alone", branch=name)
                    troubles.append(f"{name}: {error!r}")
        return self._rest(troubles, wait)

    def _rest(self, troubles: list[str], wait: float) -> float:
        told = "; ".join(troubles[:3])
        self._quiet = wait
        if told != self.trouble:
            self.trouble = told
            if told:
                self._log.warning("the forge does not do what is wanted", reason=told)
            else:
                self._log.info("goes on", of="forge")
            self._wake()
        if not troubles:
            self._pauses.reset()
            return self._poll * max(1.0, _SHARE * sum(len(wish.wanted) for wish in self._wishes.values()))
        return max(self._pauses.next(), wait)

    def _tend(self, stage: StageName, name: str, wanted: Wanted) -> None:
        pull = self._forge.find(name)
        if pull is None or (pull.state != "open" and (is_withdrawn(pull.body) or wanted.mark not in pull.body)):
            pull = self._forge.open(wanted.draft)
            reach("after-proposal-opened")
            self._log.info("proposed", branch=name, url=pull.url)
        if pull.state == "closed":
            closing = self._forge.closing(pull)
            self._tell(stage, lambda news: news.declined.update({name: (wanted.mark, pull.number, closing)}))
        elif pull.state == "open":
            self._see_whether_stuck(stage, name, pull)

    def _see_whether_stuck(self, stage: StageName, name: str, pull: Pull) -> None:
        self._stuck[name] = self._stuck.get(name, 0) + 1 if pull.conflicts else 0
        if self._stuck[name] >= _SURE:
            self._stuck[name] = 0
            self._tell(stage, lambda news: news.stuck.update({name: CommitId(pull.sha)}))

    def _leave(self, stage: StageName, name: str, leaving: Leaving) -> None:
        pull = self._forge.find(name)
        if pull is not None and pull.state == "open":
            why = f"Withdrawn: {leaving.why}."
            self._forge.withdraw(pull, withdrawn(pull.body, leaving.why), why)
            self._log.info("withdrawn", branch=name, reason=leaving.why, url=pull.url)
        self._stuck.pop(name, None)
        self._tell(stage, lambda news: news.withdrawn.update({name: leaving.sha}))

    def _tell(self, stage: StageName, note: Callable[[News], object]) -> None:
        with self._changed:
            note(self._news.setdefault(stage, News()))
        self._wake()
