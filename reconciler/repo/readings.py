"""What a mirror reads, damage noticed: an object that must be there and is not makes it anew before the next fetch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.names import BlobId, CommitId
from reconciler.repo.faults import DamagedError
from reconciler.repo.history import History
from reconciler.repo.names import TreeId
from reconciler.repo.objects import Change, CommitInfo, Entry, Oversize, TreeItem
from reconciler.repo.reader import DEFAULT_LIMIT, Reader, StartProcess


class Readings:
    """Files, trees and history of one mirror. One thread."""

    def __init__(self, reader: Reader, git_dir: Path, start: StartProcess) -> None:
        self._reader = reader
        self._history = History(git_dir, start, reader)
        self._suspect = False

    def has(self, identity: str) -> bool:
        """Tell whether an object is here."""
        return self._reader.has(identity)

    def entries(self, commit: CommitId, under: str = "") -> Iterator[Entry]:
        """Yield all files of a commit or of one directory; see `Reader.entries`."""
        with self._noticing():
            yield from self._reader.entries(commit, under)

    def diff(self, old: CommitId | None, new: CommitId, under: str = "") -> list[Change]:
        """Return the files that differ; see `Reader.diff`."""
        with self._noticing():
            return self._reader.diff(old, new, under)

    def changes(self, old: CommitId | None, new: CommitId) -> list[Change]:
        """Return the files that differ from what anybody may propose; see `Reader.changes`."""
        with self._noticing():
            return self._reader.changes(old, new)

    def blob(self, blob: BlobId, limit: int = DEFAULT_LIMIT) -> bytes:
        """Return a blob's bytes; see `Reader.blob`."""
        with self._noticing():
            return self._reader.blob(blob, limit)

    def blobs(self, ids: Sequence[BlobId], limit: int = DEFAULT_LIMIT) -> dict[BlobId, bytes | Oversize]:
        """Return many blobs in one go; see `Reader.blobs`."""
        with self._noticing():
            return self._reader.blobs(ids, limit)

    def known_blobs(self, ids: Sequence[BlobId], limit: int = DEFAULT_LIMIT) -> dict[BlobId, bytes | Oversize]:
        """Return those of many blobs that are here; see `Reader.known_blobs`."""
        with self._noticing():
            return self._reader.known_blobs(ids, limit)

    def blob_id(self, commit: CommitId, path: str) -> BlobId | None:
        """Return the id of the file at a path, None where there is none."""
        with self._noticing():
            item = self._reader.item_at(commit, path)
        return BlobId(item[0]) if item is not None and item[1] == "blob" else None

    def blob_at(self, commit: CommitId, path: str, limit: int = DEFAULT_LIMIT) -> tuple[BlobId, bytes] | None:
        """Return id and bytes of the file at a path; see `Reader.blob_at`."""
        with self._noticing():
            return self._reader.blob_at(commit, path, limit)

    def tree_id(self, commit: CommitId, path: str = "") -> TreeId | None:
        """Return the id of a directory; see `Reader.tree_id`."""
        with self._noticing():
            return self._reader.tree_id(commit, path)

    def trees(self, ids: Sequence[str]) -> list[list[TreeItem]]:
        """Return what stands in directories, by their trees' ids; see `Reader.trees`."""
        with self._noticing():
            return self._reader.trees(ids)

    # History

    def find_commit(self, prefix: str) -> CommitId | None:
        """Return the commit that an id or its beginning names; see `Reader.find_commit`."""
        with self._noticing():
            return self._reader.find_commit(prefix)

    def commit(self, commit: CommitId) -> CommitInfo:
        """Return one commit."""
        with self._noticing():
            return self._reader.commit(commit)

    def raw_commits(self, ids: Sequence[CommitId]) -> list[bytes]:
        """Return the bytes of commits; see `Reader.raw_commits`."""
        with self._noticing():
            return self._reader.raw_commits(ids)

    def parents(self, commit: CommitId) -> tuple[CommitId, ...]:
        """Return a commit's parents."""
        return self.commit(commit).parents

    def commits(
        self, tip: CommitId, *, since: CommitId | None = None, paths: Sequence[str] = (), limit: int | None = None
    ) -> Iterator[CommitInfo]:
        """Yield commits, children before their parents; see `History.commits`."""
        with self._noticing():
            yield from self._history.commits(tip, since=since, paths=paths, limit=limit)

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        """Tell whether ``new`` is ``old`` or descends from it."""
        with self._noticing():
            return self._history.is_ancestor(old, new)

    def ancestors(self, commits: Collection[CommitId], tip: CommitId) -> frozenset[CommitId]:
        """Return those of the commits that ``tip`` is or descends from, in one walk."""
        with self._noticing():
            return self._history.ancestors(commits, tip)

    def last_change(self, tip: CommitId, path: str, *, first_parent: bool = False) -> CommitInfo | None:
        """Return the newest commit that changed a path; see `History.last_change`."""
        with self._noticing():
            return self._history.last_change(tip, path, first_parent=first_parent)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except DamagedError:
            self._suspect = True
            raise
