"""Merges of ours that brought home what a mirror had kept, and what of it counts: nothing where the remote had steps.

What was pushed beats what was kept in a mirror only, however long that is: whoever pushed it had to know of all that
was there, and has acted on it (docs/laws.md, law 5; ADR 0262). Which side was which the merge tells: its first parent
is where the remote was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from reconciler.model.names import CommitId, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import CommitInfo
from reconciler.repo.steps import Claimed, claimed, is_step
from reconciler.repo.trailers import parse
from reconciler.repo.writer import RECONCILER

HOME: Final = "Brought-Home"
"""The trailer of such a merge: the last commit that was kept, which is its second parent."""

_STEP: Final = frozenset({"Stage", "Sequence"})


def is_homecoming(info: CommitInfo) -> bool:
    """Tell whether a commit is, by what it says of itself, a merge by which we brought home what a mirror had kept."""
    if len(info.parents) != 2 or info.author != RECONCILER:
        return False
    return parse(info.message, {HOME}).get(HOME) == info.parents[1]


def overruled(store: Mirror, theirs: CommitId, ours: CommitId) -> int:
    """Return how many steps of ours such a merge will leave out; by their form, of any stage."""
    steps = [_says_step(store, ours, theirs), _says_step(store, theirs, ours)]
    return steps[0] if all(steps) else 0


def _says_step(store: Mirror, tip: CommitId, since: CommitId) -> int:
    return sum(parse(info.message, _STEP).keys() == _STEP for info in store.commits(tip, since=since))


class Brought:
    """What one look at a stage leaves out: what came home to a remote that had steps of its own by then."""

    def __init__(
        self, store: Mirror, stage: StageName, merges: Callable[[CommitId], bool], counts: Callable[[Claimed], bool]
    ) -> None:
        """``merges`` tells whether a merge may be ours, ``counts`` whether a step may: where signatures say that."""
        self._store = store
        self._stage = stage
        self._merges = merges
        self._counts = counts
        self._seen: set[CommitId] = set()
        self._beaten: dict[CommitId, tuple[frozenset[CommitId], frozenset[CommitId]]] = {}

    @property
    def left_out(self) -> frozenset[CommitId]:
        """Commits that are in no row."""
        return frozenset().union(*(aside for _, aside in self._beaten.values()))

    def look(self, tip: CommitId, oldest: CommitId) -> bool:
        """Look at the merges since the oldest step that is looked at. Returns whether more is left out than before."""
        found = False
        for info in self._store.commits(tip, since=oldest):
            if info.id in self._seen or not is_homecoming(info) or not self._merges(info.id):
                continue
            self._seen.add(info.id)
            theirs, ours = info.parents
            steps = frozenset(each.id for each in self._store.commits(theirs, since=ours) if self._is_step(each))
            if steps:
                aside = frozenset(each.id for each in self._store.commits(ours, since=theirs))
                self._beaten[info.id] = steps, aside
                found = True
        return found

    def _is_step(self, info: CommitInfo) -> bool:
        claim = claimed(info, self._stage)
        return claim is not None and self._counts(claim) and is_step(self._store, claim)

    def give_back(self, row: Collection[CommitId]) -> bool:
        """Count what was left out for steps that are not in the row that was found: these had the form only.

        Of such merges the first ones only: what came home by them may be what a later one found on the remote.
        Returns whether there is any: then the row is to be found anew.
        """
        forged = [merge for merge, (steps, _) in self._beaten.items() if steps.isdisjoint(row)]
        for merge in forged:
            if not any(other != merge and self._store.is_ancestor(other, merge) for other in forged):
                del self._beaten[merge]
        return bool(forged)
