"""Which of people's commits count for somebody who follows a branch (ADR 0158, 0159).

Of people's files the last commit at which all of them are signed for is in force; each command and each revert is
judged by the commit that brought it. Where the judging begins is in Git too: what one of our own signed steps was
decided on counts. So a daemon that has just come takes up what the one before it had in force, whatever has become
of keys since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from reconciler.model.errors import BlindError, ConfigError, TerminalError
from reconciler.model.names import BlobId, CommitId, StageName
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.signatures import Kind, Verdict
from reconciler.repo.signatures_people import InForce, config_of_people, is_our_address, judged
from reconciler.repo.signatures_signers import Signers
from reconciler.repo.writer import RECONCILER

_REMEMBERED: Final = 4096


@dataclass(frozen=True)
class Refused:
    """A commit of people's that does not count: who committed it, and why."""

    commit: CommitId
    who: str
    why: str


@dataclass(frozen=True)
class Force:
    """What of a branch is in force: a commit of it, None where nothing is; and what came since and does not count."""

    commit: CommitId | None
    refused: tuple[Refused, ...] = ()

    @property
    def why(self) -> str:
        """What stands in the way, for people."""
        if not self.refused:
            return "no commit counts"
        count, last = len(self.refused), self.refused[-1]
        what = "a newer commit does" if count == 1 else f"{count} newer commits do"
        return f"{what} not count; the last is {last.commit[:12]} by {last.who}: {last.why}"

    def told(self, what: str) -> str:
        """Return for people what is in force and why that is not the newest commit."""
        return f"{what} of {(self.commit or 'no commit')[:12]} are in force: {self.why}"


@dataclass
class _Walk:
    """How far a branch was gone along, and by which reading of the files of signers."""

    number: int
    at: CommitId | None
    in_force: InForce
    refused: list[Refused] = field(default_factory=list)


