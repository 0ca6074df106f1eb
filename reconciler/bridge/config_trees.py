"""Which services people have configured at one commit, and where the files of the stage itself lie.

The names of directories say it; a directory is read once for each content that it ever had.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.bridge.trees import Remembered
from reconciler.model.names import BlobId, CommitId, ServicePath
from reconciler.repo.index import Moved, Stored
from reconciler.repo.layout import MAKES_A_SERVICE, PROVIDERS, STAGE_FILES, of_a_chart
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import TREE, TreeItem

_COMMITS: Final = 512


@dataclass(frozen=True)
class Configured:
    """The services of a commit by path, in order, those of one name together, and the stage's own files.

    ``key`` is the same wherever all people's files are.
    """

    services: tuple[ServicePath, ...]
    named: Mapping[str, tuple[ServicePath, ...]]
    wide: tuple[Moved, ...]
    key: str


class ConfigTrees:
    """Reads people's files of any commit. One thread, the mirror's."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._known: Remembered[Configured] = Remembered(_COMMITS)
        self._below: Remembered[tuple[str, ...]] = Remembered()

    def at(self, commit: CommitId) -> Configured:
        """Return what is configured at a commit."""
        tree = self._mirror.tree_id(commit) or ""
        found = self._known.get(tree)
        if found is None:
            top = self._mirror.trees([tree])[0]
            # Every step makes a new tree of the branch; what people configured is the same in nearly all of them.
            told = b"".join(item.name + item.id.encode() for item in top if item.name != b"ops")
            key = hashlib.sha256(told).hexdigest()
            found = self._known.get(key)
            if found is None:
                found = self._known.put(key, self._read(top, key))
            self._known.put(tree, found)
        return found

    def files(self, commit: CommitId, service: ServicePath) -> tuple[Moved, ...]:
        """Return the files of one service's directory."""
        tree = self._mirror.tree_id(commit, service)
        return tuple(self._files(self._mirror.trees([tree])[0], f"{service}/")) if tree is not None else ()

    def _read(self, top: Sequence[TreeItem], key: str) -> Configured:
        read: dict[str, list[TreeItem]] = {}
        level = [item.id for item in top if _leads_on(item) and item.name != b"ops"]
        folders = {item.name: item.id for item in top if _leads_on(item) and item.name != b"ops"}
        while level := [each for each in dict.fromkeys(level) if each not in self._below and each not in read]:
            read |= zip(level, self._mirror.trees(level), strict=True)
            level = [
                item.id for each in level if not _is_service(read[each]) for item in read[each] if _leads_below(item)
            ]
        services: list[ServicePath] = []
        for name, below in folders.items():
            services += [ServicePath(_joined(name, path)) for path in self._services(below, read)]
        named: dict[str, list[ServicePath]] = defaultdict(list)
        for service in services:
            named[service.rpartition("/")[2]].append(service)
        wide = [each for each in self._files(top, "") if each.path in STAGE_FILES]
        grouped = {name: tuple(paths) for name, paths in named.items()}
        return Configured(tuple(sorted(services)), grouped, tuple(wide), key)

    def _services(self, tree: str, read: Mapping[str, Sequence[TreeItem]]) -> tuple[str, ...]:
        """Return the services in a directory, from there; an empty path is the directory itself."""
        known = self._below.get(tree)
        if known is not None:
            return known
        # It may have been known when the others were read, and be forgotten since.
        items = read[tree] if tree in read else self._mirror.trees([tree])[0]
        if _is_service(items):
            return self._below.put(tree, ("",))
        found = [
            _joined(item.name, path) for item in items if _leads_below(item) for path in self._services(item.id, read)
        ]
        return self._below.put(tree, tuple(found))

    def _files(self, items: Sequence[TreeItem], prefix: str) -> list[Moved]:
        found = [Moved(f"{prefix}{_text(item.name)}", _stored(item)) for item in items if item.mode != TREE]
        providers = {_text(item.name): item.id for item in items if item.mode == TREE and _text(item.name) in PROVIDERS}
        for (name, _), inside in zip(providers.items(), self._mirror.trees([*providers.values()]), strict=True):
            found += [
                Moved(f"{prefix}{name}/{_text(item.name)}", _stored(item))
                for item in inside
                if item.name == b"sli.yaml"
            ]
        return found


def _leads_on(item: TreeItem) -> bool:
    return item.mode == TREE and _text(item.name) not in PROVIDERS


def _leads_below(item: TreeItem) -> bool:
    """Whether services may lie in a directory below another one."""
    return _leads_on(item) and not of_a_chart(f"/{_text(item.name)}")


def _is_service(items: Sequence[TreeItem]) -> bool:
    return any(item.mode != TREE and _text(item.name) in MAKES_A_SERVICE for item in items)


def _stored(item: TreeItem) -> Stored:
    return Stored(item.mode, BlobId(item.id))


def _joined(name: bytes, path: str) -> str:
    return f"{_text(name)}/{path}" if path else _text(name)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
