"""`BASE..HEAD` as a person writes it: two commits, or with three dots what HEAD has of its own."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from reconciler.model.errors import ConfigError
from reconciler.model.names import CommitId
from reconciler.repo.local import LocalRepository

_HINT = "write `BASE..HEAD`, as in `origin/production..HEAD`; with three dots, what HEAD has changed since they parted"
_OURS, _THEIRS = 1, 2


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
    """Return the newest commit that both descend from, None where there is none in this clone."""
    seen: dict[CommitId, int] = {one: _OURS}
    seen[other] = seen.get(other, 0) | _THEIRS
    waiting: list[tuple[float, CommitId]] = []
    for commit in {one, other}:
        heapq.heappush(waiting, (-_time(repository, commit), commit))
    while waiting:
        _, commit = heapq.heappop(waiting)
        sides = seen[commit]
        if sides == _OURS | _THEIRS:
            return commit
        for parent in repository.reader.commit(commit).parents:
            # A shallow clone ends somewhere.
            if seen.get(parent, 0) | sides != seen.get(parent) and repository.reader.has(parent):
                seen[parent] = seen.get(parent, 0) | sides
                heapq.heappush(waiting, (-_time(repository, parent), parent))
    return None


def _time(repository: LocalRepository, commit: CommitId) -> float:
    return repository.reader.commit(commit).commit_time.timestamp()
