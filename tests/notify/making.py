"""Notices, and in place of Git and the network: histories and senders that do as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from reconciler.model.errors import TransientError
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, ProblemId, ProjectName, RemediationId, ServiceName, StageName
from reconciler.model.notice import Notice
from reconciler.model.notifications import Notification
from reconciler.notify.channel import Channel, Ports
from reconciler.notify.cursors import Cursors
from reconciler.notify.protocol import Claim

STAGE = StageName("production")
NOW = Instant(1_795_000_000)
HELD = Notice(
    commit=CommitId("a" * 40), project=ProjectName("sockshop"), stage=STAGE, event="held",
    subject="carts: held: approval (Response time degradation)", body="scaling +1 needs a person's approval.",
    sequence=7, time=NOW, service=ServiceName("carts"), remediation=RemediationId("p1"), action="scaling +1",
    reason="scaling +1 needs a person's approval", condition="approval", lifts="`reconciler approve p1`",
    problems=((ProblemId("p1"), "Response time degradation"),),
)  # fmt: skip


def commit(number: int) -> CommitId:
    return CommitId(f"{number:040x}")


def numbered(number: int, stage: StageName = STAGE) -> Notice:
    return replace(HELD, commit=commit(number), sequence=number, stage=stage)


@dataclass
class Sender:
    """Fails as it is told, else remembers what was told; ``gate`` holds it up."""

    errors: list[Exception] = field(default_factory=list)
    told: list[CommitId] = field(default_factory=list)
    tries: int = 0
    gate: threading.Event | None = None
    down: bool = False
    never: tuple[CommitId, ...] = ()

    def send(self, notice: Notice) -> None:
        self.tries += 1
        if self.gate is not None:
            assert self.gate.wait(20)
        if self.down or notice.commit in self.never:
            raise TransientError("down")
        if self.errors:
            raise self.errors.pop(0)
        self.told.append(notice.commit)


@dataclass
class Pauses:
    """1, 2, 3, ... seconds, and how often it began anew."""

    count: int = 0
    resets: int = 0

    def next(self) -> float:
        self.count += 1
        return float(self.count)

    def reset(self) -> None:
        self.count = 0
        self.resets += 1


@dataclass
class Rests:
    """Pauses that end at once; which they were is kept. ``after`` is done in the n-th."""

    seconds: list[float] = field(default_factory=list)
    after: Callable[[], None] | None = None

    def __call__(self, event: threading.Event, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.after is not None:
            self.after()


@dataclass(frozen=True)
class Claimed:
    """A commit of the fake history; ``notice`` None: it only says that it is a step."""

    commit: CommitId
    event: str = "held"
    notice: Notice | None = None
    error: Exception | None = None


@dataclass
class History:
    """A line of steps; what was asked for is kept. ``error`` is raised instead of an answer."""

    steps: list[Claimed] = field(default_factory=list)
    asked: list[tuple[str, Instant]] = field(default_factory=list)
    read: int = 0
    error: Exception | None = None

    def grow(self, count: int, event: str = "held", stage: StageName = STAGE) -> CommitId:
        """Add steps. Returns the tip."""
        for number in range(len(self.steps) + 1, len(self.steps) + count + 1):
            self.steps.append(Claimed(commit(number), event, replace(numbered(number, stage), event=event)))
        return self.steps[-1].commit

    def claims(self, tip: CommitId, since: str, earliest: Instant) -> Sequence[Claim]:
        self.asked.append((since, earliest))
        if self.error is not None:
            raise self.error
        commits = [step.commit for step in self.steps]
        start = commits.index(CommitId(since)) + 1 if since in commits else 0
        return self.steps[start : commits.index(tip) + 1]

    def notice(self, claim: Claim, events: frozenset[str]) -> Notice | None:
        self.read += 1
        step = next(step for step in self.steps if step.commit == claim.commit)
        if step.error is not None:
            raise step.error
        found = step.notice
        return found if found is not None and found.event in events else None


def log() -> structlog.typing.FilteringBoundLogger:
    made: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return made


def channel(
    folder: Path, sender: Sender, *, name: str = "on-call", size: int = 8, rests: Rests | None = None,
    pauses: Pauses | None = None, events: frozenset[str] | None = None, stages: frozenset[str] | None = None,
) -> Channel:  # fmt: skip
    receiver = Notification(name, "webhook", url="http://x", stages=stages)
    receiver = replace(receiver, events=events) if events is not None else receiver
    ports = Ports(sender, Cursors(folder, log()), pauses or Pauses(), log(), pause=rests or Rests())
    return Channel(receiver, ports, size)
