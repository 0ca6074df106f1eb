"""The inbox of a project: reports wait here until its loop has committed and pushed them (docs/laws.md, law 7).

Any thread puts reports in and gets a future of receipts; the loop's thread takes everything that waits, so that
requests that come at the same time share one commit and one push.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

from reconciler.daemon.petitions import Petitions
from reconciler.daemon.secrets import KNOWN
from reconciler.intake.report import Report, Where
from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.model.names import CommitId, ProblemId
from reconciler.model.problem import Problem
from reconciler.model.suggest import did_you_mean

Outcome: TypeAlias = Literal["accepted", "unchanged", "unknown", "refused", "unavailable"]
"""`accepted` and `unchanged` (it was there already) are durable; `unavailable` may be accepted when sent again."""

CAPACITY = 10_000
"""Reports that may wait; more are told to come again."""
LARGEST = 64 << 20
"""Characters of reports that may wait."""
BATCH = 2_000
"""Reports after which no further request is taken at the same time, so that other work has its turn in between."""
_KNOWN = 20
"""Names that an answer lists."""


@dataclass(frozen=True)
class Receipt:
    """What became of one report. ``reason`` says why it was not taken, ``hint`` what to change, with known names."""

    outcome: Outcome
    commit: CommitId = CommitId("")
    path: str = ""
    reason: str = ""
    hint: str = ""

    @property
    def durable(self) -> bool:
        """Whether the report is on the remote."""
        return self.outcome in {"accepted", "unchanged"}


@dataclass(frozen=True)
class Waiting:
    """Reports of one request, and where their receipts go."""

    reports: tuple[Report, ...]
    receipts: Future[tuple[Receipt, ...]]
    size: int = 0


@dataclass(frozen=True)
class OpenProblem:
    """A problem that is open on a stage's branch."""

    where: Where
    id: ProblemId
    problem: Problem


class Inbox:
    """Thread-safe. ``wake`` is called when something was put in."""

    def __init__(self, wake: Callable[[], None], capacity: int = CAPACITY, largest: int = LARGEST) -> None:
        self._wake = wake
        self._capacity = capacity
        self._largest = largest
        self._lock = threading.Lock()
        self._waiting: dict[int, Waiting] = {}
        self._asking: list[Future[tuple[OpenProblem, ...]]] = []
        self._count = 0
        self._size = 0
        self._closed = False
        self.petitions = Petitions(wake)

    def submit(self, reports: Iterable[Report]) -> Future[tuple[Receipt, ...]]:
        """Put reports in. The future gets one receipt for each, in their order; it never fails.

        Where the inbox is full or closed all receipts are `unavailable`, at once. Who cancels it, before it was taken,
        takes the reports out again.
        """
        given = tuple(map(_without_secrets, reports))
        waiting = Waiting(given, Future(), sum(map(_size, given)))
        with self._lock:
            refused = "the daemon is stopping" if self._closed else self._full(len(given), waiting.size)
            if not refused:
                self._add(waiting)
        if refused:
            waiting.receipts.set_result((Receipt("unavailable", reason=refused, hint="send it again"),) * len(given))
        else:
            waiting.receipts.add_done_callback(lambda _: self._drop(waiting))
            self._wake()
        return waiting.receipts

    def _add(self, waiting: Waiting) -> None:
        self._waiting[id(waiting)] = waiting
        self._count += len(waiting.reports)
        self._size += waiting.size

    def _drop(self, waiting: Waiting) -> None:
        with self._lock:
            if self._waiting.pop(id(waiting), None) is not None:
                self._count -= len(waiting.reports)
                self._size -= waiting.size

    def open_problems(self) -> Future[tuple[OpenProblem, ...]]:
        """Ask for everything that is open in the project. The future fails with what stands in the way."""
        future: Future[tuple[OpenProblem, ...]] = Future()
        with self._lock:
            closed = self._closed
            if not closed:
                self._asking.append(future)
        if closed:
            future.set_exception(TransientError("the daemon is stopping"))
        else:
            self._wake()
        return future

    def _full(self, more: int, size: int) -> str:
        # A payload larger than the capacity still gets in where nothing else waits: it could never come otherwise.
        full = self._count + more > self._capacity or self._size + size > self._largest
        return f"{self._count} reports are waiting already" if full and self._count > 0 else ""

    def take(self) -> Sequence[Waiting]:
        """Return requests that wait, those that came first, and forget them; not all of them where they are many."""
        taken: list[Waiting] = []
        count = 0
        with self._lock:
            while self._waiting and count < BATCH:
                waiting = self._waiting.pop(next(iter(self._waiting)))
                count += len(waiting.reports)
                self._size -= waiting.size
                taken.append(waiting)
            self._count -= count
        return [each for each in taken if each.receipts.set_running_or_notify_cancel()]

    def take_asking(self) -> Sequence[Future[tuple[OpenProblem, ...]]]:
        """Return everybody who asks for open problems and still waits, and forget them."""
        with self._lock:
            asking, self._asking = self._asking, []
        return [each for each in asking if each.set_running_or_notify_cancel()]

    @property
    def depth(self) -> int:
        """How many reports wait."""
        return self._count

    def close(self) -> None:
        """Take nothing more, and tell everybody who waits to come again."""
        with self._lock:
            self._closed = True
        self.petitions.close()
        for asking in self.take_asking():
            asking.set_exception(TransientError("the daemon is stopping"))
        while taken := self.take():
            for each in taken:
                each.receipts.set_result((Receipt("unavailable", reason="the daemon is stopping"),) * len(each.reports))


def later(error: ReconcilerError) -> Receipt:
    """Return the receipt for a report that may be accepted when it is sent again."""
    return Receipt("unavailable", reason=error.message, hint=error.hint or "send it again")


class Names:
    """The names of one kind that there are, for answers to reports that name another.

    What is near to a name is looked for a few times only: among ten thousand names that takes a while each time.
    """

    def __init__(self, what: str, where: str, known: Iterable[str], suggestions: int = 3) -> None:
        self._what = what
        self._where = where
        self._names = sorted(known)
        self._left = suggestions
        self._made: dict[str, Receipt] = {}

    def unknown(self, name: str) -> Receipt:
        """Return the receipt for a name that is not there, with those that are."""
        if name not in self._made:
            self._made[name] = self._receipt(name)
        return self._made[name]

    def _receipt(self, name: str) -> Receipt:
        more = len(self._names) - _KNOWN
        listed = ", ".join(self._names[:_KNOWN]) + (f" and {more} more" if more > 0 else "")
        near = did_you_mean(name, self._names) if self._left > 0 else ""
        self._left -= 1
        hint = "; ".join(filter(None, (near, f"there are: {listed}" if listed else "there is none yet")))
        return Receipt("unknown", reason=f"no {self._what} `{_shown(name)}` in {self._where}", hint=hint)


def unknown(what: str, name: str, where: str, known: Iterable[str]) -> Receipt:
    """Return the receipt for a name that is not there, with those that are."""
    return Names(what, where, known).unknown(name)


def _shown(name: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in name[:80])


def _without_secrets(report: Report) -> Report:
    """Return a report without the secrets of ours that its sender repeats: it will be in Git for good."""
    if not KNOWN.suspects(repr(report.problem)):
        return report
    told = {field.name: KNOWN.cleaned(getattr(report.problem, field.name)) for field in fields(report.problem)}
    return replace(report, problem=Problem(**told))


def _size(report: Report) -> int:
    """Return about how many characters a report holds."""
    problem = report.problem
    return len(problem.title) + len(problem.url) + len(str(problem.details)) + len(str(problem.labels))
