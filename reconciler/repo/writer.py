"""The one that makes commits: a persistent ``git fast-import``, 2 ms a commit however many services there are.

It never moves a branch. Commits go to a private ref, and after a checkpoint they are durable and visible to the other
children; only a push makes them count. A running fast-import holds a ``.keep`` on each pack that it wrote, so it is
ended now and then (`CHECKPOINTS_PER_CHILD`) and upkeep can combine its packs. Where commits are to be signed, which it
cannot do, its commits are made again with a signature.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from reconciler.model.errors import BugError, TransientError
from reconciler.model.names import CommitId
from reconciler.repo.children import Child
from reconciler.repo.names import commit_id
from reconciler.repo.objects import Identity
from reconciler.repo.process import Process
from reconciler.repo.signing_commits import SignedCommits
from reconciler.repo.stream import NewCommit, commit_stream

PRIVATE_REF: Final = "refs/reconciler/writer"
CHECKPOINTS_PER_CHILD: Final = 64
RECONCILER: Final = Identity("reconciler", "reconciler@localhost")
_REMEMBERED: Final = 8192


class Writer:
    """Writes chains of commits into the mirror, signed where ``signed`` makes them so. One owner thread."""

    def __init__(
        self, start: Callable[[], Process], committer: Identity = RECONCILER, signed: SignedCommits | None = None
    ) -> None:
        self.child = Child("git fast-import", start)
        self._signed = signed
        self._committer = committer
        self._checkpoints = 0
        self._parents: OrderedDict[CommitId, CommitId | None] = OrderedDict()

    def write(self, parent: CommitId | None, commits: Sequence[NewCommit]) -> list[CommitId]:
        """Write a linear chain on ``parent`` (None: a first commit) and return the ids, oldest first.

        When it returns, the objects are on disk and readable by `Mirror`. The same input gives the same ids, except
        where the signature of an ECDSA or GPG key, which is another one each time, is among it.

        Raises:
            UserError: a path or identity that cannot be written; nothing was written.
            ConfigError, BlindError: it is to be signed, and the key cannot be used or had.
            TransientError: git failed twice (disk full, killed); `DamagedError` where the parent is not there.
        """
        stream = b"".join(commit_stream(PRIVATE_REF, parent, commits, self._committer))
        if self._checkpoints >= CHECKPOINTS_PER_CHILD:
            self.rest()
        self._checkpoints += 1
        ids = self.child.ask(lambda process: self._exchange(process, stream, len(commits)))
        if self._signed is not None:
            ids = self._signed.make(parent, ids)
        for written, before in zip(ids, [parent, *ids[:-1]], strict=True):
            self._parents[written] = before
        while len(self._parents) > _REMEMBERED:
            self._parents.popitem(last=False)
        return ids

    def descends(self, new: CommitId, old: CommitId | None) -> bool:
        """Tell whether ``new`` is known to descend from ``old`` by what was written here; False where not known."""
        current: CommitId | None = new
        while current is not None and current != old and current in self._parents:
            current = self._parents[current]
        return current == old

    def pids(self) -> set[int]:
        """Return the process ids of the running children."""
        children = [self.child] if self._signed is None else [self.child, self._signed.child]
        return {child.pid for child in children if child.pid is not None}

    def rest(self) -> None:
        """End the children properly, so that packs lose their ``.keep``; the next write starts new ones."""
        self._checkpoints = 0
        if self._signed is not None:
            self._signed.child.drop()
        if self.child.pid is None:
            return
        try:
            self.child.ask(self._farewell)
        except TransientError:
            # It could not say goodbye. What it acknowledged is on disk; what it left behind is swept at the next start.
            return
        finally:
            self.child.drop()

    @staticmethod
    def _exchange(process: Process, stream: bytes, count: int) -> list[CommitId]:
        marks = b"".join(b"get-mark :%d\n" % number for number in range(1, count + 1))
        # Ids are asked for before the checkpoint but only believed after it: earlier the objects are not on disk.
        process.send(stream + marks + b"checkpoint\nprogress END\n")
        ids = [commit_id(process.line().decode("ascii")) for _ in range(count)]
        if process.line() != b"progress END":
            raise BugError("git fast-import answered in a form that is not known")
        return ids

    @staticmethod
    def _farewell(process: Process) -> None:
        process.send(b"done\n")
        finished = process.finish()
        if finished.status:
            raise TransientError(f"git fast-import ended with status {finished.status}")
