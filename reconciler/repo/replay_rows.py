"""Rows of steps beside each other: a branch that was pushed back went on anew, and somebody merged the old row again.

Each is replayed where it stands, beginning with the step that both go on from. Which of them is in force the next step
that stands on both tells, before it a merge of ours that brought one of them home; what the others wrote is somebody's
change then, like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.model.names import CommitId, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.replay_findings import Finding, Kind
from reconciler.repo.replay_judging import Place
from reconciler.repo.replay_reading import Read
from reconciler.repo.replay_standing import KeptStanding
from reconciler.repo.steps import Claimed, claimed

_FAR: Final = 4096
"""Commits between a step and the one before it, at most."""
_ROWS: Final = 8
"""Rows that are followed at once; each is a whole stage in memory."""


@dataclass
class Row:
    """Steps that go on from the step ``base`` beside others that do; ``place`` is where the next one is tried.

    ``base`` is 0 where both rows begin with the first step of all.
    """

    place: Place
    base: int
    steps: list[CommitId] = field(default_factory=list)

    def told(self, each: Read, claim: Claimed) -> Iterable[Finding]:
        """Yield, with its first step, that there is such a row."""
        if not self.steps:
            begins = f"it goes on from step {self.base}" if self.base else "it is a first step"
            yield Finding(
                Kind.NUMBER, each.id, f"{begins}, beside another step that {'does' if self.base else 'is one'}",
                "was the branch pushed back, and merged again? find out by whom", sequence=claim.sequence, where=BESIDE,
            )  # fmt: skip
        self.steps.append(each.id)

    def go_on(self, claim: Claimed) -> None:
        """Stand at a step."""
        self.place = replace(self.place, last=claim)


BESIDE: Final = "beside"
"""Where the finding is that there is another row."""


class Homecoming:
    """A merge by which we brought home what a mirror had kept: of two rows the remote's goes on (`brought`)."""

    def __init__(self, store: Mirror, merge: Read) -> None:
        self._store = store
        self._merge = merge.id
        self._theirs, ours = merge.parents
        self._ours = ours
        self._brought = frozenset(info.id for info in store.commits(ours, since=self._theirs))

    def is_ours(self, last: Claimed | None) -> bool:
        """Whether a step was brought home."""
        return last is not None and last.commit in self._brought

    def is_theirs(self, last: Claimed | None) -> bool:
        """Whether a step came to the remote meanwhile."""
        return last is not None and self._came(last.commit)

    def _came(self, commit: CommitId) -> bool:
        return self._store.is_ancestor(commit, self._theirs) and not self._store.is_ancestor(commit, self._ours)

    def settle(self, findings: Iterable[Finding], kept: Collection[CommitId]) -> list[Finding]:
        """Return findings with this: that rows are beside each other is what such an outage looks like.

        ``kept``: steps that say that they were made without the remote. One must be among what was brought home.
        """
        if self._brought.isdisjoint(kept):
            return list(findings)
        how = f"one of the two was kept in a mirror while the remote was away, and {self._merge[:12]} brought it home"
        return [each.settled(how) if self._is_about(each) else each for each in findings]

    def _is_about(self, each: Finding) -> bool:
        if each.kind != Kind.NUMBER or each.where != BESIDE or not each.error:
            return False
        return each.commit in self._brought or self._came(each.commit)


class Rows:
    """All rows but that which the replay goes on with; ``standing`` loads a stage at a commit."""

    def __init__(
        self, store: Mirror, stage: StageName, standing: Callable[[CommitId, CommitId | None], KeptStanding]
    ) -> None:
        self._store = store
        self._stage = stage
        self._standing = standing
        self._passed: set[CommitId] = set()
        self._rows: list[Row] = []

    def passed(self, place: Place) -> None:
        """Note that a replay stands at a step; where nothing foreign is left there, a row may begin with it."""
        if place.last is not None and not place.standing.has_foreign and not place.counting:
            self._passed.add(place.last.commit)

    def find(self, each: Read, claim: Claimed) -> Row | None:
        """Return the row that a step goes on with, a new one where it begins one; None where it belongs to none."""
        lasts = {row.place.last.commit: row for row in self._rows if row.place.last is not None}
        current, first = each.parents[0], True
        for _ in range(_FAR):
            if current in lasts:
                return lasts[current]
            if current in self._passed:
                return self._begun(current)
            info = self._store.commit(current)
            first = first and claimed(info, self._stage) is None
            if not info.parents:
                return self._begun_anew(each, claim) if first else None
            if len(info.parents) > 1:
                return self._behind(current, lasts, each, claim) if first else None
            current = info.parents[0]
        return None

    def _behind(
        self, merge: CommitId, lasts: Mapping[CommitId, Row], each: Read, claim: Claimed
    ) -> Row | None:  # fmt: skip
        """Return the row of a first step behind a merge: of the newest steps there the one that all others led to.

        Else that of the first parent, which a homecoming goes on from.
        """
        newest: list[CommitId] = []
        seen, left = set[CommitId](), [merge]
        while left:
            current = left.pop()
            if current in seen:
                continue
            seen.add(current)
            info = self._store.commit(current)
            if current in lasts or claimed(info, self._stage) is not None:
                newest.append(current)
            elif len(seen) == _FAR:
                return None
            else:
                left.extend(info.parents)
        if not newest:
            return self._begun_anew(each, claim)
        led = (one for one in newest if all(self._store.is_ancestor(other, one) for other in newest))
        # First parents were followed last, and a homecoming's is the branch as it was: its row goes on.
        base = next(led, newest[-1])
        if base in lasts:
            return lasts[base]
        return self._begun(base) if base in self._passed else None

    def _begun_anew(self, each: Read, claim: Claimed) -> Row | None:
        """Begin a row where nothing of ours is, as the first step of all does."""
        if len(self._rows) >= _ROWS:
            return None
        standing = self._standing(each.parents[0], claim.config)
        standing.distrust()
        row = Row(Place(standing, None), 0)
        self._rows.append(row)
        return row

    def _begun(self, base: CommitId) -> Row | None:
        claim = claimed(self._store.commit(base), self._stage)
        if claim is None or len(self._rows) >= _ROWS:
            return None
        row = Row(Place(self._standing(base, claim.config), claim), claim.sequence)
        self._rows.append(row)
        return row

    def come_home(self, home: Homecoming, at: Place) -> Row | None:
        """Leave out rows that a merge brought home where the remote had one; return that if ``at`` is left out."""
        had = [row for row in self._rows if home.is_theirs(row.place.last)]
        if not had and not home.is_theirs(at.last):
            return None
        self._rows = [row for row in self._rows if row not in had and not home.is_ours(row.place.last)]
        return had[0] if had and home.is_ours(at.last) else None

    def joined(self, commit: CommitId) -> list[Place]:
        """Return where else a step may stand: on rows that its commit goes on from."""
        return [
            row.place for row in self._rows
            if row.place.last is not None and self._store.is_ancestor(row.place.last.commit, commit)
        ]  # fmt: skip

    def joined_with(self, place: Place) -> list[CommitId]:
        """Return the steps of the row that is gone on with, if it is one; from then on the others are no rows."""
        if not self._rows:
            return []
        chosen = [commit for row in self._rows if row.place is place for commit in row.steps]
        self._rows.clear()
        return chosen
