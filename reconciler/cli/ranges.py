"""`BASE..HEAD` as a person writes it: two commits, or with three dots what HEAD has of its own."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from reconciler.model.errors import ConfigError
from reconciler.model.names import CommitId
from reconciler.repo.local import LocalRepository

_HINT = "write `BASE..HEAD`, as in `origin/production..HEAD`; with three dots, what HEAD has changed since they parted"
_OURS, _THEIRS, _BEHIND = 1, 2, 4
_BOTH = _OURS | _THEIRS


@dataclass(frozen=True)
class Range:
    """Two commits, and how they were named."""

    old: CommitId
    new: CommitId
    base: str
    head: str
    text: str


def read_range(repository: LocalRepository, text: str) -> Range:
    """Return the commits of `A..B` and `A...B`; what is left out is HEAD, as for git.

    Raises:
        ConfigError: it is no range, one of the commits is not there, or the two have nothing in common.
    """
    base, dots, head = text.partition("...") if "..." in text else text.partition("..")
    base, head = base or "HEAD", head or "HEAD"
    if not dots or ".." in head or head.startswith("."):
        raise ConfigError(f"`{text}` is no range of commits", hint=_HINT)
    old, new = repository.resolve(base), repository.resolve(head)
    if dots == "...":
        parted = merge_base(repository, old, new)
        if parted is None:
            raise ConfigError(
                f"{base} and {head} have no commit in common here",
                hint="fetch the whole history (`fetch-depth: 0` in CI), or use two dots",
            )
        old = parted
    return Range(old, new, base, head, text)


def merge_base(repository: LocalRepository, one: CommitId, other: CommitId) -> CommitId | None:
    """Return the last commit that both descend from, None where there is none in this clone.

    As git finds it: newest first from both sides; whatever lies behind a common one is of no interest any more, and
    the search ends when nothing else is left. So commits of one second, or of a wrong clock, do no harm.
    """
    seen: dict[CommitId, int] = {}
    waiting: list[tuple[float, CommitId]] = []
    common: list[CommitId] = []

    def reach(commit: CommitId, sides: int) -> None:
        # A shallow clone ends somewhere.
        if seen.get(commit, 0) | sides != seen.get(commit, 0) and repository.reader.has(commit):
            seen[commit] = seen.get(commit, 0) | sides
            heapq.heappush(waiting, (-repository.reader.commit(commit).commit_time.timestamp(), commit))

    reach(one, _OURS)
    reach(other, _THEIRS)
    while any(not seen[commit] & _BEHIND for _, commit in waiting):
        _, commit = heapq.heappop(waiting)
        sides = seen[commit]
        if sides & _BOTH == _BOTH:
            common.append(commit)
            sides |= _BEHIND
        for parent in repository.reader.commit(commit).parents:
            reach(parent, sides)
    return next((commit for commit in common if not seen[commit] & _BEHIND), None)
