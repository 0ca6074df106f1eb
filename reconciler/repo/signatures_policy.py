"""Which of people's commits count for somebody who follows a branch (ADR 0158, 0159).

Of people's files the last commit at which all of them are signed for is in force; each command and each revert is
judged by the commit that brought it. Where the judging begins is in Git too: what one of our own signed steps was
decided on counts. So a daemon that has just come takes up what the one before it had in force, whatever has become
of keys since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reconciler.model.errors import BlindError, ConfigError, TerminalError
from reconciler.model.names import CommitId, StageName
from reconciler.repo.layout import ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.signatures import Kind, Verdict
from reconciler.repo.signatures_line import EVERYTHING, Good, Line, Node
from reconciler.repo.signatures_people import (
    OURS,
    config_of_people,
    is_our_address,
    is_word,
    may_say,
    of_people,
)
from reconciler.repo.signatures_refused import NONE, Refusals
from reconciler.repo.signatures_signers import Signers
from reconciler.repo.signatures_walk import first_parents
from reconciler.repo.writer import RECONCILER

_REMEMBERED: Final = 4096
_NOWHERE: Final = "ops"
"""Where the project's own branch may have commands; they are nobody's."""
_NEAR: Final = 64
"""First parents that are looked at one by one before a history is listed."""


@dataclass(frozen=True)
class Force:
    """What of a branch is in force: a commit of it, None where nothing is; and what came since and does not count."""

    commit: CommitId | None
    refused: Refusals = NONE

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
        self._line: Line | None = None
        self.tip: CommitId | None = None
        self._lines: Line | None = None
        self._lines_by = (0, True)
        self._said: Line | None = None
        self._said_by = 0
        self._gone: Line | None = None
        self._gone_by = 0
        self._verdicts: dict[CommitId, Verdict] = {}
        self._lined: dict[CommitId, set[CommitId]] = {}
        self._ours: dict[CommitId, Kind] = {}
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
            self._verdicts.clear()
        return number

    def in_force(self, tip: CommitId, base: Callable[[], CommitId | None]) -> Force:
        """Return what is in force of people's files; ``base`` is asked for a commit that counts, None where none does.

        While the files of signers cannot be read nothing new is. Raises BlindError where that leaves nothing at all.
        """
        line = self._config_line(tip, base())
        node = line.at(tip)
        self._line, self.tip = line, tip
        return Force(node.force, node.refused) if node is not None else Force(None)

    def counts(self, commit: CommitId, base: CommitId | None) -> bool:
        """Whether a commit of the branch is one at which all of people's files count, judged from ``base`` on.

        What came before the commit that somebody has chosen to begin with counts too.
        """
        if self.begun(commit):
            return True
        node = self._config_line(commit, base).at(commit)
        return node is not None and node.force == commit

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
        return not is_our_address(info.committer.email) and self._judge(info, ()).good

    def unsigned(self, tip: CommitId, path: str) -> str:
        """Return why what stands at a path, or no more, does not count as a person's word; empty where it does.

        What reconciler commits in a person's name counts by its own signature: it has asked who that person is.

        Raises:
            BlindError: the files of signers cannot be read.
        """
        if self.begun(tip):
            return ""
        node = self._words_at(tip)
        refused = (node.bad.get(path.encode()) or node.bad.get(EVERYTHING)) if node is not None else None
        return refused.why if refused is not None else ""

    def doubted(self, tip: CommitId, since: CommitId | None = None) -> tuple[str, ...]:
        """Return the paths of all for which `unsigned` says why they do not count, judged from ``since`` on if given.

        Raises BlindError as that does.
        """
        if self.begun(tip) or (since is not None and tip == since):
            return ()
        node = self._line_of_words(since).at(tip) if since is not None else self._words_at(tip)
        return _paths(node)

    def waiting(self) -> tuple[str, ...]:
        """Return the paths of people's files that did not count when `in_force` was asked last."""
        return _paths(self._line.at(self.tip) if self._line is not None and self.tip is not None else None)

    def _words_at(self, tip: CommitId) -> Node | None:
        start = self._start(tip, None)
        if self._said is None or self._said.base != start or self._said_by != self.number:
            self._said = self._line_of_words(start)
            self._said_by = self.number
        return self._said.at(tip)

    def withdrawn(self, tip: CommitId, since: CommitId | None) -> list[tuple[str, Good]]:
        """Return the commands that count and were taken away, or changed, by what does not; by path.

        ``since`` is a step of ours, before which there was none. Raises BlindError as `unsigned` does.
        """
        start = since if since is not None else self._start(tip, None)
        if self._gone is None or self._gone.base != start or self._gone_by != self.number:
            self._gone = self._line_of_words(start)
            self._gone_by = self.number
        node = self._gone.at(tip)
        if node is None:
            return []
        words = ((path, node.words.get(path)) for path, _ in node.bad.items() if b"/commands/" in path)
        gone = [(path.decode(), word.good) for path, word in words if word is not None and word.good[0][1] is not None]
        return [(path, good) for path, good in gone if good[1] or (start and not self.unsigned(start, path))]

    def lines(self, files: CommitId, words: CommitId | None, since: CommitId | None) -> tuple[Line, Line | None]:
        """Return what an audit of whole branches goes along: that of people's files, and that of their commands.

        They are judged from ``since`` on, else from where somebody has chosen to begin.
        """
        own = self._line_of_files(since or self._start(files, None))
        return own, self._line_of_words(since or self._start(words, None)) if words is not None else None

    def _line_of_words(self, start: CommitId | None) -> Line:
        under = ops_prefix(self._stage) if self._stage is not None else _NOWHERE
        return Line(self._store, start, under, self._sift_ops, self._judge, holds=False)

    def _sift_ops(self, changes: Iterable[Change], known: Callable[[bytes], bool]) -> list[Change]:
        stage = self._stage
        return [each for each in changes if stage is not None and (is_word(each, stage) or known(each.raw))]

    def _line_of_files(self, start: CommitId | None) -> Line:
        return Line(self._store, start, "", self._sift_config, self._judge_config, holds=True)

    def _sift_config(self, changes: Iterable[Change], _: Callable[[bytes], bool]) -> list[Change]:
        return config_of_people(changes, self._stage)

    def _judge(self, info: CommitInfo, changes: Sequence[Change]) -> Verdict:
        """Return what a commit's signature is worth for these of its changes. Raises BlindError."""
        ours = is_our_address(info.committer.email)
        steps = ours and self._stage is not None and not of_people(changes, self._stage)
        if ours and not steps and not may_say(info, changes):
            return OURS
        known = self._verdicts.get(info.id) if self.number else None
        if known is None:
            judge = self._signers.judge_ours() if ours else self._signers.judge_people()
            known = judge.judge(self._raw(info), info.committer.email, info.commit_time)
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            self._verdicts[info.id] = known
        return known

    def _judge_config(self, info: CommitInfo, changes: Sequence[Change]) -> Verdict:
        try:
            return self._judge(info, changes)
        except BlindError as error:
            if self._line is None:
                raise
            return Verdict("unreadable", "", error.message, error.hint)

    def _judged_as_ours(self, info: CommitInfo) -> Verdict:
        return self._signers.judge_ours().judge(self._raw(info), RECONCILER.email, info.commit_time)

    def _raw(self, info: CommitInfo) -> bytes:
        return self._store.raw_commits([info.id])[0]

    # Where the judging begins

    def _config_line(self, tip: CommitId, base: CommitId | None) -> Line:
        """Return the line from where judging begins: what is in force follows from that and the tip alone."""
        start, number, readable = self._start(tip, base), self.number, not self.trouble
        by = (number, readable)
        if self._lines is None or self._lines.base != start or self._lines_by != by:
            self._lines = self._line_of_files(start)
            self._lines_by = by
        return self._lines

    def _start(self, tip: CommitId, base: CommitId | None) -> CommitId | None:
        """Return the newest commit of the branch that counts by itself: what our step was decided on, or a chosen one.

        A chosen one is another branch's where the branch itself never was at it; then it only came by a merge.
        """
        newest = base if base is not None and self._is_in(base, tip) else None
        for each in self._chosen(tip):
            if (newest is None or (each != newest and self._is_in(newest, each))) and self._was_at(each, tip):
                newest = each
        return newest

    def _chosen(self, tip: CommitId) -> list[CommitId]:
        there = [each for each in self._since if self._is_in(each, tip)]
        project = self.project.tip if self.project is not None else None
        own = [each for each in there if project is None or not self._is_in(each, project)]
        return own or there

    def _was_at(self, commit: CommitId, tip: CommitId) -> bool:
        """Whether a commit is the tip or comes before it along first parents."""
        known = self._lined.setdefault(commit, {commit})
        path: list[CommitId] = []
        at: CommitId | None = tip
        while at is not None and at not in known and len(path) < _NEAR:
            path.append(at)
            at = self._before(at)
        if at is not None and at not in known:
            # The rest in one go: the last one that does not come before the commit stands on it, or on another line.
            path += first_parents(self._store, at, commit)
            at = self._before(path[-1])
        if at is None or at not in known:
            return False
        known.update(path)
        return True

    def _before(self, commit: CommitId) -> CommitId | None:
        return next(iter(self._store.commit(commit).parents), None)

    def _is_in(self, commit: CommitId | None, tip: CommitId) -> bool:
        if commit is None or commit == tip:
            return commit == tip
        return self._store.find_commit(commit) is not None and self._store.is_ancestor(commit, tip)


def _paths(node: Node | None) -> tuple[str, ...]:
    return tuple(sorted(path.decode("utf-8", "replace") for path in node.bad)) if node is not None else ()
