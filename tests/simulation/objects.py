"""Git's objects in memory: blobs, trees and commits with the ids that git gives them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from reconciler.model.names import BlobId, CommitId
from reconciler.repo.names import EMPTY_TREE
from reconciler.repo.objects import FILE, TREE, Change, CommitInfo, parse_commit, parse_tree, text_or_none

Items: TypeAlias = Mapping[bytes, tuple[str, str]]
"""What stands in a tree: mode and id by name."""
_TREES: Final[dict[str, Items]] = {EMPTY_TREE: {}}
_COMMITS: Final[dict[str, CommitInfo]] = {}
_KEPT: Final = 20_000


class Missing(Exception):  # noqa: N818  what is missing is no error by itself
    """An object is not here."""


class Objects:
    """A store of objects, which sees those of another one too where it shares them."""

    def __init__(self, below: Objects | None = None) -> None:
        self.own: dict[str, tuple[str, bytes]] = {}
        self.below = below

    def find(self, identity: str) -> tuple[str, bytes] | None:
        found = self.own.get(identity)
        if found is None and self.below is not None:
            found = self.below.find(identity)
        if found is None and identity == EMPTY_TREE:
            return "tree", b""
        return found

    def get(self, identity: str, kind: str) -> bytes:
        found = self.find(identity)
        if found is None or found[0] != kind:
            raise Missing(identity)
        return found[1]

    def put(self, kind: str, data: bytes) -> str:
        identity = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()
        if self.find(identity) is None:
            self.own[identity] = kind, data
        return identity

    def tree(self, identity: str) -> Items:
        """Return what stands in a tree. What a tree's id says never changes, so it is parsed once."""
        if self.find(identity) is None:
            raise Missing(identity)
        items = _TREES.get(identity)
        if items is None:
            data = self.get(identity, "tree")
            items = _TREES[identity] = {item.name: (item.mode, item.id) for item in parse_tree(data)}
        return items

    def commit(self, identity: str) -> CommitInfo:
        data = self.get(identity, "commit")
        info = _COMMITS.get(identity)
        if info is None:
            info = _COMMITS[identity] = parse_commit(CommitId(identity), data)
        return info

    def item_at(self, commit: str, path: str) -> tuple[str, str] | None:
        """Return mode and id of what stands at a path of a commit."""
        found: tuple[str, str] | None = (TREE, self.commit(commit).tree)
        for part in path.encode("utf-8", "surrogateescape").split(b"/"):
            if found is None or found[0] != TREE:
                return None
            found = self.tree(found[1]).get(part)
        return found

    def file(self, commit: str, path: str) -> bytes | None:
        item = self.item_at(commit, path)
        return None if item is None or item[0] == TREE else self.get(item[1], "blob")

    def files(self, tree: str, prefix: bytes = b"") -> Iterator[tuple[bytes, str, str]]:
        """Yield path, mode and id of all files below a tree, in git's order."""
        for name, (mode, identity) in self.tree(tree).items():
            if mode == TREE:
                yield from self.files(identity, prefix + name + b"/")
            else:
                yield prefix + name, mode, identity

    def ancestry(self, tip: str) -> dict[str, None]:
        """Return everything that a commit descends from, and itself."""
        found: dict[str, None] = {}
        waiting = [tip]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found[current] = None
                waiting += self.commit(current).parents
        return found

    def descends(self, new: str, old: str) -> bool:
        """Tell whether a commit is another or descends from it."""
        seen: set[str] = set()
        waiting = [new]
        while waiting:
            current = waiting.pop()
            if current == old:
                return True
            if current not in seen:
                seen.add(current)
                waiting += self.commit(current).parents
        return False

    # Making

    def changed(self, tree: str, files: Mapping[str, bytes | None]) -> str:
        """Return the tree with files written, or taken away where their content is None, as fast-import does it."""
        root = _Folder(self, tree)
        for path in sorted(path for path, content in files.items() if content is None):
            root.remove(path.encode().split(b"/"))
        for path, content in sorted(files.items()):
            if content is not None:
                root.place(path.encode().split(b"/"), (FILE, self.put("blob", content)))
        return root.written() or self.put("tree", b"")

    def write_commit(self, tree: str, parents: tuple[str, ...], author: str, committer: str, message: str) -> str:
        """Write a commit; people are as git has them, ``name <email> seconds zone``."""
        lines = [f"tree {tree}", *(f"parent {each}" for each in parents), f"author {author}", f"committer {committer}"]
        return self.put("commit", "\n".join([*lines, "", message]).encode("utf-8", "replace"))

    def save(self, folder: Path) -> None:
        """Write everything as loose objects into a git directory."""
        for identity, (kind, data) in self.own.items():
            file = folder / "objects" / identity[:2] / identity[2:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(zlib.compress(b"%s %d\0" % (kind.encode(), len(data)) + data, 1))


class _Folder:
    """A tree that is being changed; folders below are opened when something in them is."""

    def __init__(self, objects: Objects, tree: str | None) -> None:
        self._objects = objects
        self._items: dict[bytes, tuple[str, str] | _Folder] = dict(objects.tree(tree)) if tree is not None else {}

    def _below(self, name: bytes) -> _Folder | None:
        item = self._items.get(name)
        if isinstance(item, _Folder):
            return item
        if item is None or item[0] != TREE:
            return None
        folder = self._items[name] = _Folder(self._objects, item[1])
        return folder

    def remove(self, parts: list[bytes]) -> None:
        if len(parts) == 1:
            self._items.pop(parts[0], None)
        elif (below := self._below(parts[0])) is not None:
            below.remove(parts[1:])

    def place(self, parts: list[bytes], item: tuple[str, str]) -> None:
        if len(parts) == 1:
            self._items[parts[0]] = item
            return
        below = self._below(parts[0])
        if below is None:
            below = self._items[parts[0]] = _Folder(self._objects, None)
        below.place(parts[1:], item)

    def written(self) -> str | None:
        found: dict[bytes, tuple[str, str]] = {}
        for name, item in self._items.items():
            if not isinstance(item, _Folder):
                found[name] = item
            elif (tree := item.written()) is not None:
                found[name] = TREE, tree
        return write_tree(self._objects, found) if found else None


def write_tree(objects: Objects, items: Items) -> str:
    """Write a tree, in the order that git wants."""
    order = sorted(items.items(), key=lambda item: item[0] + b"/" if item[1][0] == TREE else item[0])
    data = b"".join(b"%s %s\0%s" % (mode.encode(), name, bytes.fromhex(identity)) for name, (mode, identity) in order)
    return objects.put("tree", data)


def differences(objects: Objects, old: str, new: str, prefix: bytes = b"") -> Iterator[Change]:
    """Yield the files that differ between two trees, in the order of their paths, no renames."""
    if old == new:
        return
    before, after = objects.tree(old), objects.tree(new)
    # A file and a folder of one name are two things, and stand in different places.
    was = {(name, item[0] == TREE): item for name, item in before.items()}
    now = {(name, item[0] == TREE): item for name, item in after.items()}
    order: Callable[[tuple[bytes, bool]], bytes] = lambda key: key[0] + b"/" if key[1] else key[0]  # noqa: E731  said twice
    for key in sorted(was.keys() | now.keys(), key=order):
        left, right = was.get(key), now.get(key)
        if left == right:
            continue
        raw = prefix + key[0]
        if key[1]:
            pair = (left[1] if left else EMPTY_TREE, right[1] if right else EMPTY_TREE)
            yield from differences(objects, *pair, raw + b"/")
        else:
            yield _change(raw, left, right)


def _change(raw: bytes, left: tuple[str, str] | None, right: tuple[str, str] | None) -> Change:
    return Change(
        text_or_none(raw), raw,
        left[0] if left else None, BlobId(left[1]) if left else None,
        right[0] if right else None, BlobId(right[1]) if right else None,
    )  # fmt: skip


def forget_parsed() -> None:
    """Let go of what was parsed for simulations that are over, now and then."""
    if len(_TREES) > _KEPT:
        _TREES.clear()
        _TREES[EMPTY_TREE] = {}
    if len(_COMMITS) > _KEPT:
        _COMMITS.clear()
