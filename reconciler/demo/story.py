"""The acts as they happen: each cause, and what follows held against Git, cluster, flags and measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from reconciler.demo import promises, sight
from reconciler.demo.acts import CALM, Act, Scaled
from reconciler.demo.carts import CACHE, PROMOTION
from reconciler.demo.chart import Marked
from reconciler.demo.course import Course
from reconciler.demo.pace import Pace
from reconciler.demo.person import Commit
from reconciler.demo.readings import Spell
from reconciler.demo.sight import FlagState, Pods
from reconciler.demo.telling import Teller
from reconciler.demo.users import Demand
from reconciler.demo.waiting import NotYetError, Patience, UnmetError
from reconciler.demo.watcher import News
from reconciler.demo.world import World

_T = TypeVar("_T")
_BETWEEN_FETCHES: Final = 0.25


@dataclass(frozen=True)
class State:
    """How everything stands at one moment, and how it went just before."""

    spell: Spell
    pods: Pods
    cache: FlagState
    promotion: FlagState


class Story:
    """Tells and checks the acts in a world that has just been started; `UnmetError` where one does not end as told.

    ``marks`` are the decisions so far, for the chart.
    """

    def __init__(self, world: World, teller: Teller, patience: Patience, pace: Pace) -> None:
        self._world = world
        self._teller = teller
        # Between two commits there may lie a wait, beside all that a busy machine adds.
        self._patience = replace(patience, seconds=patience.seconds + pace.settle + pace.wait)
        self._pace = pace
        self.marks: list[Marked] = []

    def begin(self) -> State:
        """Let few users in, and look how that goes."""
        self._ask(CALM)
        began = self._patience.monotonic()

        def look() -> State:
            found = self._state()
            fine = found.spell.p90 is not None and not any(rule.broken(found.spell) for rule in promises.RULES)
            if self._patience.monotonic() - began < self._pace.calm or not fine:
                raise NotYetError(str(found.spell))
            return found

        found = self._until("carts to answer its first users", look)
        if not Scaled(0, 1).done(found.pods) or found.cache.enabled or found.promotion.enabled:
            raise UnmetError(f"the story begins with one replica and both flags off, and {found.pods}")
        self._teller.seen("carts", str(found.spell))
        self._teller.pause()
        return found

    def play(self, act: Act) -> Iterator[State]:
        """Play an act; yields how everything stood when the problem had come, and how it stands at the end.

        Raises:
            UnmetError: it did not go as told.
        """
        self._teller.part(act.title, *act.lines)
        course = Course(act)
        began, newest = self._patience.monotonic(), self._world.person.fetched()[-1].id
        if act.on:
            sight.switch(self._world.places.flags, act.on, enabled=True)
            self._teller.done(f"{act.on} is on now", how=self._world.places.flags.name)
        caused = self._state()
        self._ask(act.demand)
        while not course.over:
            for commit in self._commits_after(newest, course):
                newest = commit.id
                news = self._world.watcher.news()
                self._tell(commit, self._patience.monotonic() - began, news)
                if course.take(commit, [each.problem for each in news]):
                    # By the time that the commit is seen here, the reconciler may have acted.
                    yield replace(caused, spell=news[-1].spell)
        self._check(course)
        yield self._healed(act)
        if (served := self._world.users.stop()) is not None:
            self._teller.seen("users", f"{served}, from the first to the last")
        self._teller.pause()

    def history(self) -> list[Commit]:
        """Return the stage's commits as a person's clone has them after `git pull`, oldest first."""
        self._world.person.pull()
        return self._world.person.fetched()

    def _ask(self, demand: Demand) -> None:
        typed = " ".join(["reconciler", *self._world.users.command(demand)])
        self._world.users.ask(demand)
        self._teller.done(f"{demand.rate:g} requests a second", how=typed)

    def _commits_after(self, newest: str, course: Course) -> list[Commit]:
        """Return the commits that came since, at least one."""

        def look() -> list[Commit]:
            commits = self._world.person.fetched(newest)
            if not commits:
                raise NotYetError(str(self._world.watcher.newest()))
            return commits

        return self._until(course.awaited, look, between=_BETWEEN_FETCHES)

    def _tell(self, commit: Commit, after: float, news: Sequence[News]) -> None:
        if not commit.event:
            self._teller.seen("git", f"pushed      {commit.short} {commit.author}: {commit.subject}", after=after)
            self._teller.more(str(news[-1].spell))
            return
        self._teller.seen("git", f"{commit.event:<11} {commit.short} {commit.subject}", after=after)
        if commit.event == "decided":
            self.marks.append(Marked(self._patience.monotonic(), commit.subject))
        if commit.event == "evaluated":
            self._teller.more(" ".join(commit.body.partition("\n\n")[0].splitlines()[1:]))

    def _check(self, course: Course) -> None:
        """Look whether cluster and flag file have what was decided, by these very decisions."""
        for action, decided in zip(course.act.actions, course.decisions, strict=True):
            found: Pods | FlagState
            if isinstance(action, Scaled):
                found, done = (pods := self._pods()), action.done(pods)
            else:
                found, done = (flag := self._flag(action.flag)), action.done(flag)
            if not done or found.commit != decided.id:
                raise UnmetError(f"decided was `{decided.subject}`, and {found}, set by {found.commit or 'nobody'}")
            where = "cluster" if isinstance(action, Scaled) else "flags"
            self._teller.seen(where, f"{found}, set by commit {decided.short}")

    def _healed(self, act: Act) -> State:
        """Wait until what was broken is measured to hold; it was a moment ago, when the objectives were evaluated."""

        def look() -> State:
            found = self._state()
            if act.rule.broken(found.spell) is not False:
                raise NotYetError(str(found.spell))
            return found

        found = self._until(f"an end of: {act.rule.title}", look)
        self._teller.seen("carts", str(found.spell))
        return found

    def _state(self) -> State:
        return State(self._world.watcher.newest(), self._pods(), self._flag(CACHE), self._flag(PROMOTION))

    def _pods(self) -> Pods:
        return sight.pods(self._world.cluster.url)

    def _flag(self, name: str) -> FlagState:
        return sight.flag(self._world.places.flags, name)

    def _until(self, what: str, look: Callable[[], _T], *, between: float | None = None) -> _T:
        patience = self._patience if between is None else replace(self._patience, between=between)
        with self._teller.waiting(what) as show:

            def shown() -> _T:
                try:
                    return look()
                except NotYetError as error:
                    show(str(error))
                    raise

            return patience.until(what, shown, alive=self._world.check_alive)
