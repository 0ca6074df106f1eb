"""Commits of a history of which nobody can list what they change: found, and gone past (ADR 0234).

Git is asked about thousands of commits at a time. Where it ends because it may have no more memory, those that it had
not told yet are asked about one by one until the one is found at which it ends again; then it goes on in one go. One
alone gets less memory, which it takes git seconds to fill. What brought so much is mostly taken away again, which is
as much: both are known by the trees between which that lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from reconciler.model.names import CommitId
from reconciler.repo.faults import TooMuchError
from reconciler.repo.names import EMPTY_TREE
from reconciler.repo.reader import Reader

_T = TypeVar("_T")
_NEAR: Final = 16
"""Commits that are asked about one by one before git is asked about the rest at once again."""
MORE: Final = "more than can be looked at"
"""What a commit changed of which git cannot list it, as people are told."""


class Beyond:
    """What is known of such commits in one walk. One thread."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._between: set[frozenset[str]] = set()

    def past(
        self,
        ids: Sequence[CommitId],
        told: Callable[[Sequence[CommitId]], Iterator[_T]],
        untold: Callable[[CommitId], _T],
    ) -> Iterator[_T]:
        """Yield what is told of commits, one each in their order; ``untold`` tells those that are too much.

        ``told`` yields one for each commit that it is given, of one alone in `DIFF_MEMORY`; it raises TooMuchError
        where git has ended.
        """
        left = list(ids)
        alone = 0
        while left:
            if self._knows(left[0]):
                yield untold(left.pop(0))
                continue
            asked = left[:1] if alone else left[: self._until(left)]
            done = 0
            try:
                for each in told(asked):
                    yield each
                    done += 1
                alone = max(alone - 1, 0)
            except TooMuchError:
                if len(asked) == 1:
                    self._between.add(self._trees(asked[0]))
                    yield untold(asked[0])
                    done, alone = 1, 0
                else:
                    alone = _NEAR
            del left[:done]

    def _until(self, ids: Sequence[CommitId]) -> int:
        """Return how many commits come before the next one that is known to be too much."""
        if not self._between:
            return len(ids)
        return next((number for number, each in enumerate(ids) if self._knows(each)), len(ids))

    def _knows(self, commit: CommitId) -> bool:
        return bool(self._between) and self._trees(commit) in self._between

    def _trees(self, commit: CommitId) -> frozenset[str]:
        info = self._reader.commit(commit)
        before = self._reader.commit(info.parents[0]).tree if info.parents else EMPTY_TREE
        return frozenset((before, info.tree))
