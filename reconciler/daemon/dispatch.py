"""From wants and due fields to target servers: allowed or not, many at once, and no slow one delays another.

Whatever goes wrong comes back as a fact that says so; `decide` makes of it what follows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.calls_counted import Counted, Lane, result_of, uncounted
from reconciler.daemon.clock import Clock, ServerDates
from reconciler.daemon.failpoints import reach
from reconciler.decide.claims import live_value, mark_of
from reconciler.decide.effects import Due
from reconciler.evidence.protocol import Evidence
from reconciler.model.desired import Key
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError, TransientError
from reconciler.model.measures import WantMeasures
from reconciler.model.targets import (
    ROUTE,
    Effect,
    Fact,
    Mark,
    NoFact,
    Want,
    WantCall,
    WantFlag,
    WantRoute,
    WantTemplate,
    WantWorkload,
)
from reconciler.net.threads import Pool
from reconciler.targets.protocol import Foreseeing, KubernetesWant, TargetServer

PATIENCE = 1.0
"""Seconds that a tick waits for target servers; later answers wake the loop when they come."""
FRESH = 3.0
"""Seconds after which an answer that was not fetched is no fact any more."""
BRIEFLY = 0.05
"""Seconds that a tick waits where only values are asked for: providers are slow by nature, and others wait behind."""
_THREADS: Final[Mapping[Lane, int]] = {"kubernetes": 8, "flags": 8, "endpoints": 8, "evidence": 32}
"""Calls at a time; a provider that hangs must not keep other services from being measured."""
_WRITERS: Final = 8
"""Writes to API servers at a time, apart from looks: the looks of what is decided next do not wait for them."""
_REMEMBERED: Final = 4096
"""Writes that are known to have been done."""
_LOOK = 0
"""In place of a step's sequence: nothing is written."""


@dataclass(frozen=True)
class Allowed:
    """What the daemon's own configuration allows to be touched; a playbook cannot widen it."""

    namespaces: frozenset[str]
    kinds: frozenset[str]
    flag_projects: frozenset[str]
    flag_environments: frozenset[str]

    def verdict(self, want: Want) -> NoFact | None:
        """Return why a want may not even be looked at, None where it may."""
        if isinstance(want, WantWorkload | WantTemplate | WantRoute):
            kind = ROUTE if isinstance(want, WantRoute) else want.kind
            if want.namespace not in self.namespaces:
                return _forbidden("namespace", want.namespace, "allow.namespaces")
            return None if kind in self.kinds else _forbidden("kind", kind, "allow.kinds")
        if isinstance(want, WantFlag):
            if want.project not in self.flag_projects:
                return _forbidden("flag project", want.project, "allow.flagProjects")
            if want.environment not in self.flag_environments:
                return _forbidden("flag environment", want.environment, "allow.flagEnvironments")
        return None


def lane(want: Want) -> Lane:
    """Return which kind of server answers a want."""
    match want:
        case WantMeasures():
            return "evidence"
        case WantFlag():
            return "flags"
        case WantCall():
            return "endpoints"
        case _:
            return "kubernetes"


def _forbidden(what: str, name: str, key: str) -> NoFact:
    return NoFact("forbidden", f"{what} {name!r} is not allowed", f"add it to `{key}` in the daemon's configuration")


@dataclass(frozen=True)
class Servers:
    """What one stage's wants are put to; None where nothing is configured. ``dates`` hears what servers' clocks say.

    ``endpoints`` knows which endpoints playbooks may call. ``may_write`` is asked right before each write.
    """

    kubernetes: TargetServer[KubernetesWant] | None
    flags: TargetServer[WantFlag] | None
    allowed: Allowed
    dates: ServerDates | None = None
    endpoints: TargetServer[WantCall] | None = None
    evidence: Evidence | None = None
    may_write: Callable[[], bool] = lambda: True

    def expect(self, wants: Iterable[Want]) -> None:
        """Say which targets are looked at next."""
        server: object = self.kubernetes
        if isinstance(server, Foreseeing):
            server.expect(
                want
                for want in wants
                if isinstance(want, WantWorkload | WantTemplate | WantRoute) and self.allowed.verdict(want) is None
            )

    def observe(self, want: Want) -> Fact:
        """Look at one target."""
        return self.allowed.verdict(want) or self._guarded(lambda: self._observe(want))

    def _observe(self, want: Want) -> Fact:
        measured = isinstance(want, WantMeasures)
        reach("before-measure" if measured else "before-observe")
        fact = self._asked(want)
        reach("after-measure" if measured else "after-observe")
        return fact

    def _asked(self, want: Want) -> Fact:
        match want:
            case WantMeasures():
                return self.evidence.measure(want) if self.evidence else _unconnected("SLI provider", "evidence")
            case WantFlag():
                return self.flags.observe(want) if self.flags else _unconnected("flag server", "flags")
            case WantCall():
                return self.endpoints.observe(want) if self.endpoints else _unconnected("endpoint", "allow.endpoints")
            case _:
                return self.kubernetes.observe(want) if self.kubernetes else _unconnected("Kubernetes", "kubernetes")

    def apply(self, due: Due, commit: str) -> Fact:
        """Write one field, unless it is to be given back and is not ours any more. Returns what is seen then."""
        verdict = self.allowed.verdict(due.want)
        if verdict is not None:
            return verdict
        if self.evidence is not None:
            # What this does will be measured, and some values are those that somebody has been looking at all along.
            self.evidence.watch(due.owner.rpartition("/")[2])
        if due.expected is not None:
            seen = self.observe(due.want)
            if not due.stands(live_value(due.key, seen)):
                return seen
        mark = Mark(due.owner, due.sequence, commit)
        effect = Effect(due.key[0], due.key[1], due.value, mark, due.by, due.payload)
        return self._guarded(lambda: self._apply(due, effect))

    def _apply(self, due: Due, effect: Effect) -> Fact:
        servers: dict[Lane, TargetServer[Any] | None] = {
            "kubernetes": self.kubernetes,
            "flags": self.flags,
            "endpoints": self.endpoints,
        }
        server = servers.get(lane(due.want))
        if server is None:
            return _unconnected("server", lane(due.want))
        reach("before-apply")
        if not self.may_write():
            return NoFact("blind", "the lease of this stage is not ours any more", "another daemon goes on with it")
        fact = server.apply(effect)
        reach("after-apply")
        return self._observe(due.want) if due.through else fact

    @staticmethod
    def _guarded(call: Callable[[], Fact]) -> Fact:
        try:
            return call()
        except TerminalError as error:
            return NoFact("invalid", error.message, error.hint)
        except (BlindError, TransientError) as error:
            return NoFact("blind", error.message, error.hint)

    def close(self) -> None:
        """Let go of connections."""
        for server in (self.kubernetes, self.flags, self.endpoints, self.evidence):
            if server is not None:
                server.close()


