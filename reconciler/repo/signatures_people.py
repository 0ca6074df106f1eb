"""Which commits of people have to be signed: those by which their files, or their commands, came onto a branch.

What counts is who moved the branch: a merge's signature, not those of the commits that it brought along. Our own key
says nothing for people: a proposal of ours counts when somebody has merged it with a signed commit.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.names import StageName
from reconciler.repo.layout import config_place, ops_place
from reconciler.repo.objects import Change, CommitInfo
from reconciler.repo.signatures import Judge, Verdict
from reconciler.repo.writer import RECONCILER

_PROJECT = frozenset({"project.yaml", "shipyard.yaml"})
_OURS = Verdict(
    "other", "", "reconciler itself committed what is for people to say", "merge such files with a signed commit"
)


def of_people(changes: Iterable[Change], stage: StageName | None) -> list[str]:
    """Return the paths of people's files and commands among changes; ``stage`` None: those of the project's branch."""
    return sorted({each.path for each in changes if each.path is not None and _is_theirs(each.path, stage)})


def _is_theirs(path: str, stage: StageName | None) -> bool:
    if stage is None:
        return path in _PROJECT or config_place(path) is not None
    place = ops_place(path, stage)
    return config_place(path) is not None or (place is not None and place.rest.startswith("commands/"))


def judged(judge: Judge, info: CommitInfo, raw: bytes) -> Verdict:
    """Return what the signature of a commit of people is worth: it has to be that of its committer."""
    if info.committer.email == RECONCILER.email:
        return _OURS
    return judge.judge(raw, info.committer.email, info.commit_time)
