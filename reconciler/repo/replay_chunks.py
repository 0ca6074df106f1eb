"""A replay by several processes: each takes a part of the history, and what one begins with the one before has proved.

A part begins at a step as it stands in Git, taken for true. That is sound because the part before it ends with that
step: only if it came out byte for byte there, with nothing foreign left beside it, what was done from it on counts.
Where that is not so, the rest is replayed once more, in one go, from where it was still so. Beginning in the middle
costs a look at all that lies in the tree there, which is why later parts are shorter.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Final

from reconciler.decide.draft import RULES
from reconciler.model.errors import ConfigError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import Offline
from reconciler.repo.project import settings_at
from reconciler.repo.replay import Ended, Part, Replay
from reconciler.repo.replay_findings import Finding, Kind, Replayed, folded
from reconciler.repo.replay_reading import order
from reconciler.repo.replay_rows import BESIDE
from reconciler.repo.signatures_believed import Believed, WhyNot, everybody
from reconciler.repo.standing import ProjectSettings
from reconciler.repo.steps import claimed, own_change

SMALLEST: Final = 8000
"""Commits below which a further process does not pay: it takes about as long to start as to replay a thousand."""
_LOADING: Final = 0.2
"""What it costs to begin after a commit, in commits: what lies in the tree then has to be read."""
_COLLECT: Final = (400_000, 20, 1000)
"""After how many objects more cycles are looked for among the young, and how often among all."""
_LOOK: Final = 0.2
"""Seconds after which it is looked how far the others are."""
_NEAR: Final = 4096
"""Commits among which a step is looked for at which a part may begin."""


@dataclass(frozen=True)
class Wish:
    """What is to be replayed: the branch of a stage's steps from ``since`` (None: its beginning) to ``tip``.

    ``config`` is the tip of people's files where those have a branch of their own, ``project`` that of the project's;
    ``name`` is the project's name where project.yaml does not say it. ``believed`` says whose steps are believed, None:
    everybody's.
    """

    stage: StageName
    tip: CommitId
    project: CommitId
    since: CommitId | None = None
    config: CommitId | None = None
    name: ProjectName | None = None
    believed: Believed | None = None

    def by(self, offline: Offline) -> WhyNot:
        """Return what tells of a commit whether it may be a step."""
        return self.believed.by(offline) if self.believed is not None else everybody


def _silent(_: int, __: int) -> None:
    return


def _nothing() -> None:
    return


def replay(
    repository: LocalRepository, offline: Offline, wish: Wish, *,
    processes: int = 1, smallest: int = SMALLEST, tell: Callable[[int, int], None] = _silent,
    prepare: Callable[[], object] = _nothing,
) -> Replayed:  # fmt: skip
    """Replay a stage. ``tell`` is told how many commits of how many were gone through.

    ``prepare`` is called first in every further process: what was registered here is not there yet.
    A range begins with the newest step before it, which is taken as it is.
    """
    start = None if wish.since is None else _newest(offline, wish.since, wish.stage, wish.by(offline))
    ids = order(offline, wish.tip, start)
    parts = _parts(offline, wish, start, ids, processes if len(ids) >= 2 * smallest else 1)
    tell_all = _Counter(tell, len(ids))
    # What reads for this process is no child of those that are begun now.
    offline.reader.drop()
    if len(parts) == 1:
        return _finished(_run(repository.git_dir, wish, parts[0], True, tell_all).replayed)
    return _finished(_together(repository.git_dir, wish, parts, tell_all, prepare))


class _Counter:
    """Adds up what was gone through."""

    def __init__(self, tell: Callable[[int, int], None], whole: int) -> None:
        self._tell = tell
        self._whole = whole
        self._done = 0

    def __call__(self, count: int) -> None:
        self._done = min(self._done + count, self._whole)
        self._tell(self._done, self._whole)


def _newest(offline: Offline, tip: CommitId, stage: StageName, why_not: WhyNot) -> CommitId | None:
    """Return the newest step that a commit stands on, by what commits say and change; None where there is none.

    One of older rules is none, whatever it says.
    """
    for commit in reversed(order(offline, tip, None)):
        info = offline.reader.commit(commit)
        claim = claimed(info, stage)
        if claim is None or claim.rules < RULES or len(info.parents) != 1:
            continue
        if own_change(offline.reader.diff(info.parents[0], commit), claim) is not None and not why_not(commit):
            return commit
    return None


def _parts(
    offline: Offline, wish: Wish, start: CommitId | None, ids: Sequence[CommitId], count: int
) -> list[Part]:  # fmt: skip
    first = Part(wish.stage, wish.tip, wish.project, wish.config, start, ids)
    borders = [0]
    why_not = wish.by(offline) if count > 1 else everybody
    for position in _borders(len(ids), count):
        step = _step_near(offline, wish.stage, ids, position, why_not)
        if step is not None and step > borders[-1]:
            borders.append(step)
    borders.append(len(ids))
    return [
        replace(
            first,
            start=ids[begin - 1] if begin else start,
            ids=ids[begin:end],
            proven=begin > 0 and start is None,
        )
        for begin, end in pairwise(borders)
    ]


def _borders(commits: int, count: int) -> list[int]:
    """Return where parts begin so that all end at about the same time."""
    lengths: list[float] = []
    for _ in range(count):
        lengths.append(max(1 - _LOADING * sum(lengths), 0.1))
    scale = commits / sum(lengths)
    return [round(sum(lengths[:number]) * scale) for number in range(1, count)]


def _step_near(
    offline: Offline, stage: StageName, ids: Sequence[CommitId], position: int, why_not: WhyNot
) -> int | None:  # fmt: skip
    """Return the position after the first step from a position on; None where there is none nearby."""
    for number in range(position, min(position + _NEAR, len(ids))):
        info = offline.reader.commit(ids[number])
        if len(info.parents) == 1 and claimed(info, stage) is not None and not why_not(ids[number]):
            return number + 1
    return None


def _together(
    path: Path, wish: Wish, parts: Sequence[Part], tell: _Counter, prepare: Callable[[], object]
) -> Replayed:  # fmt: skip
    context = _context()
    queue: SimpleQueue[int] = context.SimpleQueue()
    with ProcessPoolExecutor(len(parts), context, initializer=_started, initargs=(queue, prepare)) as pool:
        futures: list[Future[Ended]] = [
            pool.submit(_apart, path, wish, part, number == len(parts) - 1) for number, part in enumerate(parts)
        ]
        while wait(futures, timeout=_LOOK).not_done:
            _drain(queue, tell)
        ended = [future.result() for future in futures]
        _drain(queue, tell)
    return joined(path, wish, parts, ended, tell)


def _context() -> BaseContext:
    """Return how further processes begin: forked, all that was loaded is there; beside other threads that may hang."""
    alone = sys.platform == "linux" and threading.active_count() == 1
    return get_context("fork" if alone else "spawn")


def joined(
    path: Path, wish: Wish, parts: Sequence[Part], ended: Sequence[Ended], tell: Callable[[int], None]
) -> Replayed:  # fmt: skip
    """Return what came of all parts; what does not go on from the part before it is replayed once more."""
    done = Replayed(wish.stage, wish.tip)
    for number, each in enumerate(ended):
        if number + 1 < len(ended) and not each.clean:
            # What the next part began with is not what this one ended with.
            ids = [commit for part in parts[number:] for commit in part.ids]
            done.take(_run(path, wish, replace(parts[number], ids=ids), True, tell).replayed)
            return done
        done.take(each.replayed)
    return done


_QUEUES: list[SimpleQueue[int]] = []


def _started(queue: SimpleQueue[int], prepare: Callable[[], object]) -> None:
    _QUEUES.append(queue)
    prepare()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


def _drain(queue: SimpleQueue[int], tell: _Counter) -> None:
    while not queue.empty():
        tell(queue.get())


def _apart(path: Path, wish: Wish, part: Part, whole: bool) -> Ended:
    return _run(path, wish, part, whole, _QUEUES[0].put)


def _run(
    path: Path, wish: Wish, part: Part, whole: bool, tell: Callable[[int], None]
) -> Ended:  # fmt: skip
    with (
        _rare_collections(),
        LocalRepository.open(path) as repository,
        tempfile.TemporaryDirectory(prefix="reconciler-") as folder,
    ):
        offline = Offline(repository)
        try:
            with Mirror.open(Path(folder) / "view.git", str(repository.git_dir)) as store:
                settings = partial(_settings, store, wish)
                return Replay(offline, store, part, settings, tell, wish.by(offline)).run(whole=whole)
        finally:
            offline.reader.drop()


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python look for cycles rarely: what is kept of a stage is large and has none, and looking takes a fifth."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _settings(store: Mirror, wish: Wish, commit: CommitId) -> ProjectSettings | None:
    with suppress(ConfigError):
        return settings_at(store, commit, wish.name, wish.stage)
    return None


def _finished(done: Replayed) -> Replayed:
    """Settle what a step says by itself that the branch was rewritten, and tell in one what is the same."""
    seen = done.rewritten

    def settled(each: Finding) -> Finding:
        gone = each.kind == Kind.BASE and each.where == "Config"
        beside = each.kind == Kind.NUMBER and each.where == BESIDE
        if each.error and (gone or beside) and each.sequence < seen:
            return each.settled(f"the branch was rewritten, as step {seen} says")
        return each

    done.findings = list(folded(map(settled, done.findings)))
    return done
