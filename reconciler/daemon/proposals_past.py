"""What the past says of an action that people are asked to approve: how often it was taken, and what came of it.

Asked by the desk's thread, of the chronicle that the bridge keeps too, through readers of its own: the loop waits for
none of it, and a proposal is never kept back because its past cannot be told.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.bridge.following import chronicle_path
from reconciler.daemon.asked import Asked
from reconciler.daemon.failpoints import reach
from reconciler.forge.telling import code
from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.model.names import StageName
from reconciler.repo.chronicle import Chronicle
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.chronicle_records import Filter, PastRemediation
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import whole

NEWEST: Final = 200
"""Remediations of the entry that are looked at."""
_NEW: Final = 200_000
"""Commits that are read for one proposal at most: about a minute, which people would rather not wait."""
_LISTED: Final = 3
_HEAD: Final = "**What if**: what became of it before."
_UNTOLD: Final = f"{_HEAD} The past could not be read in time."


@dataclass(frozen=True)
class Question:
    """What is asked: ``git_dir`` is the mirror, ``trail`` where the stage's branches were when this was proposed."""

    git_dir: Path
    trail: Trail
    asked: Asked


class _TooLongError(TransientError):
    """The history has more in it that is not in the chronicle than is read for a proposal."""


class PastActions:
    """Of one project. One thread; ``folder`` is where its chronicles lie."""

    def __init__(self, folder: Path, log: FilteringBoundLogger) -> None:
        self._folder = folder
        self._log = log
        self._long: set[StageName] = set()

    def tell(self, question: Question) -> str:
        """Return what the past says, as Markdown. Never raises for a past that cannot be read: it says so."""
        try:
            found = self._found(question)
        except (ReconcilerError, sqlite3.Error, OSError) as error:
            self._log.warning("a proposal is made without its past", stage=question.asked.stage, reason=str(error))
            return _UNTOLD
        return _UNTOLD if found is None else told(question.asked, found)

    def _found(self, question: Question) -> Sequence[PastRemediation] | None:
        asked = question.asked
        path = chronicle_path(self._folder, asked.stage)
        reach("before-past")
        self._follow(path, question)
        reach("after-past")
        chronicle = Chronicle.open(path, asked.stage)
        if chronicle is None:
            return None
        with chronicle:
            only = Filter(service=asked.service, entry=asked.entry)
            newest = chronicle.remediations(only, limit=NEWEST + 1).items
            return [each for each in newest if each.service == asked.service]

    def _follow(self, path: Path, question: Question) -> None:
        """Bring the chronicle to where the stage is, unless the bridge is about to: what it has told is good enough."""
        if question.asked.stage in self._long:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            repository = LocalRepository.open(question.git_dir)
            try:
                with whole(repository) as objects, Chronicler.open(path, question.asked.stage, objects) as chronicler:
                    chronicler.follow(question.trail, _bounded)
            except _TooLongError:
                self._long.add(question.asked.stage)  # until the bridge has read it, or for ever
                raise
            finally:
                repository.close()


def _bounded(done: int) -> None:
    if done > _NEW:
        raise _TooLongError(f"more than {_NEW:,} commits would have to be read", hint="the bridge keeps a chronicle")


def told(asked: Asked, found: Iterable[PastRemediation]) -> str:
    """Return what earlier remediations of the same entry of the same service say of the action, as Markdown."""
    earlier = [each for each in found if each.id != asked.remediation][:NEWEST]
    taken = [each for each in earlier if asked.action in each.tried]
    about = f"the newest {NEWEST}" if len(earlier) == NEWEST else f"{len(earlier)}"
    seen = f"{about} earlier remediations of {code(asked.entry)} for {code(asked.name)}"
    if not taken:
        return f"{_HEAD} No past problem took this action ({seen})."
    lines = [f"{_HEAD} Of {seen}, {len(taken)} took {code(asked.action)}:", ""]
    results = Counter(_result(each, asked.action) for each in taken)
    lines += [
        f"* {count} times {word}" for word, count in sorted(results.items(), key=lambda each: (-each[1], each[0]))
    ]
    helped = [each.seconds for each in taken if _is_healed(each, asked.action) and each.seconds is not None]
    if helped:
        lines.append(f"* where it helped, half of them were over {_span(median_low(helped))} after the report")
    lines += ["", "The newest of them:", ""]
    lines += [f"* {code(each.id)} {code(each.title)}: {_result(each, asked.action)}" for each in taken[:_LISTED]]
    return "\n".join(lines)


def _is_healed(past: PastRemediation, action: str) -> bool:
    return past.healed and past.helped == action


def _result(past: PastRemediation, action: str) -> str:
    """Return what came of it, as the remediation ended."""
    if past.ended is None:
        return "not over yet"
    if past.unhealed:
        return "unhealed: its source resolved it, and the objectives were missed"
    if past.healed and past.helped != action:
        return "remediated by another action"
    return past.outcome


def _span(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 2 * 86400 else f"{seconds // 86400} d"
