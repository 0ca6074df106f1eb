"""The desk: a thread that keeps a project's pull requests as its loop wants them, and reports what people did there.

It knows no Git: branches are pushed and taken away by the loop, which says which of them want a pull request and which
are to be withdrawn. Everything is a level and no edge: what is wanted is looked at again in every round, so a restart,
a second daemon and a lost answer make no difference, and the forge itself refuses a second open pull request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.failpoints import reach
from reconciler.daemon.proposals_anew import Anew
from reconciler.forge.protocol import Closing, Draft, Forge, Pull
from reconciler.forge.telling import code, is_withdrawn, withdrawn
from reconciler.forge.wire import DeniedError
from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.model.names import CommitId, StageName
from reconciler.net.threads import start

_SHARE: Final = 0.1
"""Of the time between two looks, what each pull request stands for: where there are many they are looked at seldomer,
for a forge takes only so many calls an hour."""
_GAP: Final = 1.0
"""Seconds between two rounds at the least."""
_SURE: Final = 3
"""Rounds in a row in which a forge has to say that something cannot be merged: right after a push some do not know."""


@dataclass(frozen=True)
class Wanted:
    """A branch that wants a pull request. ``mark`` stands in the text of the one about just this proposal.

    ``whole`` completes the draft, by the desk's thread, when it is opened: with what takes a while to be found out.
    """

    sha: CommitId
    draft: Draft
    mark: str
    whole: Callable[[], Draft] | None = field(default=None, compare=False)


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


@dataclass(frozen=True)
class Closed:
    """A pull request that was closed: what it was about, its number and its branch's head."""

    mark: str
    number: int
    sha: CommitId
    closing: Closing

    @property
    def is_answer(self) -> bool:
        """Whether somebody is named who has closed it."""
        return bool(self.closing.login or self.closing.name)


@dataclass
class News:
    """What is so on the forge, by branch: what was closed, what can be taken away by now, what cannot be merged.

    ``moved`` are those that show another head than is wanted: somebody has pushed to them.
    """

    closed: dict[str, Closed] = field(default_factory=dict)
    withdrawn: dict[str, CommitId] = field(default_factory=dict)
    stuck: dict[str, CommitId] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)


