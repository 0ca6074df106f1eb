"""The product under measure: the real loop, mirror and Kubernetes target, with a clock at each of its borders."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger

from benchmarks.repositories import PROJECT, STAGE, STAGE_REF
from benchmarks.spent import between, spent
from reconciler.daemon.dispatch import Allowed, Servers
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.surroundings import Surroundings
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.step import Step
from reconciler.model.targets import Effect, Fact, NoFact, WorkloadFact
from reconciler.repo.mirror import Mirror
from reconciler.repo.process import Process
from reconciler.repo.push import PushResult, RefUpdate
from reconciler.repo.stream import NewCommit
from reconciler.targets.kubernetes import Kubeconfig, KubernetesServer
from reconciler.targets.protocol import KubernetesWant

NAMESPACE = f"{PROJECT}-{STAGE}"
_PATIENCE = 50
SWEEP = 30.0
"""Seconds between two looks at all that is held, as the daemon has it; they only go by where `sweep` lets them."""
_SWEEP_ENDS = 300.0
"""Seconds after which such a look must be over."""


@dataclass(frozen=True)
class Span:
    """Something that was waited for, in seconds of `time.perf_counter`; ``what`` is what came of it."""

    kind: str
    began: float
    ended: float
    what: Any = None


Spans = list[Span]


class SkippingClock:
    """The machine's clocks, which can be moved on: so pauses that the product keeps need not be sat through."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def wall(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self._skipped

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Move on."""
        self._skipped += seconds


class TimedMirror(Mirror):
    """The mirror, noting when it did what."""

    spans: Spans

    def _note(self, kind: str, began: float, what: Any) -> None:
        self.spans.append(Span(kind, began, time.perf_counter(), what))

    def tips(self, refs: Sequence[str]) -> dict[str, CommitId | None]:
        """Note what was seen."""
        began = time.perf_counter()
        found = super().tips(refs)
        self._note("tips", began, found)
        return found

    def fetch(self, tips: Mapping[str, CommitId | None]) -> None:
        """Note it."""
        began = time.perf_counter()
        super().fetch(tips)
        self._note("fetch", began, None)

    def write(self, parent: CommitId | None, commits: Sequence[NewCommit]) -> list[CommitId]:
        """Note the commits."""
        began = time.perf_counter()
        ids = super().write(parent, commits)
        self._note("write", began, tuple(commits))
        return ids

    def push(self, updates: Sequence[RefUpdate]) -> PushResult:
        """Note it."""
        began = time.perf_counter()
        result = super().push(updates)
        self._note("push", began, result)
        return result


class TimedKubernetes(KubernetesServer):
    """The Kubernetes target, noting when it did what. Calls come from several threads; appending is atomic."""

    spans: Spans

    def observe(self, want: KubernetesWant) -> Fact:
        """Note what was seen."""
        began = time.perf_counter()
        fact = super().observe(want)
        self.spans.append(Span("observe", began, time.perf_counter(), fact))
        return fact

    def apply(self, effect: Effect) -> Fact:
        """Note what was answered."""
        began = time.perf_counter()
        fact = super().apply(effect)
        self.spans.append(Span("apply", began, time.perf_counter(), fact))
        return fact


@contextmanager
def _children_timed(spans: Spans) -> Iterator[None]:
    """Note how long the product starts git children and waits for them; it has no border there that could be used."""
    start, wait = Process.__init__, Process._wait  # noqa: SLF001 - as the text says

    def timed_start(self: Process, *arguments: Any, **named: Any) -> None:
        began = time.perf_counter()
        start(self, *arguments, **named)
        spans.append(Span("child", began, time.perf_counter()))

    def timed_wait(self: Process) -> list[int]:
        began = time.perf_counter()
        ready = wait(self)
        spans.append(Span("child", began, time.perf_counter()))
        return ready

    setattr(Process, "__init__", timed_start)  # noqa: B010 - a plain assignment is refused by the type checker
    setattr(Process, "_wait", timed_wait)  # noqa: B010 - as above
    try:
        yield
    finally:
        setattr(Process, "__init__", start)  # noqa: B010 - as above
        setattr(Process, "_wait", wait)  # noqa: B010 - as above


@dataclass(frozen=True)
class Answer:
    """One problem, from the moment its tip was known until the API answered the change; in seconds.

    ``own`` is what neither a git child nor the API was waited for. ``before`` are the batches of commits that were
    pushed until then, ``after`` those that followed, ``read_backs`` how often the remote was read after each push.
    """

    total: float
    own: float
    parts: Mapping[str, float]
    before: tuple[tuple[NewCommit, ...], ...]
    after: tuple[tuple[NewCommit, ...], ...]
    read_backs: int


@dataclass(frozen=True)
class Storm:
    """Many problems at once, in seconds from the moment their tip was known.

    ``applied`` is until the API answered the last change, ``committed`` until all of these answers were pushed;
    ``before`` are the batches of commits that were pushed until the last answer, ``spent`` the seconds of processor
    time that were used up to the end of the look in which it came. ``git`` is how long git's children were waited for
    until the last answer.
    """

    applied: float
    committed: float
    before: tuple[tuple[NewCommit, ...], ...]
    spent: Mapping[str, float]
    git: float


class Product:
    """A project's loop over one remote and one cluster. Use as a context manager: see `running`."""

    def __init__(self, loop: ProjectLoop, clock: SkippingClock, spans: Spans) -> None:
        self.loop = loop
        self._clock = clock
        self._spans = spans

    def answer(self, tip: str) -> Answer:
        """Let the loop look at a remote whose stage was just pushed to, until the step after the API's answer."""
        self._spans.clear()
        self._clock.skip(2.0)  # the pause after an earlier push is over
        self._tick()
        seen = list(self._spans)
        for _ in range(_PATIENCE):
            self._clock.skip(2.0)
            if any(step.event == "applied" for step in self._tick()):
                break
        else:
            raise RuntimeError(f"nothing was applied: {self.loop.conditions or seen}")
        return _answer(seen, [span for span in self._spans if span not in seen], tip)

    def storm(self, tip: str, problems: int) -> Storm:
        """Let the loop look until so many changes have been applied, whose problems came in one push."""
        self._spans.clear()
        applied = 0
        before, looks = spent(), []
        for _ in range(_PATIENCE):
            self._clock.skip(2.0)
            applied += sum(step.event == "applied" for step in self._tick())
            looks.append((time.perf_counter(), spent()))
            if applied >= problems:
                break
        else:
            raise RuntimeError(f"{applied} of {problems} changes were applied: {self.loop.conditions}")
        committed = time.perf_counter()
        spans = list(self._spans)
        known = next(span.ended for span in spans if span.kind == "tips" and span.what.get(STAGE_REF) == tip)
        last = max(span.ended for span in spans if span.kind == "apply")
        used = between(before, next(seen for ended, seen in looks if ended >= last))
        before_last = [span for span in spans if known <= span.began and span.ended <= last]
        git = sum(span.ended - span.began for span in before_last if span.kind == "child")
        return Storm(last - known, committed - known, _written(before_last), used, git)

    def look(self) -> Spans:
        """Look once, after the pause that an earlier push asks for, and return what was waited for meanwhile."""
        self._spans.clear()
        self._clock.skip(2.0)
        self._tick()
        return list(self._spans)

    def settle(self) -> None:
        """Look once, with nothing to be done."""
        self._tick()

    def sweep(self, workloads: Collection[str]) -> float:
        """Let the moment come at which all that is held is looked at; returns the seconds until all of it was.

        Time goes by as it does meanwhile, so whatever makes the product slower on purpose counts.
        """
        self._spans.clear()
        self._clock.skip(SWEEP + 1)
        began = time.perf_counter()
        left = set(workloads)
        while left:
            if time.perf_counter() - began > _SWEEP_ENDS:
                raise RuntimeError(f"{len(left)} workloads were not looked at: {self.loop.conditions}")
            self._tick()
            left -= {fact.target.name for span in self._spans if isinstance(fact := span.what, WorkloadFact)}
            if left:
                time.sleep(min(self.loop.pause(), 1.0))
        return max(span.ended for span in self._spans if span.kind == "observe") - began

    def _tick(self) -> tuple[Step, ...]:
        steps = self.loop.tick()
        # Of many looks some take longer than a tick waits; it goes on with the others and asks again.
        if any(not name.endswith("/unseen") for name in self.loop.conditions):
            raise RuntimeError(f"the product stands still: {self.loop.conditions}")
        return steps


