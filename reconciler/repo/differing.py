"""What differs between two trees, found by looking at them ourselves: what a stranger proposes may be of any size.

Nine small tree objects can stand for a thousand million paths, and git collects all of them before its first word. Here
a folder that is the same on both sides is never opened, and what is opened is counted before it is kept (ADR 0117).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from reconciler.model.errors import BlindError, UserError
from reconciler.model.names import BlobId
from reconciler.repo.names import EMPTY_TREE
from reconciler.repo.objects import Change, text_or_none

FILES: Final = 300_000
"""Files that may differ between two commits: three times the largest stage that we measure with."""
FOLDERS: Final = 200_000
DEPTH: Final = 64
"""Folders above a file. The longest path of ours has less than twenty."""
BYTES: Final = 256 << 20
"""Bytes of trees that are read; a folder of 10,000 services has less than one million."""
_AT_ONCE: Final = 256
_ITEM: Final = re.compile(rb"([0-7]{5,7}) ([^\0]*)\0(.{20})", re.DOTALL)
_AROUND: Final = 22
"""Bytes of an item beside its mode and name: a blank, a NUL and the id."""
_FOLDER: Final = "040000"
_NOTHING: Final = (None, None)

Item = tuple[bytes, bytes, bytes]
"""Mode, name and id as the tree has them."""
_Named = dict[tuple[bytes, bool], tuple[str, BlobId]]
ReadTrees = Callable[[Sequence[str], int], list[bytes]]
"""Return trees as they are stored, by their ids; raise `UserError` where they have more bytes than given."""


@dataclass(frozen=True)
class _Pair:
    """A folder on both sides; an id is empty where there is none. ``prefix`` is its path with a slash, or empty."""

    prefix: bytes
    depth: int
    old: str
    new: str


def differing(read: ReadTrees, old: str, new: str) -> list[Change]:
    """Return the files that differ from one tree to another, in the order of their paths; no renames.

    Raises:
        UserError: more is to be looked at than anybody writes; with what was found and what to do.
    """
    found: list[Change] = []
    waiting = [_Pair(b"", 0, old, new)] if old != new else []
    left, opened = BYTES, 0
    while waiting:
        deeper: list[_Pair] = []
        for start in range(0, len(waiting), _AT_ONCE):
            pairs = waiting[start : start + _AT_ONCE]
            ids = list({each for pair in pairs for each in (pair.old, pair.new) if each not in ("", EMPTY_TREE)})
            stored = dict(zip(ids, read(ids, left), strict=True))
            left -= sum(map(len, stored.values()))
            trees = {identity: items_of(data) for identity, data in stored.items()}
            for pair in pairs:
                for each in _compared(pair, trees):
                    if isinstance(each, Change):
                        found.append(each)
                    else:
                        deeper.append(each)
                if len(found) > FILES or opened + len(deeper) > FOLDERS:
                    raise _too_much(pair.prefix)
        opened += len(deeper)
        waiting = deeper
    return sorted(found, key=lambda change: change.raw)


def items_of(data: bytes) -> list[Item]:
    """Return what stands in a tree.

    Raises:
        BlindError: it is none.
    """
    items: list[Item] = _ITEM.findall(data)
    if sum(len(mode) + len(name) for mode, name, _ in items) + _AROUND * len(items) != len(data):
        raise BlindError("a tree object cannot be read", hint="run `git fsck` in the remote repository")
    return items


def _compared(pair: _Pair, trees: Mapping[str, list[Item]]) -> Iterator[Change | _Pair]:
    before, after = set(trees.get(pair.old, ())), set(trees.get(pair.new, ()))
    gone, come = _by_name(before - after, pair.prefix), _by_name(after - before, pair.prefix)
    for key in sorted(gone.keys() | come.keys()):
        raw = pair.prefix + key[0]
        old_mode, old = gone.get(key, _NOTHING)
        new_mode, new = come.get(key, _NOTHING)
        if not key[1]:
            yield Change(text_or_none(raw), raw, old_mode, old, new_mode, new)
        elif old != new:
            if pair.depth == DEPTH:
                raise UserError(
                    f"`{_shown(raw)}` is more than {DEPTH} folders deep",
                    expected="folders as a person makes them",
                    hint="take the folder out of the branch: nothing that deep is read",
                )
            yield _Pair(raw + b"/", pair.depth + 1, old or "", new or "")


def _by_name(items: set[Item], prefix: bytes) -> _Named:
    found: _Named = {}
    for stored, name, identity in items:
        mode = _mode(stored)
        found[name, mode == _FOLDER] = mode, BlobId(identity.hex())
    if len(found) != len(items):
        raise UserError(
            f"a name stands twice in the folder `{_shown(prefix) or '/'}`",
            expected="a tree as git makes it",
            hint="commit the folder's files again with git; see `git fsck`",
        )
    return found


@lru_cache(maxsize=64)
def _mode(stored: bytes) -> str:
    """Return a mode with six digits; git makes five."""
    return stored.decode("ascii").rjust(6, "0")[-6:]


def _too_much(prefix: bytes) -> UserError:
    return UserError(
        f"more than {FILES:,} files or {FOLDERS:,} folders differ between the two commits, many of them below "
        f"`{_shown(prefix) or '/'}`",
        expected="a change that can be looked at",
        hint="take out what is no configuration, or propose less at a time",
    )


def _shown(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    return text if len(text) <= 120 else f"{text[:119]}…"