def _unconnected(what: str, key: str) -> NoFact:
    return NoFact("forbidden", f"no {what} is configured for this stage", f"add `{key}` to the stage's configuration")


@dataclass
class _Call:
    """Something asked of a server. Both moments are monotonic seconds; ``ended`` is None while no answer has come."""

    future: Future[Fact]
    begun: float
    ended: float | None = None


class Dispatch:
    """Runs observations and writes of one stage on threads. Used by the loop's thread alone.

    Each kind of server has threads of its own, so that one that hangs does not keep the others waiting.
    """

    def __init__(
        self, servers: Servers, clock: Clock, log: FilteringBoundLogger, wake: Callable[[], None],
        patience: float = PATIENCE, counted: Counted = uncounted,
    ) -> None:  # fmt: skip
        self._servers = servers
        self._clock = clock
        self._log = log
        self._wake = wake
        self._patience = patience
        self._counted = counted
        self._pools = {name: Pool(size, thread_name_prefix=name) for name, size in _THREADS.items()}
        self._writers = Pool(_WRITERS, thread_name_prefix="kubernetes-writes")
        self._foreseers = Pool(_THREADS["kubernetes"], thread_name_prefix="ahead")
        self._calls: dict[tuple[int, Want], _Call] = {}
        self._news = threading.Event()
        self._noting = threading.Lock()
        self._written: dict[tuple[Key, int, str], None] = {}

    @property
    def dates(self) -> ServerDates | None:
        """What the servers' clocks say, where one of them tells."""
        return self._servers.dates

    @property
    def is_writing(self) -> bool:
        """Whether something is being written at this moment, or about to be."""
        return any(key[0] != _LOOK and not call.future.done() for key, call in self._calls.items())

    def begin(self, wants: Iterable[Want], *, ahead: bool = False) -> None:
        """Begin to look; `observe` and `take` return what came of it.

        ``ahead``: on threads of its own, since others must not wait behind what is not needed yet.
        """
        self._begin(self._looks(wants), ahead=ahead)

    def take(self, wants: Iterable[Want]) -> tuple[Mapping[Want, Fact], float]:
        """Return the facts that have come, and since when they are facts: when the first of them was begun to be seen.

        Nothing is waited for. What no thread has begun is let go of, so that whoever needs it now comes before what is
        looked up ahead; what was begun longer than `FRESH` ago is no fact any more.
        """
        now = self._clock.monotonic()
        facts: dict[Want, Fact] = {}
        since = now
        for want in wants:
            call = self._calls.get((_LOOK, want))
            if call is None or not (call.future.done() or call.future.cancel()):
                continue
            del self._calls[_LOOK, want]
            if not call.future.cancelled() and now - call.begun <= FRESH:
                facts[want] = self._result(want, call.future)
                since = min(since, call.begun)
        return facts, since

    def forget_looks(self) -> None:
        """Let go of all looks: others have changed the world since."""
        self.forget([want for sequence, want in self._calls if sequence == _LOOK])

    def forget(self, wants: Iterable[Want]) -> None:
        """Let go of looks that were begun: what they saw, or will see, is no fact."""
        for want in wants:
            call = self._calls.pop((_LOOK, want), None)
            if call is not None:
                call.future.cancel()

    def observe(self, wants: Iterable[Want]) -> Mapping[Want, Fact]:
        """Return the facts that came within the patience; asking again soon gives those that came since."""
        return self._collect(self._looks(wants), self._patience)

    def glance(self, wants: Iterable[Want]) -> Mapping[Want, Fact]:
        """Return the facts that came within the patience, as `observe`; what was asked for before is not waited for."""
        wants = set(wants)
        before = {want for want in wants if (_LOOK, want) in self._calls}
        fresh = self._collect(self._looks(wants - before), self._patience)
        return {**fresh, **self._collect(self._looks(before), 0.0)}

    def _looks(self, wants: Iterable[Want]) -> dict[tuple[int, Want], Callable[[], Fact]]:
        self._forget_old_answers()
        jobs: dict[tuple[int, Want], Callable[[], Fact]]
        jobs = {(_LOOK, want): partial(self._servers.observe, want) for want in wants}
        self._servers.expect(want for look, want in jobs if (look, want) not in self._calls)
        return jobs

    def apply(self, due: Iterable[tuple[Due, str]], *, waits: bool = True) -> Mapping[Want, Fact]:
        """Write fields, with the commit behind each, and return what is seen then, as `observe` does.

        ``waits`` False: there is other work meanwhile, so the writes are begun and hardly any has come yet.
        """
        jobs = {(each.sequence, each.want): partial(self._write, each, commit) for each, commit in due}
        return self._collect(jobs, self._patience if waits else 0.0)

    def _write(self, due: Due, commit: str) -> Fact:
        """Write a field, once: what was changed since, under our mark, is looked at and not fought for.

        A rollout takes its time, and a controller that wants another value would write it back at every look of ours.
        """
        done = (due.key, due.sequence, commit)
        with self._noting:
            again = done in self._written
        if again:
            fact = self._servers.observe(due.want)
            mark = mark_of(due.key, fact)
            if isinstance(fact, NoFact) or (mark is not None and mark.sequence >= due.sequence):
                return fact
        fact = self._servers.apply(due, commit)
        if live_value(due.key, fact) == due.value:
            with self._noting:
                self._written[done] = None
                if len(self._written) > _REMEMBERED:
                    del self._written[next(iter(self._written))]
        return fact

    def _collect(
        self, asked: Mapping[tuple[int, Want], Callable[[], Fact]], patience: float
    ) -> Mapping[Want, Fact]:  # fmt: skip
        self._begin(asked)
        quick = [self._calls[key].future for key in asked if lane(key[1]) != "evidence"]
        wait(quick or [self._calls[key].future for key in asked], timeout=patience if quick else BRIEFLY)
        facts: dict[Want, Fact] = {}
        for key in asked:
            future = self._calls[key].future
            if future.done():
                del self._calls[key]
                facts[key[1]] = self._result(key[1], future)
            else:
                future.add_done_callback(lambda _: self._came_late())
        return facts

    def _begin(self, asked: Mapping[tuple[int, Want], Callable[[], Fact]], *, ahead: bool = False) -> None:
        self._forget_old_answers()
        for key, call in asked.items():
            if key not in self._calls:
                self._calls[key] = self._start(key, call, ahead=ahead)

    def _came_late(self) -> None:
        self._news.set()
        self._wake()

    def take_news(self) -> bool:
        """Return whether an answer has come that a tick did not wait for, since this was asked last."""
        news = self._news.is_set()
        self._news.clear()
        return news

    def _start(self, key: tuple[int, Want], call: Callable[[], Fact], *, ahead: bool) -> _Call:
        where = lane(key[1])
        pool = self._writers if where == "kubernetes" and key[0] != _LOOK else self._pools[where]
        pool = self._foreseers if ahead else pool
        started = _Call(pool.submit(self._counting, key, call), self._clock.monotonic())

        def note_end(_: Future[Fact]) -> None:
            started.ended = self._clock.monotonic()

        started.future.add_done_callback(note_end)
        return started

    def _counting(self, key: tuple[int, Want], call: Callable[[], Fact]) -> Fact:
        result = "failed"
        try:
            fact = call()
            result = result_of(fact)
            return fact
        finally:
            self._counted(lane(key[1]), result, wrote=key[0] != _LOOK)

    def _forget_old_answers(self) -> None:
        """Drop answers that nobody fetched in time: what was seen then is no fact of now."""
        now = self._clock.monotonic()
        for key, call in list(self._calls.items()):
            if call.ended is not None and now - call.ended > FRESH:
                del self._calls[key]

    def _result(self, want: Want, future: Future[Fact]) -> Fact:
        error = future.exception()
        if error is None:
            return future.result()
        if not isinstance(error, ReconcilerError):
            self._log.error("a bug in reconciler, or in a server's client", want=str(want), exc_info=error)
            return NoFact("blind", f"a bug in reconciler: {type(error).__name__}", "see the daemon's log")
        return NoFact("blind", error.message, error.hint)

    def close(self) -> None:
        """Let go of the servers; calls under way end by their own deadlines."""
        for pool in (*self._pools.values(), self._writers, self._foreseers):
            pool.shutdown(wait=False, cancel_futures=True)
        self._servers.close()
