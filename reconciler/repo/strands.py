"""Steps that stand beside each other: neither of two descends from the other, and a merge has brought both together.

All steps of one row descend from each other. So a step that no other one stands beside is in the row, whichever that
is; of two beside each other one was overruled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from reconciler.model.names import CommitId, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import CommitInfo
from reconciler.repo.steps import Claimed, claimed, is_step

_Heads: TypeAlias = frozenset[CommitId]


def beside(store: Mirror, claim: Claimed, tip: CommitId) -> bool:
    """Tell whether the history of a commit has a step beside one of its own. Reads all commits that came since."""
    descending = {claim.commit}
    others: list[Claimed] = []
    for info in reversed(list(store.commits(tip, since=claim.commit))):
        if not descending.isdisjoint(info.parents):
            descending.add(info.id)
        elif len(info.parents) < 2 and (other := claimed(info, claim.stage)) is not None:
            others.append(other)
    return any(is_step(store, other) for other in others)


def alone(infos: Sequence[CommitInfo], stage: StageName) -> Iterator[Claimed]:
    """Yield what claims to be a step and has no such claim beside it, of commits with the children before the parents.

    Whatever lies before the oldest commits is unknown, and nothing is beside anything there.
    """
    strands = _Strands()
    claims: list[Claimed] = []
    for info in reversed(infos):
        claim = claimed(info, stage) if len(info.parents) < 2 else None
        strands.add(info, is_claim=claim is not None)
        if claim is not None:
            claims.append(claim)
    yield from (claim for claim in claims if claim.commit not in strands.doubled)


class _Strands:
    """The graph of claims alone, grown from the oldest commit on. ``doubled``: those with another one beside them."""

    def __init__(self) -> None:
        self._heads: dict[CommitId, _Heads] = {}
        self._before: dict[CommitId, _Heads] = {}
        self._depth: dict[CommitId, int] = {}
        self.doubled: set[CommitId] = set()

    def add(self, info: CommitInfo, *, is_claim: bool) -> None:
        """Take the next commit, whose parents were taken before."""
        heads: _Heads = frozenset().union(*(self._heads.get(parent, frozenset()) for parent in info.parents))
        if len(heads) > 1:
            heads = self._joined(heads)
        if is_claim:
            self._before[info.id] = heads
            self._depth[info.id] = 1 + max((self._depth[each] for each in heads), default=0)
            heads = frozenset((info.id,))
        self._heads[info.id] = heads

    def _joined(self, heads: _Heads) -> _Heads:
        """Return those of some claims that none of the others descends from; what is beside each other is noted."""
        least = min(self._depth[each] for each in heads)
        whole = {each: self._down((each,), least) for each in heads}
        newest = frozenset(
            each for each in heads if not any(each in whole[other] for other in heads if other != each)
        )  # fmt: skip
        if len(newest) > 1:
            below = {each: self._down((each,), 0) for each in newest}
            for each in newest:
                for other in newest - {each}:
                    self.doubled |= below[each] - below[other]
        return newest

    def _down(self, claims: Iterable[CommitId], least: int) -> set[CommitId]:
        """Return claims and all that they descend from, as far as that is no less deep than ``least``."""
        found: set[CommitId] = set()
        waiting = list(claims)
        while waiting:
            each = waiting.pop()
            if each not in found and self._depth[each] >= least:
                found.add(each)
                waiting += self._before[each]
        return found
