"""Which commits of a step's form are steps where a policy judges and we sign: ours, of this project, on one line.

What is not signed by us is somebody's change, however well it replays. What is signed by us may still come from another
repository that the same key serves, by a merge of whoever may push. Then nothing is guessed: a side counts that alone
was decided on what counts here, or that a person's signed merge goes on from; else the stage is held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from reconciler.model.errors import VerdictError
from reconciler.model.names import CommitId, StageName
from reconciler.repo.brought import is_homecoming
from reconciler.repo.layout import ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import is_object_id
from reconciler.repo.objects import CommitInfo
from reconciler.repo.signatures_policy import Policy
from reconciler.repo.steps import Claimed, claimed

_LOOKED_AT: Final = 16
"""Steps between which merges are looked at: as many as a start looks at (`row.WINDOW`)."""
_APART: Final = "by a signed commit merge the side that is right with `git merge -s ours` and the other"


class RowGuard:
    """Sifts the steps of one look at a stage. ``project`` is the tip of the project's branch."""

    def __init__(self, store: Mirror, stage: StageName, policy: Policy, project: CommitId) -> None:
        self._store = store
        self._stage = stage
        self._policy = policy
        self._project = project
        self._doubted: dict[CommitId, Claimed] = {}
        self._loose: dict[CommitId, Claimed] = {}
        self._besides: set[CommitId] = set()
        self._steps: dict[CommitId, Claimed] = {}

    def is_ours(self, claim: Claimed) -> bool:
        """Whether a commit of a step's form may be a step.

        Raises:
            VerdictError: our own key signed it, and counted no more.
            BlindError: the files of signers cannot be read.
        """
        if claim.commit in self._besides:
            return False
        if self._policy.believes(claim.commit):
            if not self._is_bound(claim):
                self._loose[claim.commit] = claim
            return claim.commit not in self._loose
        kind = self._policy.kind(claim.commit)
        if kind == "expired":
            raise VerdictError(
                f"step {claim.sequence} of {self._stage} is signed by reconciler's key after that had expired",
                hint="give the key's line in the file of allowed signers a later `valid-before`",
            )
        if kind in ("unknown", "other", "revoked"):
            self._doubted[claim.commit] = claim
        return False

    def is_merge_of_ours(self, commit: CommitId) -> bool:
        """Whether we signed a merge."""
        return self._policy.is_ours(commit)

    @property
    def has_loose(self) -> bool:
        """Whether any step that was asked about is of another project."""
        return bool(self._loose)

    def check_none(self) -> None:
        """Refuse to take all steps for somebody's, where none is ours and some are signed by a key that was perhaps.

        Raises VerdictError.
        """
        if self._doubted:
            raise VerdictError(
                f"no step of {self._stage} is signed by a key that is allowed for reconciler, and "
                f"{len(self._doubted)} are signed by others",
                hint="put the line of reconciler's former key back, or take the steps away by a signed commit; "
                "`signedSince` with the newest commit believes them as they are",
            )

    def prepare(self, tip: CommitId) -> None:
        """Find out which steps only came besides the line that counts; `is_ours` knows then.

        Raises:
            VerdictError: that cannot be told.
            BlindError: the files of signers cannot be read.
        """
        while True:
            newest = list(islice(self._claims(tip), _LOOKED_AT))
            self._check_loose(newest[0] if newest else None)
            besides = self._beside(tip, newest) if newest else None
            if not besides:
                return
            self._besides |= besides

    def _claims(self, tip: CommitId) -> Iterator[Claimed]:
        for info in self._store.commits(tip, paths=[ops_prefix(self._stage)]):
            claim = claimed(info, self._stage)
            if claim is not None and self.is_ours(claim):
                yield claim

    def _is_bound(self, claim: Claimed) -> bool:
        """Whether a step was decided on a commit of this project's branch."""
        return self._policy.begun(claim.commit) or (
            is_object_id(claim.project)
            and self._store.find_commit(claim.project) is not None
            and self._store.is_ancestor(claim.project, self._project)
        )

    def _check_loose(self, newest: Claimed | None) -> None:
        loose = self._loose
        if loose and (newest is None or any(self._store.is_ancestor(newest.commit, each) for each in loose)):
            raise VerdictError(
                f"steps of {self._stage} name commits of a project that its default branch does not have",
                hint=f"were they merged from another repository? Then {_APART}. "
                "Was the default branch rewritten? Name the stage's newest commit in `signedSince`",
            )

    def _beside(self, tip: CommitId, newest: Sequence[Claimed]) -> set[CommitId]:
        """Go back from the tip to the oldest of these steps; return what the first merge brought that counts not."""
        oldest = newest[-1]
        come = {info.id: info for info in self._store.commits(tip, since=oldest.commit)}
        if all(len(info.parents) < 2 for info in come.values()):
            return set()
        steps = [claim for info in come.values() if (claim := claimed(info, self._stage)) and self.is_ours(claim)]
        self._steps = {claim.commit: claim for claim in (oldest, *steps)}
        below = _below(come, oldest.commit, self._steps)
        at: CommitId | None = tip
        while at in come:
            info = come[at]
            at = info.parents[0] if info.parents else None
            sides = {parent: below.get(parent, frozenset[CommitId]()) for parent in info.parents}
            if len(set(sides.values())) > 1:
                at = self._chosen(info, sides)
                others = [parent for parent in sides if parent != at and not sides[parent] <= sides[at]]
                if others:
                    return {each.id for other in others for each in self._store.commits(other, since=at)}
        return set()

    def _chosen(self, merge: CommitInfo, sides: Mapping[CommitId, frozenset[CommitId]]) -> CommitId:
        """Return the parent of a merge that the line of steps goes on from; all that it lacks does not count."""
        first = merge.parents[0]
        by_a_person = self._policy.is_by_a_person(merge.id)
        if is_homecoming(merge) and self.is_merge_of_ours(merge.id):
            # Both sides are of this repository; what the remote had counts, if it had steps of its own (`brought`).
            return first if not sides[first] <= sides[merge.parents[1]] else merge.parents[1]
        if by_a_person and self._is_as(merge.id, first):
            return first
        common = frozenset.intersection(*sides.values())
        base = max((self._steps[each] for each in common), key=lambda claim: claim.sequence, default=None)
        whole = frozenset[CommitId]().union(*sides.values())
        widest = next((parent for parent, side in sides.items() if side == whole), None)
        if widest is not None and (by_a_person or self._counts(whole - common, base)):
            return widest
        counting = [parent for parent, side in sides.items() if side > common and self._counts(side - common, base)]
        if widest is None and len(counting) == 1:
            return counting[0]
        if by_a_person:
            return first
        raise VerdictError(
            f"{merge.id[:12]} merges steps of {self._stage} that may be another repository's, and nobody who counts "
            "has signed for it",
            hint=_APART,
        )

    def _is_as(self, merge: CommitId, parent: CommitId) -> bool:
        """Whether a merge took nothing of what others than this parent had about problems."""
        here = ops_prefix(self._stage)
        return self._store.tree_id(merge, here) == self._store.tree_id(parent, here)

    def _counts(self, steps: frozenset[CommitId], base: Claimed | None) -> bool:
        """Whether what steps were decided on is signed for, as it is judged here from a step before them on."""
        since = base.config if base is not None else None
        return all(
            is_object_id(config) and self._store.find_commit(config) is not None and self._policy.counts(config, since)
            for config in {self._steps[each].config for each in steps}
        )


def _below(
    come: Mapping[CommitId, CommitInfo], oldest: CommitId, steps: Collection[CommitId]
) -> dict[CommitId, frozenset[CommitId]]:
    """Return which of the steps each commit descends from, or is; ``come`` has children before their parents."""
    nothing = frozenset[CommitId]()
    found = {oldest: frozenset([oldest])}
    for commit, info in reversed(list(come.items())):
        own = frozenset([commit]) if commit in steps else nothing
        found[commit] = own.union(*(found.get(each, nothing) for each in info.parents))
    return found
