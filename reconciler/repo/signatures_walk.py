"""The history of a branch read for an audit: every commit once with its bytes, parents first, and what each changed.

Read in batches through children that answer while the next question is on its way, so that fifty thousand commits take
seconds. Nothing is remembered from one audit to the next: what is told was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.faults import TooMuchError, checked
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import EMPTY_TREE, TreeId
from reconciler.repo.objects import Change, CommitInfo, parse_change, parse_commit
from reconciler.repo.offline import Offline
from reconciler.repo.process import Process, ProcessDiedError

_BATCH: Final = 512
_DIFFS: Final = 256
"""Pairs of trees that one child is asked about: it keeps all that it has read."""
_WIDE: Final = 256
_DIFFS_OF_NARROW: Final = 4096
"""As many pairs where the trees are small, by what stands in the newest one's root."""
_MANY: Final = 10_000
"""Changes of one commit beyond which it is not read ahead: whoever asks for it alone knows what is too much."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A commit and the bytes that its signature is about."""

    info: CommitInfo
    raw: bytes


def commits(offline: Offline, tip: CommitId, since: CommitId | None = None) -> Iterator[Walked]:
    """Yield what is reachable from ``tip`` and not from ``since``, parents before their children."""
    ids = walked(offline, tip, since)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        for commit, raw in zip(batch, offline.reader.raw_commits(batch), strict=True):
            yield Walked(parse_commit(commit, raw), raw)


def walked(offline: Offline, tip: CommitId, since: CommitId | None = None) -> list[CommitId]:
    """Return the ids of what is reachable from ``tip`` and not from ``since``, parents before their children."""
    with offline.start(argv.rev_list(offline.git_dir, tip, since=since)) as process:
        listed = checked(f"walking the history of {tip}", process.finish())
    return [CommitId(line) for line in listed.decode("ascii").split()][::-1]


def reachable(offline: Offline, tips: Sequence[CommitId]) -> frozenset[CommitId]:
    """Return all commits that somebody has chosen to begin with; what is not here says nothing."""
    known = [each for each in tips if offline.reader.find_commit(each) is not None]
    return frozenset(commit for each in known for commit in walked(offline, each))


def first_parents(store: Mirror, tip: CommitId, since: CommitId) -> list[CommitId]:
    """Return the commits from a tip along first parents, as far as they do not come before ``since``."""
    with store.start(argv.first_parents(store.path, tip, since)) as process:
        listed = checked(f"walking the branch of {tip}", process.finish())
    return [CommitId(line) for line in listed.decode("ascii").split()]


def changes(
    offline: Offline, pairs: Sequence[tuple[TreeId | None, TreeId]]
) -> Iterator[list[Change] | None]:  # fmt: skip
    """Yield what differs between two trees, pair by pair; None is the empty tree, and said of what is too much."""
    for start in range(0, len(pairs), _DIFFS):
        batch = [(old or EMPTY_TREE, new) for old, new in pairs[start : start + _DIFFS]]
        with offline.start(argv.diff_tree(offline.git_dir)) as process:
            _ask(process, batch)
            done = 0
            with suppress(ProcessDiedError):
                for old, new in batch:
                    found = [each for each in _answers(process) if each is not None] if old != new else []
                    yield found
                    done += 1
        # Where git had no more memory, or did not answer, the rest is asked one by one.
        yield from (_alone(offline, old, new) for old, new in batch[done:])


def _alone(offline: Offline, old: TreeId, new: TreeId) -> list[Change] | None:
    try:
        return offline.reader.diffs.ask(old, new, b"") if old != new else []
    except TooMuchError:
        return None


def differences(
    store: Mirror, infos: Iterable[CommitInfo], wanted: Callable[[bytes], bool]
) -> Iterator[tuple[CommitInfo, list[Change] | None]]:  # fmt: skip
    """Yield commits, parents first, with those changes of theirs whose paths are wanted.

    None for merges, and for what is too much to be read ahead: ask for those one by one.
    """
    trees: dict[CommitId, TreeId] = {}
    come = iter(infos)
    size = _DIFFS
    while batch := list(islice(come, size)):
        size = _DIFFS if len(store.trees([batch[-1].tree])[0]) > _WIDE else _DIFFS_OF_NARROW
        trees.update((info.id, info.tree) for info in batch)
        pairs = [(_before(store, info, trees), info.tree) for info in batch]
        with store.start(argv.diff_tree(store.path)) as process:
            _ask(process, [pair for pair in pairs if pair[0] is not None])
            readable = True
            for info, (old, new) in zip(batch, pairs, strict=True):
                found = _bounded(process, old, new, wanted) if old is not None and readable else None
                # What comes after too many is not waited for, and with it goes the child.
                readable = readable and (found is not None or old is None)
                yield info, found


def _bounded(
    process: Process, old: TreeId, new: TreeId, wanted: Callable[[bytes], bool]
) -> list[Change] | None:  # fmt: skip
    """Return what the child tells of the next pair; None where that is too much, or killed the child."""
    try:
        told = list(islice(_answers(process, wanted), _MANY)) if old != new else []
    except ProcessDiedError:
        return None
    return [each for each in told if each is not None] if len(told) < _MANY else None


def _before(store: Mirror, info: CommitInfo, trees: Mapping[CommitId, TreeId]) -> TreeId | None:
    if len(info.parents) != 1:
        return None
    return trees.get(info.parents[0]) or store.commit(info.parents[0]).tree


def _ask(process: Process, pairs: Iterable[tuple[TreeId | None, TreeId]]) -> None:
    process.send("".join(f"{old} {new}\nEND\n" for old, new in pairs if old != new).encode())


def _everything(_: bytes) -> bool:
    return True


def _answers(process: Process, wanted: Callable[[bytes], bool] = _everything) -> Iterator[Change | None]:
    """Yield what differs; None for what nobody wants."""
    # diff-tree repeats the pair, then tells what differs, and repeats any line that is no object's id.
    process.line()
    while process.peek() == b":":
        head = process.until(b"\0")
        name = process.until(b"\0")
        yield parse_change(head, name, b"") if wanted(name) else None
    process.line()
