"""Which commit stands behind a step's number: what targets carry as `<sequence>:<commit>`, looked up both ways.

A mark is known if its step is in the row that counts (ADR 0262). That it is in the history says nothing: a merge brings
rows together, and one of them was overruled, with all that it knew of what it had done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.model.names import CommitId, ServicePath, StageName
from reconciler.repo.layout import ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.standing import Standing
from reconciler.repo.steps import Claimed, claimed, is_step, own_change
from reconciler.repo.strands import alone, beside

_REMEMBERED: Final = 1 << 15
_LEARNED: Final = 1 << 15
_PREFIX: Final = 12
"""Characters of a commit's id that a mark has."""
_SINGLE: Final = 8
"""Marks that are looked up one by one, each by a process where it is old; then history is read in one go."""
_LOOKED_BACK: Final = 1 << 14
"""Commits that are read then. What is older is walked past once for all marks that are asked about together."""


class Marks:
    """Answers for one stage; what was found out is remembered until the branch is rewritten.

    Steps that were seen to come are known to be there, so that a thousand targets written by one push cost nothing.
    """

    def __init__(self, store: Mirror, stage: StageName) -> None:
        self._store = store
        self._stage = stage
        self._known: dict[tuple[str, int], bool] = {}
        self._steps: dict[tuple[str, int], CommitId] = {}
        self._singles = 0
        self._is_read_back = False
        self._older: frozenset[CommitId] = frozenset()

    def forget(self) -> None:
        """Forget what was found out: the branch was rewritten."""
        self._known.clear()
        self._steps.clear()
        self._singles = 0
        self._is_read_back = False
        self._older = frozenset()

    def learn(self, steps: Iterable[Claimed]) -> None:
        """Hear of commits that are on the branch and say of themselves that they are steps."""
        for step in steps:
            self._steps[step.commit[:_PREFIX], step.sequence] = step.commit
        while len(self._steps) > _LEARNED:
            del self._steps[next(iter(self._steps))]

    def expect(self, standing: Standing, marks: Iterable[tuple[str, int]]) -> None:
        """Hear of the marks that are about to be asked about, each a commit and a number, so that they cost one walk.

        ``standing`` is at the branch's tip.
        """
        unknown = [mark for mark in marks if mark not in self._known and not self._is_learned(*mark)]
        if len(unknown) < 2 or self._singles + len(unknown) <= _SINGLE:
            return
        self._read_back(standing.ops)
        old = {
            self._store.find_commit(commit) for commit, sequence in unknown if not self._is_learned(commit, sequence)
        }
        self._older = self._store.ancestors([commit for commit in old if commit is not None], standing.ops)

    def _read_back(self, tip: CommitId) -> None:
        if not self._is_read_back:
            self._is_read_back = True
            self.learn(self._back(tip))

    def has_step(self, standing: Standing, newest: Claimed | None, commit: str, sequence: int) -> bool:
        """Tell whether a target's mark names a step of the row that counts; 12 characters of the commit are enough.

        ``newest`` is that row's end, and ``standing`` is at the branch's tip.
        """
        if self._is_learned(commit, sequence):
            return True
        known = self._known.get((commit, sequence))
        if known is not None:
            return known
        if self._singles >= _SINGLE:
            self._read_back(standing.ops)
        self._singles += 1
        if self._is_learned(commit, sequence):
            return True
        found = self._store.find_commit(commit)
        claim = claimed(self._store.commit(found), self._stage) if found is not None else None
        has = claim is not None and claim.sequence == sequence and self._counts(standing, claim)
        # A step that is newer than all that we know may be another's, and come with the next look at the branch.
        if has or (newest is not None and sequence <= newest.sequence):
            self._known[commit, sequence] = has
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
        return has

    def _counts(self, standing: Standing, claim: Claimed) -> bool:
        """Whether a step is in the row that counts.

        Its file, as it wrote it, is trusted there. What was archived, or taken back by a person, is there no more: then
        it counts where no other step stands beside it, or where a step that counts has archived just this file.
        """
        seen: set[CommitId] = set()
        current: Claimed | None = claim
        while current is not None and self._is_there(current.commit, standing.ops):
            own = self._own(current)
            if own is None or own.path is None or own.new_blob is None:
                return False
            if standing.trusted(own.path) == own.new_blob or not beside(self._store, current, standing.ops):
                return True
            seen.add(current.commit)
            later = self._archiving(standing.ops, current, own)
            current = later if later is not None and later.commit not in seen else None
        return False

    def _is_there(self, commit: CommitId, tip: CommitId) -> bool:
        return commit in self._older or self._store.is_ancestor(commit, tip)

    def _own(self, claim: Claimed) -> Change | None:
        return own_change(self._store.diff(claim.info.parents[0] if claim.info.parents else None, claim.commit), claim)

    def _archiving(self, tip: CommitId, claim: Claimed, own: Change) -> Claimed | None:
        """Return the step that archived what another one wrote; None where it went otherwise."""
        path = own.path or ""
        for info in self._store.commits(tip, since=claim.commit, paths=[path]):
            later = claimed(info, self._stage)
            if later is None or later.event != "archived" or not info.parents or not is_step(self._store, later):
                continue
            if self._store.blob_id(info.parents[0], path) == own.new_blob and not self._store.blob_id(info.id, path):
                return later
        return None

    def _is_learned(self, commit: str, sequence: int) -> bool:
        known = self._steps.get((commit[:_PREFIX], sequence))
        return known is not None and known.startswith(commit)

    def _back(self, tip: CommitId) -> Iterator[Claimed]:
        """Yield the claims of the newest commits that no other one stands beside."""
        yield from alone(list(self._store.commits(tip, limit=_LOOKED_BACK)), self._stage)

    def commit_of(
        self, standing: Standing, newest: Claimed | None, sequence: int, service: ServicePath
    ) -> CommitId | None:
        """Return the step of a service with this sequence; None where history does not have it.

        Cheap while the step's file is there, as those behind held values are; else a walk over all steps. Of several
        with that number the one counts that left the file as it is trusted.
        """
        if newest is None:
            return None
        file = standing.step_path(service, sequence)
        path = file[0] if file is not None else ops_prefix(self._stage)
        for info in self._changing(newest.commit, path, cheaply=file is not None):
            claim = claimed(info, self._stage)
            if claim is None or claim.sequence != sequence or not is_step(self._store, claim):
                continue
            if file is None or self._store.blob_id(info.id, path) == file[1]:
                return info.id
        return None

    def _changing(self, tip: CommitId, path: str, *, cheaply: bool) -> Iterator[CommitInfo]:
        last = self._store.last_change(tip, path) if cheaply else None
        if last is not None:
            yield last
        yield from self._store.commits(tip, paths=[path])
