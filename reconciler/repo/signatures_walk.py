"""The history of a branch read for an audit: every commit once with its bytes, parents first, and what each changed.

Read in batches through children that answer while the next question is on its way, so that fifty thousand commits take
seconds. Nothing is remembered from one audit to the next: what is told was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.faults import checked
from reconciler.repo.names import EMPTY_TREE, TreeId
from reconciler.repo.objects import Change, CommitInfo, parse_change, parse_commit
from reconciler.repo.offline import Offline
from reconciler.repo.process import Process

_BATCH: Final = 512
_DIFFS: Final = 256
"""Pairs of trees that one child is asked about: it keeps all that it has read."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A commit and the bytes that its signature is about."""

    info: CommitInfo
    raw: bytes


def commits(offline: Offline, tip: CommitId, since: CommitId | None = None) -> Iterator[Walked]:
    """Yield what is reachable from ``tip`` and not from ``since``, parents before their children."""
    ids = _ids(offline, tip, since)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        for commit, raw in zip(batch, offline.reader.raw_commits(batch), strict=True):
            yield Walked(parse_commit(commit, raw), raw)


def _ids(offline: Offline, tip: CommitId, since: CommitId | None) -> list[CommitId]:
    with offline.start(argv.rev_list(offline.git_dir, tip, since=since)) as process:
        listed = checked(f"walking the history of {tip}", process.finish())
    return [CommitId(line) for line in listed.decode("ascii").split()][::-1]


def first_parents(offline: Offline, tip: CommitId, since: CommitId | None = None) -> frozenset[CommitId]:
    """Return the commits that the branch itself was at: what a merge brought along is not among them."""
    with offline.start(argv.first_parents(offline.git_dir, tip, since)) as process:
        listed = checked(f"walking the branch of {tip}", process.finish())
    return frozenset(CommitId(line) for line in listed.decode("ascii").split())


def changes(
    offline: Offline, pairs: Sequence[tuple[TreeId | None, TreeId]]
) -> Iterator[list[Change]]:  # fmt: skip
    """Yield what differs between two trees, pair by pair; None is the empty tree."""
    for start in range(0, len(pairs), _DIFFS):
        batch = [(old or EMPTY_TREE, new) for old, new in pairs[start : start + _DIFFS]]
        with offline.start(argv.diff_tree(offline.git_dir)) as process:
            process.send("".join(f"{old} {new}\nEND\n" for old, new in batch if old != new).encode())
            for old, new in batch:
                yield _answer(process) if old != new else []


def _answer(process: Process) -> list[Change]:
    # diff-tree repeats the pair, then tells what differs, and repeats any line that is no object's id.
    process.line()
    found: list[Change] = []
    while process.peek() == b":":
        head = process.until(b"\0")
        found.append(parse_change(head, process.until(b"\0"), b""))
    process.line()
    return found
