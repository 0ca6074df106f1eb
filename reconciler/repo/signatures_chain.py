"""The chain of a stage's steps as an audit reads it, by the commits alone: each is what it says, and none is missing.

What follows from the trailers and the trees is checked here, without deciding anything again: that is what a replay
does. A commit whose message claims to be a step is a finding where it is none, for whoever reads the history would take
it for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple, Self

from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, StageName
from reconciler.repo.beyond import MORE
from reconciler.repo.objects import Change
from reconciler.repo.steps import Claimed, own_change

_LOOK: Final = "look at it with `git show`; `reconciler replay` tells what it changed"


@dataclass(frozen=True)
class Finding:
    """What is wrong with a commit, and what to do about it; ``sequence`` is that of its step, 0 where it is none."""

    commit: CommitId
    what: str
    todo: str
    sequence: int = 0


class Stood(NamedTuple):
    """What is kept of a step for those after it; there may be a hundred thousand."""

    sequence: int
    commit: CommitId
    now: Instant
    rules: int
    config: CommitId

    @classmethod
    def of(cls, claim: Claimed) -> Self:
        """Keep of a step what is needed."""
        return cls(claim.sequence, claim.commit, claim.now, claim.rules, claim.config)


@dataclass
class Line:
    """The commits of a branch by their parents, to be asked whether one that is named there follows another.

    It is asked in the order of the steps, so that all questions together cost one walk.
    """

    parents: Mapping[CommitId, Sequence[CommitId]]
    _last: CommitId | None = None
    _before: set[CommitId] = field(default_factory=set)

    def has(self, commit: CommitId) -> bool:
        """Whether it is one of them."""
        return commit in self.parents

    def follow(self, commit: CommitId) -> bool:
        """Go on to a commit; return whether it is the last one that was gone on to, or descends from it."""
        if commit == self._last:
            return True
        reached, descends = [commit], self._last is None
        fresh = set[CommitId]()
        while reached:
            current = reached.pop()
            if current == self._last:
                descends = True
            if current in self._before or current in fresh or current not in self.parents:
                continue
            fresh.add(current)
            reached += self.parents[current]
        if descends:
            self._before |= fresh
            self._last = commit
        return descends


@dataclass
class _Row:
    """Which step a commit comes after, and which numbers were there: of all that say that they are steps, or of ours.

    What somebody forged takes the number that the next step of ours has once it is put back.
    """

    base: Stood | None = None
    reached: dict[CommitId, Stood | None] = field(default_factory=dict)
    numbers: dict[int, CommitId] = field(default_factory=dict)

    def before(self, parents: Iterable[CommitId]) -> Stood | None:
        """Return the newest step that a commit with these parents comes after."""
        found = [step for parent in parents if (step := self.reached.get(parent, self.base)) is not None]
        return max(found, key=lambda step: step.sequence, default=None)

    def go_on(self, commit: CommitId, parents: Iterable[CommitId], claim: Claimed | None = None) -> None:
        """Go on to a commit, which ``claim`` makes a step of the row."""
        before = self.before(parents)
        newest = claim is not None and (before is None or claim.sequence > before.sequence)
        self.reached[commit] = Stood.of(claim) if claim is not None and newest else before
        if claim is not None:
            self.numbers.setdefault(claim.sequence, commit)

    def wrong_number(self, claim: Claimed, before: Stood | None) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with a step's number after the step ``before`` it."""
        number, last = claim.sequence, before.sequence if before is not None else 0
        other = self.numbers.get(number)
        if other is not None:
            yield f"there is another step {number}: {other[:12]}", "find out which of them was there first"
        elif number <= last:
            yield f"step {number} comes after step {last}", "find out who moved it, as from a fresh clone"
        elif number > last + 1 and claim.event != "rewritten":
            gone = f"step {last + 1} is" if number == last + 2 else f"steps {last + 1} to {number - 1} are"
            yield f"{gone} missing before it", "find the clone that still has them; was the branch rewritten?"


