"""Which commits of people have to be signed: those by which their files, or their commands, came onto a branch.

What counts is who moved the branch: a merge's signature, not those of the commits that it brought along. Our own key
says nothing for people's files: a proposal of ours counts when somebody has merged it with a signed commit. Commands
that reconciler commits in a person's name count by it: the bridge has asked who that person is.

A branch counts as a whole, up to the last commit at which nothing of people's files stems from a commit that does not
count. A file that such a commit changed counts again when somebody changes it by a signed commit, who then has seen it,
or when it is as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.model.names import BlobId, CommitId, StageName
from reconciler.repo.layout import config_place, ops_place
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.signatures import Judge, Verdict
from reconciler.repo.writer import RECONCILER

_PROJECT = frozenset({"project.yaml", "shipyard.yaml"})
OURS = Verdict(
    "other", "", "reconciler itself committed what is for people to say", "merge such files with a signed commit"
)


def of_people(changes: Iterable[Change], stage: StageName | None) -> list[Change]:
    """Return what changes people's files and commands; ``stage`` None: those of the project's branch."""
    return [each for each in changes if each.path is not None and _is_theirs(each.path, stage)]


def config_of_people(changes: Iterable[Change], stage: StageName | None) -> list[Change]:
    """Return what changes people's files alone; commands are judged one by one."""
    return [each for each in of_people(changes, stage) if _is_config(each)]


def _is_config(change: Change) -> bool:
    return not (change.path or "").startswith("ops/")


@dataclass
class InForce:
    """How far a branch counts. It is told of the branch's own commits, the oldest first.

    ``commit`` is the last one that counts with all that it holds, None where there is none; ``waiting`` are the paths
    that stand in the way of those after it, with mode and content that they had before.
    """

    commit: CommitId | None = None
    waiting: dict[bytes, tuple[str | None, BlobId | None]] = field(default_factory=dict)

    def take(self, commit: CommitId, changes: Sequence[Change], *, good: bool) -> None:
        """Take the next commit with what it changes of people's; ``good``: its signature counts."""
        for each in changes:
            if good:
                self.waiting.pop(each.raw, None)
                continue
            was = self.waiting.setdefault(each.raw, (each.old_mode, each.old_blob))
            if was == (each.new_mode, each.new_blob):
                del self.waiting[each.raw]
        if not self.waiting:
            self.commit = commit


def _is_theirs(path: str, stage: StageName | None) -> bool:
    if stage is None:
        return path in _PROJECT or config_place(path) is not None
    place = ops_place(path, stage)
    return config_place(path) is not None or (place is not None and place.rest.startswith("commands/"))


def judged(judge: Judge, info: CommitInfo, raw: bytes, changes: Sequence[Change]) -> Verdict:
    """Return what the signature of a commit that changes something of people's is worth: its committer has to sign."""
    if is_our_address(info.committer.email) and not may_say(info, changes):
        return OURS
    return judge.judge(raw, info.committer.email, info.commit_time)


def is_word(change: Change, stage: StageName) -> bool:
    """Whether a change is a word about something: a command, or that a step is gone, by which people undo it."""
    place = ops_place(change.path or "", stage)
    gone = change.new_blob is None and place is not None and place.rest.startswith("remediations/")
    return gone or (place is not None and place.rest.startswith("commands/"))


def is_our_address(email: str) -> bool:
    """Whether an address is reconciler's own, which is no person's."""
    return email.strip().casefold() == RECONCILER.email


def may_say(info: CommitInfo, changes: Sequence[Change]) -> bool:
    """Whether our own commit may bring this: a person's command in that person's name, or the end of old commands."""
    if any(_is_config(each) for each in changes):
        return False
    return not is_our_address(info.author.email) or (bool(changes) and all(each.new_blob is None for each in changes))