class Policy:
    """Judges one branch; ``stage`` None: the project's, which is judged by ``project`` for a stage. One owner thread.

    ``since``: what such a commit of the branch holds counts, whoever made it. ``signs``: we sign our steps, and only
    those count that are signed; ``key`` returns the SSH key that we sign by, None where it is none.
    """

    def __init__(
        self, store: Mirror, signers: Signers, stage: StageName | None, since: Sequence[CommitId] = (), *,
        project: Policy | None = None, signs: bool = False, key: Callable[[], bytes | None] = lambda: None,
        wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.project = project
        self.signs = signs
        self._key = key
        self._wall = wall
        self._begun: set[CommitId] = set()
        self._store = store
        self._signers = signers
        self._stage = stage
        self._since = since
        self._walk: _Walk | None = None
        self._ours: dict[CommitId, Kind] = {}
        self._words: dict[str, tuple[BlobId | None, str]] = {}
        self._number = 0

    @property
    def trouble(self) -> str:
        """Why nobody can say who may sign now; empty where that is known."""
        return self._signers.trouble

    @property
    def number(self) -> int:
        """Which reading of the files of signers is judged by; another one when they have changed."""
        number = self._signers.number
        if number != self._number:
            self._number = number
            self._ours.clear()
            self._words.clear()
        return number

    def in_force(self, tip: CommitId, base: Callable[[], CommitId | None]) -> Force:
        """Return what is in force of people's files; ``base`` is asked for a commit that counts, where one is needed.

        While the files of signers cannot be read nothing new is. Raises BlindError where that leaves nothing at all.
        """
        walk = self._walk
        if walk is None or walk.number != self.number or not self._is_in(walk.at, tip):
            start = self._start(tip, base)
            walk = _Walk(self.number, start, InForce(start))
        walk = _Walk(walk.number, walk.at, walk.in_force.copy(), [*walk.refused])
        self._go_on(walk, tip)
        self._walk = walk
        return Force(walk.in_force.commit, tuple(walk.refused))

    def counts(self, commit: CommitId, base: CommitId | None) -> bool:
        """Whether a commit of the branch is one at which all of people's files count, judged from ``base`` on.

        What came before the commit that somebody has chosen to begin with counts too.
        """
        if self.begun(commit):
            return True
        known = self._start(commit, lambda: base)
        walk = _Walk(self.number, known, InForce(known))
        self._go_on(walk, commit)
        return walk.in_force.commit == commit

    def is_ours(self, commit: CommitId) -> bool:
        """Whether a commit is signed by a key of reconciler's. Raises BlindError where nobody can say."""
        return self.kind(commit) == "good"

    def kind(self, commit: CommitId) -> Kind:
        """Return what the signature of a commit is worth as reconciler's. Raises BlindError where nobody can say."""
        known = self._ours.get(commit) if self.number else None
        if known is None:
            info = self._store.commit(commit)
            known = self._judged_as_ours(info).kind if info.committer.email == RECONCILER.email else "unsigned"
            if len(self._ours) >= _REMEMBERED:
                self._ours.clear()
            self._ours[commit] = known
        return known

    def know_ours(self, commits: Iterable[CommitId]) -> None:
        """Be told which commits were made here, and signed."""
        if self.signs:
            self._ours.update(dict.fromkeys(commits, "good"))

    def check_own_key(self) -> None:
        """Check that what we sign counts here: else the next start would take our own steps for somebody's.

        Raises:
            TerminalError: it does not.
        """
        try:
            own = self._key() if self.signs and not self.trouble else None
        except (BlindError, ConfigError):
            # Whoever signs with it says so.
            return
        when = datetime.fromtimestamp(self._wall(), UTC)
        why = self._signers.judge_ours().why_not(own, RECONCILER.email, when) if own is not None else ""
        if why:
            raise TerminalError(
                f"reconciler's own key does not count: {why}",
                hint=f"add a line for {RECONCILER.email} and the key of `sshKeyFile` to the file of allowed signers",
            )

    def believes(self, commit: CommitId) -> bool:
        """Whether a commit of a step's form may be a step by who made it. Raises BlindError where nobody can say."""
        return not self.signs or self.begun(commit) or self.is_ours(commit)

    def begun(self, commit: CommitId) -> bool:
        """Whether a commit is part of what somebody has chosen to begin with."""
        if commit in self._begun:
            return True
        if any(self._store.find_commit(each) is not None and self._is_in(commit, each) for each in self._since):
            self._begun.add(commit)
            return True
        return False

    def is_by_a_person(self, commit: CommitId) -> bool:
        """Whether a person who may has signed a commit."""
        info = self._store.commit(commit)
        return not is_our_address(info.committer.email) and self._word(info).good

    def unsigned(self, tip: CommitId, path: str) -> str:
        """Return why what stands at a path, or no more, does not count as a person's word; empty where it does.

        What reconciler commits in a person's name counts by its own signature: it has asked who that person is.

        Raises:
            BlindError: the files of signers cannot be read.
        """
        blob = self._store.blob_id(tip, path)
        known = self._words.get(path) if self.number else None
        if known is not None and known[0] == blob:
            return known[1]
        info = self._store.last_change(tip, path, first_parent=True)
        why = "nobody knows who brought it" if info is None else self._word(info).why
        if len(self._words) >= _REMEMBERED:
            self._words.clear()
        self._words[path] = (blob, why)
        return why

    def _word(self, info: CommitInfo) -> Verdict:
        if is_our_address(info.committer.email):
            return judged(self._signers.judge_ours(), info, self._raw(info), ())
        return judged(self._signers.judge_people(), info, self._raw(info), ())

    def _judged_as_ours(self, info: CommitInfo) -> Verdict:
        return self._signers.judge_ours().judge(self._raw(info), RECONCILER.email, info.commit_time)

    def _raw(self, info: CommitInfo) -> bytes:
        return self._store.raw_commits([info.id])[0]

    # Along the branch

    def _start(self, tip: CommitId, base: Callable[[], CommitId | None]) -> CommitId | None:
        found = base()
        newest = found if found is not None and self._is_in(found, tip) else None
        for each in self._since:
            if self._is_in(each, tip) and (newest is None or self._is_in(newest, each)):
                newest = each
        return newest

    def _is_in(self, commit: CommitId | None, tip: CommitId) -> bool:
        if commit is None or commit == tip:
            return commit == tip
        return self._store.find_commit(commit) is not None and self._store.is_ancestor(commit, tip)

    def _go_on(self, walk: _Walk, tip: CommitId) -> None:
        before = walk.at
        for info in self._line(before, tip):
            changes = config_of_people(self._store.diff(before, info.id), self._stage)
            before = info.id
            if changes:
                verdict = self._verdict(info, changes)
                if not verdict.good:
                    walk.refused.append(Refused(info.id, str(info.committer.name), verdict.why))
                walk.in_force.take(info.id, changes, good=verdict.good)
            else:
                walk.in_force.take(info.id, (), good=True)
            if walk.in_force.commit == info.id:
                walk.refused.clear()
        walk.at = tip

    def _verdict(self, info: CommitInfo, changes: Sequence[Change]) -> Verdict:
        try:
            return judged(self._signers.judge_people(), info, self._raw(info), changes)
        except BlindError as error:
            if self._walk is None:
                raise
            return Verdict("unreadable", "", error.message, error.hint)

    def _line(self, start: CommitId | None, tip: CommitId) -> Sequence[CommitInfo]:
        """Return the commits that the branch was at after ``start``, the oldest first.

        These are first parents; of those that do not descend from the start, since somebody merged the branch into
        work of his own and pushed that, none: the merge alone moved the branch.
        """
        if start == tip:
            return ()
        come = {info.id: info for info in self._store.commits(tip, since=start)}
        line: list[CommitInfo] = []
        at: CommitId | None = tip
        while at in come:
            line.append(come[at])
            at = come[at].parents[0] if come[at].parents else None
        if start is not None and at != start:
            after = {start}
            for info in reversed(come.values()):
                if not after.isdisjoint(info.parents):
                    after.add(info.id)
            line = [info for info in line if info.id in after]
        return line[::-1]