@dataclass
class Chain:
    """Goes along the commits of a stage, parents first. ``base`` is the newest step before them, None for none.

    ``config`` is the branch of people's files where that is another one than the steps'; ``project`` the project's.
    ``held`` tells of a step's own file whether it says that older files of people were in force. ``claimed`` is the
    newest that only says that it is a step, where that is another one than ``base``.
    """

    stage: StageName
    project: Line
    config: Line | None = None
    base: Stood | None = None
    first: int = 0
    last: int = 0
    count: int = 0
    held: Callable[[Change], bool] = lambda _: False
    claimed: Stood | None = None
    _believed: _Row = field(default_factory=_Row)
    _all: _Row = field(default_factory=_Row)

    def __post_init__(self) -> None:
        """Begin both rows where the branch was when nothing was looked at yet."""
        self._believed.base, self._all.base = self.base, self.claimed or self.base

    def take(
        self, commit: CommitId, parents: Sequence[CommitId], claim: Claimed | None,
        changes: Sequence[Change] | None, *, ours: bool = True,
    ) -> Iterator[Finding]:  # fmt: skip
        """Take the next commit, with what it says of itself and what it changes; yield what is wrong with it.

        Where it is not ``ours``, no step of ours has to come after it.

        ``changes`` are None where they are more than can be listed, as no step's are.
        """
        rows = (self._believed, self._all) if ours else (self._all,)
        if claim is None:
            self._believed.go_on(commit, parents)
            self._all.go_on(commit, parents)
            return
        own = own_change(changes, claim) if len(parents) <= 1 and changes is not None else None
        if own is None:
            self._believed.go_on(commit, parents)
            self._all.go_on(commit, parents)
            yield Finding(
                commit, f"it says that it is step {claim.sequence}, and is none: {_why_not(parents, changes)}", _LOOK
            )
            return
        # Where nothing was signed at first, what is signed goes on from what was not.
        row = next((row for row in rows if not any(row.wrong_number(claim, row.before(parents)))), rows[0])
        for what, todo in self._wrong(claim, row, parents, own):
            yield Finding(commit, what, todo, claim.sequence)
        self._believed.go_on(commit, parents, claim if ours else None)
        self._all.go_on(commit, parents, claim)
        self.count += 1
        self.first = min(self.first or claim.sequence, claim.sequence)
        self.last = max(self.last, claim.sequence)

    def _wrong(
        self, claim: Claimed, row: _Row, parents: Sequence[CommitId], own: Change
    ) -> Iterator[tuple[str, str]]:  # fmt: skip
        before = row.before(parents)
        yield from row.wrong_number(claim, before)
        if before is not None and claim.now < before.now:
            yield "it says that it is older than the step before it", "find out whose clock was wrong, or who wrote it"
        if before is not None and claim.rules < before.rules:
            yield (
                f"it follows rules {claim.rules} after those of {before.rules}",
                "find out who ran an older reconciler",
            )
        dated = datetime.fromtimestamp(claim.now, UTC)
        if claim.info.commit_time != dated or claim.info.author_time != dated:
            yield "it is not dated as it says", _LOOK
        yield from self._wrong_base(claim, before, parents, own)

    def _wrong_base(
        self, claim: Claimed, before: Stood | None, parents: Sequence[CommitId], own: Change
    ) -> Iterator[tuple[str, str]]:  # fmt: skip
        yield from _astray(self.project, claim.project, "Project", "the project's")
        parent = parents[0] if parents else None
        pushed = before is not None and parent == before.commit and claim.config == before.config
        if claim.config == parent or pushed:
            return
        if self.config is not None:
            yield from _astray(self.config, claim.config, "Config", "the stage's")
        elif not (self._is_known(claim.config, before) and self.held(own)):
            yield f"its `Config: {claim.config[:12]}` is neither its parent nor where its push began", _LOOK

    def _is_known(self, config: CommitId, before: Stood | None) -> bool:
        """Whether it comes before the step; with a range it may come before all that is looked at."""
        row = self._all
        return config in row.reached or row.base is not None or (before is not None and config == before.config)


def _astray(line: Line, commit: CommitId, key: str, whose: str) -> Iterator[tuple[str, str]]:
    if not line.has(commit):
        yield f"its `{key}: {commit[:12]}` is not on {whose} branch", "was that branch rewritten, or is it not fetched?"
    elif not line.follow(commit):
        yield f"its `{key}: {commit[:12]}` is older than that of the step before it", _LOOK


def _why_not(parents: Sequence[CommitId], changes: Sequence[Change] | None) -> str:
    if len(parents) > 1:
        return "it is a merge"
    if changes is None:
        return f"it changes {MORE}"
    return "its files are not those of that step alone"
