"""From wants and due fields to target servers: allowed or not, many at once, and no slow one delays another.

Whatever goes wrong comes back as a fact that says so; `decide` makes of it what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.clock import Clock, ServerDates
from reconciler.daemon.failpoints import reach
from reconciler.decide.claims import live_value
from reconciler.decide.effects import Due
from reconciler.model.errors import BlindError, ReconcilerError, TerminalError, TransientError
from reconciler.model.targets import Effect, Fact, Mark, NoFact, Want, WantFlag, WantWorkload
from reconciler.targets.protocol import TargetServer

PATIENCE = 1.0
"""Seconds that a tick waits for target servers; later answers wake the loop when they come."""
FRESH = 3.0
"""Seconds after which an answer that was not fetched is no fact any more."""
_THREADS = 8
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
        if isinstance(want, WantWorkload):
            if want.namespace not in self.namespaces:
                return _forbidden("namespace", want.namespace, "allow.namespaces")
            return None if want.kind in self.kinds else _forbidden("kind", want.kind, "allow.kinds")
        if want.project not in self.flag_projects:
            return _forbidden("flag project", want.project, "allow.flagProjects")
        if want.environment not in self.flag_environments:
            return _forbidden("flag environment", want.environment, "allow.flagEnvironments")
        return None


def _forbidden(what: str, name: str, key: str) -> NoFact:
    return NoFact("forbidden", f"{what} {name!r} is not allowed", f"add it to `{key}` in the daemon's configuration")


@dataclass(frozen=True)
class Servers:
    """The target servers of one stage; None where none is configured. ``dates`` hears what their clocks say."""

    kubernetes: TargetServer[WantWorkload] | None
    flags: TargetServer[WantFlag] | None
    allowed: Allowed
    dates: ServerDates | None = None

    def observe(self, want: Want) -> Fact:
        """Look at one target."""
        return self.allowed.verdict(want) or self._guarded(lambda: self._observe(want))

    def _observe(self, want: Want) -> Fact:
        if isinstance(want, WantWorkload):
            return self.kubernetes.observe(want) if self.kubernetes else _unconnected("Kubernetes", "kubernetes")
        return self.flags.observe(want) if self.flags else _unconnected("flag server", "flags")

    def apply(self, due: Due, commit: str) -> Fact:
        """Write one field, unless it is to be given back and is not ours any more. Returns what is seen then."""
        verdict = self.allowed.verdict(due.want)
        if verdict is not None:
            return verdict
        if due.held.expected is not None:
            seen = self.observe(due.want)
            live = live_value(due.key[0], seen)
            if live == due.held.value or not due.stands(live):
                return seen
        mark = Mark(due.owner, due.held.sequence, commit)
        effect = Effect(due.key[0], due.key[1], due.held.value, mark, due.held.by)
        return self._guarded(lambda: self._apply(due, effect))

    def _apply(self, due: Due, effect: Effect) -> Fact:
        server: TargetServer[Any] | None = self.kubernetes if isinstance(due.want, WantWorkload) else self.flags
        if server is None:
            return _unconnected("server", "kubernetes or flags")
        reach("before-apply")
        fact = server.apply(effect)
        reach("after-apply")
        return fact if due.held.through is None else self._observe(due.want)

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
        for server in (self.kubernetes, self.flags):
            if server is not None:
                server.close()


def _unconnected(what: str, key: str) -> NoFact:
    return NoFact("forbidden", f"no {what} is configured for this stage", f"add `{key}` to the stage's configuration")


@dataclass
class _Call:
    """Something asked of a server. ``ended`` is when its answer came, monotonic seconds; None while it has not."""

    future: Future[Fact]
    ended: float | None = None


class Dispatch:
    """Runs observations and writes of one stage on threads. Used by the loop's thread alone.

    Each of the two servers has threads of its own, so that one that hangs does not keep the other waiting.
    """

    def __init__(
        self, servers: Servers, clock: Clock, log: FilteringBoundLogger, wake: Callable[[], None],
        patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._servers = servers
        self._clock = clock
        self._log = log
        self._wake = wake
        self._patience = patience
        self._pools = {
            kind: ThreadPoolExecutor(_THREADS, thread_name_prefix=kind.__name__) for kind in (WantWorkload, WantFlag)
        }
        self._calls: dict[tuple[int, Want], _Call] = {}

    @property
    def dates(self) -> ServerDates | None:
        """What the servers' clocks say, where one of them tells."""
        return self._servers.dates

    def observe(self, wants: Iterable[Want]) -> Mapping[Want, Fact]:
        """Return the facts that came within the patience; asking again soon gives those that came since."""
        return self._collect({(_LOOK, want): partial(self._servers.observe, want) for want in wants})

    def apply(self, due: Iterable[tuple[Due, str]]) -> Mapping[Want, Fact]:
        """Write fields, with the commit behind each, and return what is seen then, as `observe` does."""
        return self._collect(
            {(each.held.sequence, each.want): partial(self._servers.apply, each, commit) for each, commit in due}
        )

    def _collect(self, asked: Mapping[tuple[int, Want], Callable[[], Fact]]) -> Mapping[Want, Fact]:
        self._forget_old_answers()
        for key, call in asked.items():
            if key not in self._calls:
                self._calls[key] = self._start(key[1], call)
        wait([self._calls[key].future for key in asked], timeout=self._patience)
        facts: dict[Want, Fact] = {}
        for key in asked:
            future = self._calls[key].future
            if future.done():
                del self._calls[key]
                facts[key[1]] = self._result(key[1], future)
            else:
                future.add_done_callback(lambda _: self._wake())
        return facts

    def _start(self, want: Want, call: Callable[[], Fact]) -> _Call:
        started = _Call(self._pools[type(want)].submit(call))

        def note_end(_: Future[Fact]) -> None:
            started.ended = self._clock.monotonic()

        started.future.add_done_callback(note_end)
        return started

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
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        self._servers.close()
