"""The commits of a replay as git tells them: what each says, where it stands, and which files it changed to what.

All is read in batches and nothing is kept, so that a history of any length takes the same memory. Of a commit's own
bytes only what is needed to make them again is read: whoever knows what they should be compares ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Final

from reconciler.model.names import BlobId, CommitId
from reconciler.repo import children, chronicle_argv, replay_argv
from reconciler.repo.beyond import MORE, Beyond
from reconciler.repo.faults import TooMuchError, checked, out_of_memory
from reconciler.repo.index import Moved, Stored
from reconciler.repo.names import ZERO, TreeId
from reconciler.repo.objects import Change, CommitInfo, Identity, parse_person, text_or_none
from reconciler.repo.offline import Offline
from reconciler.repo.process import Process, ProcessDiedError

BATCH: Final = 1500
"""Commits that one child is asked about: it keeps all that it has read, and their ids have to fit into a pipe."""

_DIGITS: Final = 12
"""Digits of a moment that the calendar does not have."""


@dataclass(slots=True)
class Read:
    """A commit. ``changes`` are raw: two records of `git diff-tree --raw` for each file, none of a merge's.

    ``beyond``: it changed more than can be listed, so none are there (ADR 0234).
    """

    id: CommitId
    tree: str
    parents: tuple[CommitId, ...]
    author: str
    committer: str
    message: str
    changes: list[bytes]
    _moves: list[Moved] | None = None
    beyond: bool = False

    def moves(self) -> list[Moved]:
        """Return the files that differ from the first parent's; one whose name is no text is left out."""
        if self._moves is None:
            self._moves = self._moved()
        return self._moves

    def _moved(self) -> list[Moved]:
        found = []
        changes = self.changes
        for position in range(0, len(changes), 2):
            name = text_or_none(changes[position + 1])
            if name is None:
                continue
            _, mode, _, blob, _ = changes[position].decode("ascii").split(" ")
            gone = mode == "000000"
            found.append(Moved(name, None if gone else Stored(mode, BlobId(blob))))
        return found

    def differences(self) -> list[Change]:
        """Return the same with what was there before."""
        return [_change(head, name) for head, name in zip(self.changes[::2], self.changes[1::2], strict=True)]

    def info(self) -> CommitInfo:
        """Return the commit as everybody else knows it."""
        author, written = _person(self.author)
        committer, made = (author, written) if self.committer == self.author else _person(self.committer)
        return CommitInfo(self.id, TreeId(self.tree), self.parents, author, committer, written, made, self.message)

    @property
    def time(self) -> int:
        """When it was committed, as it says, in seconds."""
        seconds = self.committer.rpartition(" ")[2]
        return int(seconds) if seconds.removeprefix("-").isdecimal() else 0


def _person(told: str) -> tuple[Identity, datetime]:
    who, _, seconds = told.rpartition(" ")
    if seconds.isdecimal() and len(seconds) < _DIGITS:
        return _identity(who), datetime.fromtimestamp(int(seconds), UTC)
    return parse_person(told)


@lru_cache(maxsize=64)
def _identity(who: str) -> Identity:
    return parse_person(who)[0]


def _change(head: bytes, name: bytes) -> Change:
    old_mode, new_mode, old, new, _ = head.lstrip(b"\n:").decode("ascii").split(" ")
    return Change(
        text_or_none(name), name,
        None if old_mode == "000000" else old_mode, None if old == ZERO else BlobId(old),
        None if new_mode == "000000" else new_mode, None if new == ZERO else BlobId(new),
    )  # fmt: skip


def order(offline: Offline, tip: CommitId, since: CommitId | None) -> list[CommitId]:
    """Return what is reachable from ``tip`` and not from ``since``, parents before their children."""
    words = chronicle_argv.order(offline.git_dir, [tip], [since] if since is not None else [])
    with offline.start(words) as process:
        listed = checked(f"walking the history of {tip}", process.finish())
    return [CommitId(line) for line in listed.decode("ascii").split()]


def read(offline: Offline, ids: Sequence[CommitId]) -> Iterator[list[Read]]:
    """Yield commits in the order given, batch by batch; git reads the next one meanwhile."""
    batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    beyond = Beyond(offline.reader)
    following = _asked(offline, batches[0]) if batches else None
    try:
        for position in range(len(batches)):
            current, following = following, None
            if current is None:
                return
            if position + 1 < len(batches):
                following = _asked(offline, batches[position + 1])
            found, whole = _finished(current)
            if not whole:
                left = batches[position][len(found) :]
                found += beyond.past(left, partial(_once, offline), partial(_bare, offline))
            yield found
    finally:
        if following is not None:
            following.kill()


def _asked(offline: Offline, ids: Sequence[CommitId]) -> Process:
    process = offline.start(replay_argv.commits(offline.git_dir))
    process.send("".join(f"{each}\n" for each in ids).encode())
    return process


def _finished(process: Process) -> tuple[list[Read], bool]:
    """Return the commits that git told whole, and whether it told all: not where it got no more memory."""
    with process:
        done = process.finish()
    if done.status and out_of_memory(done.stderr):
        return _parsed(done.stdout)[:-1], False
    return _parsed(checked("reading commits", done)), True


def _once(offline: Offline, ids: Sequence[CommitId]) -> Iterator[Read]:
    process = _asked(offline, ids)
    if len(ids) == 1:
        process.limit_memory(children.DIFF_MEMORY)
    found, whole = _finished(process)
    yield from found
    if not whole:
        raise TooMuchError(f"{MORE} was changed by one of {len(ids)} commits")


def _bare(offline: Offline, commit: CommitId) -> Read:
    process = offline.start(replay_argv.words(offline.git_dir))
    process.send(f"{commit}\n".encode())
    (found,), _ = _finished(process)
    found.beyond = True
    return found


def _parsed(told: bytes) -> list[Read]:
    found: list[Read] = []
    changes: list[bytes] = []
    name = False
    for record in told.split(b"\0")[:-1]:
        if name:
            changes.append(record)
            name = False
        elif record[:1] == b":" or record[:2] == b"\n:":
            changes.append(record)
            name = True
        else:
            ids, parents, author, committer, message = record.decode("utf-8", "replace").split("\n", 4)
            changes = []
            # As short as a commit's own text: what git adds to it is one line feed at its end at most.
            found.append(
                Read(
                    CommitId(ids[:40]), ids[41:], tuple(CommitId(each) for each in parents.split()), author, committer,
                    message, changes,
                )
            )  # fmt: skip
    return found


def contents(offline: Offline, ids: Sequence[BlobId], limit: int) -> dict[BlobId, bytes]:
    """Return contents of files by id; what is larger than ``limit`` bytes, or could not be read, is left out.

    Whoever needs that asks for it by itself, and is told why.
    """
    found: dict[BlobId, bytes] = {}
    for start in range(0, len(ids), BATCH):
        asked = ids[start : start + BATCH]
        with offline.start(replay_argv.contents(offline.git_dir)) as process, suppress(ProcessDiedError):
            process.send("".join(f"{each}\n" for each in asked).encode())
            process.close_input()
            for blob in asked:
                _, kind, *told = process.line().split(b" ")
                if not told:  # missing
                    continue
                size = int(told[0])
                if size > limit:
                    break
                content = process.exactly(size)
                process.skip(1)
                if kind == b"blob":
                    found[blob] = content
    return found
