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

from reconciler.model.names import StageName
from reconciler.repo.layout import PROJECT_FILES, config_place, ops_place
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.signatures import Verdict
from reconciler.repo.writer import RECONCILER

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


def _is_theirs(path: str, stage: StageName | None) -> bool:
    if stage is None:
        return path in PROJECT_FILES or config_place(path) is not None
    place = ops_place(path, stage)
    return config_place(path) is not None or (place is not None and place.rest.startswith("commands/"))


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
