"""Walking commits: what came since, what descends from what, what changed a path last.

What a wake-up needs (a few commits on top of a known one) is walked here through the persistent children; only
longer or merged histories start ``rev-list``. Order is by ancestry: dates in commits may lie.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.faults import checked, local_error
from reconciler.repo.names import commit_id
from reconciler.repo.objects import CommitInfo
from reconciler.repo.reader import Reader, StartProcess

_WALKED: Final = 256
"""Commits that git is asked for one by one, before it walks by itself."""
_KNOWN: Final = 4096
"""Commits on the way, asked for or remembered: as many as a storm's largest push makes, in some milliseconds."""
_NEAR: Final = 64
"""Commits at the tip that are looked at one by one; some milliseconds for all."""
_PART: Final = 4096
"""First parents after which git is asked anew: it orders all that it is asked for before it tells the first commit."""
_GROWS: Final = 4
_BATCH: Final = 512


class History:
    """Answers questions about ancestry in one mirror. One owner thread."""

    def __init__(self, git_dir: Path, start: StartProcess, reader: Reader) -> None:
        self._git_dir = git_dir
        self._start = start
        self._reader = reader

    def commits(
        self, tip: CommitId, *, since: CommitId | None = None, paths: Sequence[str] = (), limit: int | None = None
    ) -> Iterator[CommitInfo]:
        """Yield the commits reachable from the tip and not from ``since``, children before their parents.

        All parents are followed. With ``paths`` only commits that changed one of them, on side branches too.
        """
        chain = None if paths or since is None else self._chain(tip, since)
        if chain is not None:
            yield from chain[:limit]
            return
        rest = tip
        if since is None:
            # Git looks at all of a long history before it tells the first commit, and mostly the newest few are asked.
            for info, counts in self._near(tip, paths):
                if limit == 0:
                    return
                if counts:
                    yield info
                    limit = limit - 1 if limit is not None else None
                rest = info.parents[0]
        if since is not None:
            yield from self._walked(rest, since, paths, limit)
            return
        older: CommitId | None = rest
        size = _PART
        while older is not None and limit != 0:
            # Whatever the older commit descends from has its parents there too, so children still come first.
            rest, older = older, self._older(older, size)
            for info in self._walked(rest, older, paths, limit):
                yield info
                limit = limit - 1 if limit is not None else None
            size *= _GROWS

    def _older(self, tip: CommitId, size: int) -> CommitId | None:
        """Return the commit that so many first parents lie behind the tip; None where there are not so many."""
        with self._start(argv.first_parents(self._git_dir, tip, None)) as process:
            found = next(islice(_lines(iter(process.chunk, b"")), size, None), None)
            if found is None:
                checked(f"walking the history of {tip}", process.finish())
            return found

    def _walked(
        self, tip: CommitId, since: CommitId | None, paths: Sequence[str], limit: int | None
    ) -> Iterator[CommitInfo]:
        with self._start(argv.rev_list(self._git_dir, tip, since=since, paths=paths, limit=limit)) as process:
            ids = _lines(iter(process.chunk, b""))
            while batch := list(islice(ids, _BATCH)):
                yield from self._reader.commits(batch)
            checked(f"walking the history of {tip}", process.finish())

    def _near(self, tip: CommitId, paths: Sequence[str]) -> Iterator[tuple[CommitInfo, bool]]:
        """Yield the newest commits down to the first merge or root, and whether each changed one of the paths."""
        info = self._reader.commit(tip)
        here = [self._reader.item_at(tip, path) for path in paths]
        for _ in range(_NEAR):
            if len(info.parents) != 1:
                return
            before = [self._reader.item_at(info.parents[0], path) for path in paths]
            yield info, here != before or not paths
            info, here = self._reader.commit(info.parents[0]), before

    def _chain(self, tip: CommitId, since: CommitId) -> list[CommitInfo] | None:
        """Return ``since..tip`` where it is a short chain without merges, else None."""
        chain: list[CommitInfo] = []
        current, asked = tip, 0
        while current != since:
            asked += not self._reader.knows(current)
            if asked > _WALKED or len(chain) == _KNOWN:
                return None
            info = self._reader.commit(current)
            if len(info.parents) != 1:
                return None
            chain.append(info)
            current = info.parents[0]
        return chain

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        """Tell whether ``new`` is ``old`` or descends from it."""
        seen: set[CommitId] = {new}
        level: list[CommitId] = [new]
        asked = 0
        while level:
            if old in level:
                return True
            asked += sum(not self._reader.knows(commit) for commit in level)
            if asked > _WALKED or len(seen) > _KNOWN:
                return self._ask_git(old, new)
            parents = [parent for info in self._reader.commits(level) for parent in info.parents]
            level = [parent for parent in dict.fromkeys(parents) if parent not in seen]
            seen.update(level)
        return False

    def ancestors(self, commits: Collection[CommitId], tip: CommitId) -> frozenset[CommitId]:
        """Return those of the commits that ``tip`` is or descends from: one walk for all of them."""
        if not commits:
            return frozenset()
        with self._start(argv.beyond(self._git_dir, tip)) as process:
            process.send(b"".join(b"%s\n" % commit.encode("ascii") for commit in commits))
            beyond = checked(f"looking for commits in the past of {tip}", process.finish())
        return frozenset(commits).difference(_lines(iter((beyond,))))

    def _ask_git(self, old: CommitId, new: CommitId) -> bool:
        with self._start(argv.is_ancestor(self._git_dir, old, new)) as process:
            finished = process.finish()
        if finished.status not in {0, 1}:
            raise local_error(f"comparing {old} with {new}", finished.stderr)
        return finished.status == 0

    def last_change(self, tip: CommitId, path: str, *, first_parent: bool = False) -> CommitInfo | None:
        """Return the newest commit that changed a file or a directory, None where none did.

        ``first_parent``: the one by which the branch itself changed there, which may be a merge.
        """
        with self._start(argv.last_change(self._git_dir, tip, path, first_parent=first_parent)) as process:
            output = checked(f"looking for the last change of {path}", process.finish())
        text = output.decode("ascii", "replace").strip()
        return self._reader.commit(commit_id(text)) if text else None


def _lines(chunks: Iterator[bytes]) -> Iterator[CommitId]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield commit_id(line.decode("ascii", "replace"))
