"""A file as it stood at a moment, line by line, so that a link can lead to one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.bridge.moments import Point
from reconciler.bridge.room import Room
from reconciler.model.names import CommitId
from reconciler.repo.mirror import Mirror

_LIMIT: Final = 256 << 10
"""Bytes of the largest file that is shown."""
_LINES: Final = 10_000


@dataclass(frozen=True)
class FilePage:
    """A file. ``commit`` is where it was read; ``cut``: not all of it is shown."""

    point: Point
    path: str
    commit: CommitId
    lines: tuple[str, ...]
    size: int
    cut: bool = False
    binary: bool = False


def file_page(room: Room, point: Point, path: str) -> FilePage:
    """Return a file of people's, else one under `ops/`, else one of the project's own branch.

    Raises:
        LookupError: there is none. UserError: it is larger than any that is read.
    """
    for commit in dict.fromkeys((point.tips.config, point.tips.ops, point.tips.project)):
        found = _content(room.mirror, commit, path)
        if found is not None:
            return _page(point, path, commit, found)
    raise LookupError(path)


def _content(mirror: Mirror, commit: CommitId, path: str) -> bytes | None:
    if not path or "\0" in path or "\n" in path or any(part in ("", ".", "..") for part in path.split("/")):
        return None
    found = mirror.blob_at(commit, path, _LIMIT)
    return found[1] if found is not None else None


def _page(point: Point, path: str, commit: CommitId, content: bytes) -> FilePage:
    if b"\0" in content:
        return FilePage(point, path, commit, (), len(content), binary=True)
    lines = content.decode("utf-8", "replace").splitlines()
    return FilePage(point, path, commit, tuple(lines[:_LINES]), len(content), cut=len(lines) > _LINES)