class Desk:
    """`want`, `take` and `forget` are the loop's, from its thread."""

    def __init__(
        self, forge: Forge, poll: float, pauses: Backoff, log: FilteringBoundLogger,
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
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
        self._now = now
        self._anew = Anew()
        self._seen: dict[str, Closed] = {}
        self._over: dict[str, tuple[int, CommitId]] = {}
        self._odd: dict[StageName, dict[str, str]] = {}
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
                self._odd.pop(stage, None)

    def odd(self, stage: StageName) -> tuple[str, ...]:
        """Return what people did with a stage's pull requests that is no answer, in words."""
        with self._changed:
            return tuple(self._odd.get(stage, {}).values())

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
        start(self._thread)

    def settle(self, seconds: float) -> None:
        """Wait until a whole round has seen what is wanted now, at most for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._rounds >= self._seen_by or bool(self.trouble), seconds)

    def stop(self) -> None:
        """Ask for nothing more; what is under way ends by itself."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end."""
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
            for stage, odd in self._odd.items():
                known = wishes.get(stage, Wish()).wanted
                self._odd[stage] = {name: said for name, said in odd.items() if name in known}
        names = {name for wish in wishes.values() for name in wish.wanted}
        self._anew.keep(names)
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        self._over = {name: over for name, over in self._over.items() if name in names}
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
                    # What is denied may be so of this one only, which must not keep the others from people.
                    if isinstance(error, TransientError) and not isinstance(error, DeniedError):
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
        found, pull = self._find(name, wanted)
        if pull is not None and _is_of_another(pull, wanted) and not self._is_over(stage, name, pull, wanted):
            return
        draft = wanted.draft
        if _is_to_be_opened(pull, wanted) and wanted.whole is not None:
            # This takes a while, in which another daemon may have opened it and somebody may have answered.
            draft = wanted.whole()
            found, pull = self._find(name, wanted)
        odd = next((_elsewhere(each) for each in found if each is not pull and _is_moved(each, wanted)), "")
        if pull is None or _is_to_be_opened(pull, wanted):
            pull = self._open(name, draft)
        elif pull.state == "closed":
            reach("before-proposal-found")
            closing = self._forge.closing(pull)
            reach("after-proposal-found")
            closed = Closed(wanted.mark, pull.number, wanted.sha, closing)
            # Whose branch is gone is pushed anew before anything else: its loop looks whether it is.
            self._tell(stage, lambda news: news.closed.update({name: closed}))
            again, self._seen[name] = self._seen.get(name) == closed, closed
            if again and not closed.is_answer:
                odd = (
                    f"pull request {pull.number} of {name} was closed by nobody, which is no answer; it is opened anew"
                )
                pull = self._open(name, _whole(wanted)) if self._anew.may(name, self._now()) else pull
        if pull.state != "closed":
            self._see_whether_stuck(stage, name, pull, wanted)
        if pull.state == "open" and pull.sha not in ("", wanted.sha):
            self._tell(stage, lambda news: news.moved.add(name))
        self._note(stage, name, odd)

    def _is_over(self, stage: StageName, name: str, pull: Pull, wanted: Wanted) -> bool:
        """Whether its loop, too, has seen that a pull request was merged with another head than is wanted.

        Until then somebody may just have brought the branch up to date, and merged.
        """
        key = (pull.number, wanted.sha)
        again, self._over[name] = self._over.get(name) == key, key
        if not again:
            self._tell(stage, lambda news: news.moved.add(name))
        return again

    def _find(self, name: str, wanted: Wanted) -> tuple[Sequence[Pull], Pull | None]:
        """Return all pull requests of a branch, and the newest onto the branch where approvals arrive."""
        reach("before-proposal-found")
        found = self._forge.find(name, wanted.draft.base)
        reach("after-proposal-found")
        return found, next((each for each in found if each.base == wanted.draft.base), None)

    def _open(self, name: str, draft: Draft) -> Pull:
        reach("before-proposal-opened")
        pull = self._forge.open(draft)
        reach("after-proposal-opened")
        self._log.info("proposed", branch=name, url=pull.url)
        return pull

    def _note(self, stage: StageName, name: str, odd: str) -> None:
        with self._changed:
            before = self._odd.setdefault(stage, {})
            if before.get(name, "") == odd:
                return
            before.pop(name, None)
            self._odd[stage] = {**before, **({name: odd} if odd else {})}
        self._wake()

    def _see_whether_stuck(self, stage: StageName, name: str, pull: Pull, wanted: Wanted) -> None:
        # What was merged and is still wanted was taken back at once: it is built anew, as what conflicts is.
        bad = pull.conflicts or pull.state == "merged"
        self._stuck[name] = self._stuck.get(name, 0) + 1 if bad else 0
        if self._stuck[name] >= _SURE:
            self._stuck[name] = 0
            sha = CommitId(pull.sha or wanted.sha)
            self._tell(stage, lambda news: news.stuck.update({name: sha}))

    def _leave(self, stage: StageName, name: str, leaving: Leaving) -> None:
        reach("before-proposal-found")
        pulls = self._forge.find(name)
        reach("after-proposal-found")
        for pull in pulls:
            if pull.state != "open":
                continue
            why = f"Withdrawn: {leaving.why}."
            reach("before-proposal-withdrawn")
            self._forge.withdraw(pull, withdrawn(pull.body, leaving.why), why)
            reach("after-proposal-withdrawn")
            self._log.info("withdrawn", branch=name, reason=leaving.why, url=pull.url)
        self._stuck.pop(name, None)
        self._tell(stage, lambda news: news.withdrawn.update({name: leaving.sha}))

    def _tell(self, stage: StageName, note: Callable[[News], object]) -> None:
        with self._changed:
            note(self._news.setdefault(stage, News()))
        self._wake()


def _is_moved(pull: Pull, wanted: Wanted) -> bool:
    """Whether it is about just this proposal, but no longer onto the branch where approvals arrive."""
    elsewhere = pull.base != wanted.draft.base and pull.state != "closed"
    return elsewhere and wanted.mark in pull.body and not is_withdrawn(pull.body)


def _elsewhere(pull: Pull) -> str:
    about = f"pull request {pull.number} of {pull.branch}"
    if pull.state == "merged":
        return f"{about} was merged into {code(pull.base)}, which approves nothing"
    return f"{about} was moved onto {code(pull.base)}: merged there it approves nothing"


def _is_of_another(pull: Pull, wanted: Wanted) -> bool:
    """Whether it was merged with another head than is there now: one that was proposed before under this name."""
    return pull.state == "merged" and pull.sha not in ("", wanted.sha)


def _is_to_be_opened(pull: Pull | None, wanted: Wanted) -> bool:
    return pull is None or _is_of_another(pull, wanted) or _is_no_answer(pull, wanted)


def _whole(wanted: Wanted) -> Draft:
    return wanted.draft if wanted.whole is None else wanted.whole()


def _is_no_answer(pull: Pull, wanted: Wanted) -> bool:
    """Whether it is over and was not about what is wanted now, or was closed by us.

    A branch that was gone is pushed with another head, so that what was closed with the old one is nobody's answer.
    """
    if pull.state == "open":
        return False
    other = pull.state == "closed" and pull.sha not in ("", wanted.sha)
    return other or is_withdrawn(pull.body) or wanted.mark not in pull.body