def _answer(seen: Spans, later: Spans, tip: str) -> Answer:
    known = next(span.ended for span in seen if span.kind == "tips" and span.what.get(STAGE_REF) == tip)
    applied = next((span for span in seen if span.kind == "apply"), None)
    if applied is None or isinstance(applied.what, NoFact):
        raise RuntimeError(f"the API was not asked, or did not answer: {applied}")
    during = [span for span in seen if span.began >= known and span.ended <= applied.ended]
    parts: dict[str, float] = {}
    for span in during:
        parts[span.kind] = parts.get(span.kind, 0.0) + span.ended - span.began
    total = applied.ended - known
    own = total - sum(parts.get(kind, 0.0) for kind in ("child", "observe", "apply"))
    pushes = [span for span in during if span.kind == "push"]
    read = [span for span in during if span.kind == "tips"]
    return Answer(total, own, parts, _written(during), _written([*seen[seen.index(applied):], *later]),
                  len(read) // len(pushes))  # fmt: skip


def _written(spans: Spans) -> tuple[tuple[NewCommit, ...], ...]:
    return tuple(span.what for span in spans if span.kind == "write")


@contextmanager
def running(
    folder: Path, url: str, kubeconfig: Path, *, sweeps: bool = False, clock: SkippingClock | None = None
) -> Iterator[Product]:  # fmt: skip
    """Run the product over the remote at ``url`` (or a path), its mirror in ``folder``.

    Unless it ``sweeps``, it never looks at all that is held. Who goes on from another's steps has its ``clock``.
    """
    spans: Spans = []
    clock = clock or SkippingClock()

    def open_mirror() -> Mirror:
        mirror = TimedMirror.open(folder / "mirror.git", url)
        mirror.spans = spans
        return mirror

    def connect(stage: StageName) -> Servers:
        kubernetes = TimedKubernetes(Kubeconfig(str(kubeconfig)))
        kubernetes.spans = spans
        namespace = f"{PROJECT}-{stage}"
        return Servers(
            kubernetes, None, Allowed(frozenset({namespace}), frozenset({"Deployment"}), frozenset(), frozenset())
        )

    with (
        open(os.devnull, "w", encoding="utf-8") as sink,  # noqa: PTH123 - it is no file of ours
        _children_timed(spans),
    ):
        # Lines are made as in production and thrown away as late as can be.
        around = Surroundings(clock, connect, _log(sink), poll=5.0, sweep_every=SWEEP if sweeps else 1e9)
        loop = ProjectLoop(open_mirror, ProjectName(PROJECT), around)
        try:
            yield Product(loop, clock, spans)
        finally:
            loop.close()


def _log(sink: TextIO) -> FilteringBoundLogger:
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sink),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )
    return logger
