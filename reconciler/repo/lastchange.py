"""Which commit brought a file to a branch: who pushed a command, when a problem arrived.

Such questions are asked about what has just been pushed, so the answer is mostly the tip or near it, and is found there
through the persistent children. Only what lies further back starts a process. Both ways follow the same rule, git's
own: where a merge has the file just as one of its parents has it, the history of the first such parent counts. So the
answer depends on the tip alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from reconciler.model.names import CommitId
from reconciler.repo.faults import TooMuchError
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import CommitInfo

_WALKED: Final = 16
"""Commits that are looked at one by one before git is asked, which costs as much as some dozens of them."""
_FOLLOWED: Final = 256
"""First parents that are followed to the merge that brought a file."""
_REMEMBERED: Final = 4096
_DIFFS: Final = 256
_PASSED: Final = 1 << 16
"""Commits, and paths in which they differ, that are remembered so as to be leapt over; as many paths besides."""
_NEVER: Final = -(1 << 62)
_SEVERAL: Final = 4
"""Directories of one commit that are compared each by itself; then all that it changes is looked at in one go."""


class LastChanges:
    """Answers for one mirror.

    What was found is remembered with its tip: the way back ends there the next time. What a commit changed in a
    directory is remembered too, since files of one directory are often asked about together. A commit that is asked
    about in many directories is compared as a whole, once, and leapt over from then on.
    """

    def __init__(self, store: Mirror) -> None:
        self._store = store
        self._known: OrderedDict[str, tuple[CommitId, CommitInfo | None]] = OrderedDict()
        self._changed: OrderedDict[tuple[CommitId | None, CommitId, str], frozenset[str | None]] = OrderedDict()
        self._changed_paths = 0
        self._asked: OrderedDict[tuple[CommitId | None, CommitId], int] = OrderedDict()
        self._passed: OrderedDict[CommitId, tuple[CommitId, frozenset[str | None]]] = OrderedDict()
        self._passed_paths = 0

    def pass_by(self, chain: Sequence[CommitInfo], paths: Iterable[str | None]) -> None:
        """Learn that commits, the oldest first, changed nothing but these paths: the way back leaps over them.

        Where anything lies between two of them nothing is learned.
        """
        linked = all(new.parents == (old.id,) for old, new in pairwise(chain))
        if not chain or not linked or len(chain[0].parents) != 1:
            return
        self._forget(chain[-1].id)
        passed = self._passed[chain[-1].id] = chain[0].parents[0], frozenset(paths)
        self._passed_paths += _size(passed)
        while self._passed_paths > _PASSED:
            self._forget(next(iter(self._passed)))

    def _forget(self, commit: CommitId) -> None:
        known = self._passed.pop(commit, None)
        self._passed_paths -= _size(known) if known is not None else 0

    def find(self, tip: CommitId, path: str) -> CommitInfo | None:
        """Return the commit that last changed a file, as seen from the tip; None where no commit ever did."""
        known = self._known.pop(path, None)
        found = self._walk(tip, path, known)
        self._known[path] = (tip, found)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    def arrival(self, tip: CommitId, path: str) -> CommitInfo | None:
        """Return the commit with which a file that is there came to the branch: a merge, where one brought it.

        Only first parents are followed, and only so far; None where it came before that.
        """
        current = tip
        for _ in range(_FOLLOWED):
            info = self._store.commit(current)
            if not info.parents or self._store.blob_id(info.parents[0], path) is None:
                return info
            current = info.parents[0]
        return None

    def _walk(self, tip: CommitId, path: str, known: tuple[CommitId, CommitInfo | None] | None) -> CommitInfo | None:
        current, looked = tip, 0
        while looked < _WALKED:
            if known is not None and current == known[0]:
                return known[1]
            before, passed = self._passed.get(current, (None, ()))
            if before is not None and path not in passed:
                current = before
                continue
            looked += 1
            info = self._store.commit(current)
            same = next((parent for parent in info.parents if not self._differs(parent, info, path)), None)
            if same is None:
                return info if info.parents or self._differs(None, info, path) else None
            current = same
        return self._store.last_change(current, path)

    def _differs(self, parent: CommitId | None, commit: CommitInfo, path: str) -> bool:
        folder = path.rpartition("/")[0]
        changed = self._changed_in(parent, commit, folder)
        if changed is None and self._is_wide(parent, commit):
            changed = self._compare(parent, commit, "")
        if changed is None:
            changed = self._compare(parent, commit, folder)
        if changed is not None:
            return path in changed
        before = self._store.blob_id(parent, path) if parent is not None else None
        return before != self._store.blob_id(commit.id, path)

    def _changed_in(self, parent: CommitId | None, commit: CommitInfo, folder: str) -> frozenset[str | None] | None:
        before, passed = self._passed.get(commit.id, (None, frozenset[str | None]()))
        if before is not None and before == parent:
            return passed
        whole = self._changed.get((parent, commit.id, ""))
        return self._changed.get((parent, commit.id, folder)) if whole is None else whole

    def _is_wide(self, parent: CommitId | None, commit: CommitInfo) -> bool:
        """Whether it was asked about in many directories, as after a push for many services."""
        pair = (parent, commit.id)
        asked = self._asked[pair] = self._asked.pop(pair, 0) + 1
        while len(self._asked) > _DIFFS:
            self._asked.popitem(last=False)
        return asked > _SEVERAL

    def _compare(self, parent: CommitId | None, commit: CommitInfo, folder: str) -> frozenset[str | None] | None:
        """Return what differs in a directory, or everywhere (``""``); None where that is too much to look at."""
        try:
            changed = frozenset(change.path for change in self._store.diff(parent, commit.id, folder))
        except TooMuchError:
            if not folder:
                self._asked[parent, commit.id] = _NEVER
            return None
        if not folder and parent is not None and commit.parents == (parent,) and len(changed) < _PASSED:
            self.pass_by([commit], changed)
            return changed
        self._changed[parent, commit.id, folder] = changed
        self._changed_paths += len(changed)
        while len(self._changed) > _DIFFS or (self._changed_paths > _PASSED and len(self._changed) > 1):
            _, oldest = self._changed.popitem(last=False)
            self._changed_paths -= len(oldest)
        return changed


def _size(passed: tuple[CommitId, frozenset[str | None]]) -> int:
    return len(passed[1]) + 1
