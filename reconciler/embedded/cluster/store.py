"""The objects and their history: one counter, one log, like etcd behind a real API server.

Objects are never changed in place, so that what was read stays what it was and an older version can be told again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

from reconciler.embedded.cluster.answers import expired
from reconciler.embedded.cluster.kinds import Kind


@dataclass(frozen=True)
class Event:
    """One change. ``object`` is what is there now (for DELETED: what was), ``old`` what was there before."""

    version: int
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    kind: Kind
    object: dict[str, Any]
    old: dict[str, Any] | None


class Store:
    """Thread-safe. Writers hold `lock` from their read to their write; it may be entered again by the same thread."""

    def __init__(self, history: int = 10_000) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 0
        self.listeners: list[Callable[[Event], None]] = []
        self._objects: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        self._log: deque[Event] = deque(maxlen=history)
        self._oldest = 0
        self._owned: dict[str, dict[tuple[str, str, str], Kind]] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object or None. Cluster-wide kinds live in the namespace ``""``."""
        return self._objects.get(kind.qualified, {}).get(namespace, {}).get(name)

    def items(self, kind: Kind, namespace: str = "") -> list[dict[str, Any]]:
        """Return the objects of a namespace, or all where it is empty, ordered by namespace and name."""
        with self.lock:
            spaces = self._objects.get(kind.qualified, {})
            chosen = [namespace] if namespace else sorted(spaces)
            return [item for space in chosen for _, item in sorted(spaces.get(space, {}).items())]

    def put(self, kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
        """Keep an object under the next version and return it with that resourceVersion."""
        with self.lock:
            metadata = item["metadata"]
            space = self._objects.setdefault(kind.qualified, {}).setdefault(metadata.get("namespace", ""), {})
            old = space.get(metadata["name"])
            kept = {**item, "metadata": {**metadata, "resourceVersion": str(self.version + 1)}}
            space[metadata["name"]] = kept
            self._index(kind, old, add=False)
            self._index(kind, kept, add=True)
            self._tell(Event(self.version + 1, "MODIFIED" if old else "ADDED", kind, kept, old))
            return kept

    def remove(self, kind: Kind, item: dict[str, Any]) -> None:
        """Forget an object; its deletion is a version of its own."""
        with self.lock:
            metadata = item["metadata"]
            old = self._objects[kind.qualified][metadata.get("namespace", "")].pop(metadata["name"])
            self._index(kind, old, add=False)
            last = {**item, "metadata": {**metadata, "resourceVersion": str(self.version + 1)}}
            self._tell(Event(self.version + 1, "DELETED", kind, last, old))

    def owned(self, uid: str) -> list[tuple[Kind, dict[str, Any]]]:
        """Return what names the object ``uid`` as an owner, in the order in which it came."""
        with self.lock:
            found = [(kind, self.get(kind, key[1], key[2])) for key, kind in self._owned.get(uid, {}).items()]
            return [(kind, item) for kind, item in found if item is not None]

    def _index(self, kind: Kind, item: dict[str, Any] | None, *, add: bool) -> None:
        metadata = item["metadata"] if item else {}
        for owner in metadata.get("ownerReferences", ()):
            key = (kind.qualified, metadata.get("namespace", ""), metadata["name"])
            if add:
                self._owned.setdefault(owner["uid"], {})[key] = kind
                continue
            self._owned[owner["uid"]].pop(key)
            if not self._owned[owner["uid"]]:
                del self._owned[owner["uid"]]

    def _tell(self, event: Event) -> None:
        if len(self._log) == self._log.maxlen:
            self._oldest = self._log[0].version
        self._log.append(event)
        self.version = event.version
        for listener in self.listeners:
            listener(event)
        self.changed.notify_all()

    def since(self, kind: Kind, version: int) -> list[Event]:
        """Return what happened to a kind after ``version``, oldest first.

        Raises:
            ApiError: 410 where the history does not reach back that far.
        """
        with self.lock:
            if version < self._oldest:
                raise expired(f"too old resource version: {version} ({self._oldest})")
            recent = takewhile(lambda event: event.version > version, reversed(self._log))
            return [event for event in recent if event.kind.qualified == kind.qualified][::-1]

    def compact(self) -> None:
        """Forget the history: every earlier resourceVersion is too old from now on."""
        with self.lock:
            self._log.clear()
            self._oldest = self.version

    def versions(self, kind: Kind, namespace: str, name: str) -> Iterator[dict[str, Any] | None]:
        """Yield the object as it was, the newest first (the present one is the first); None for "not there"."""
        with self.lock:
            log = list(self._log)
        for event in reversed(log):
            metadata = event.object["metadata"]
            same = event.kind.qualified == kind.qualified and metadata["name"] == name
            if same and metadata.get("namespace", "") == namespace:
                yield None if event.type == "DELETED" else event.object
                if event.type == "ADDED":
                    yield None
