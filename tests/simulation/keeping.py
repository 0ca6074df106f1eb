"""A daemon's disk in a simulation, and what a mirror keeps on it while the remote is away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from reconciler.model.errors import TransientError
from reconciler.model.names import CommitId
from reconciler.repo.argv import Argv
from reconciler.repo.away import UNPUSHED, Away, Seen
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import ZERO
from reconciler.repo.process import Finished
from tests.simulation.objects import Objects

_NOWHERE: Final = Path("/nowhere")


@dataclass
class Disk:
    """What outlives a process: objects, refs of the mirror's own, and what the remote was last seen to have."""

    objects: Objects = field(default_factory=Objects)
    refs: dict[str, str] = field(default_factory=dict)
    seen: Seen | None = None

    def kept(self) -> list[str]:
        """Return the newest commits of what is kept of branches."""
        return [tip for ref, tip in self.refs.items() if ref.startswith(UNPUSHED)]


class _Refs:
    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def read(self, ref: str) -> CommitId | None:
        found = self._disk.refs.get(ref)
        return None if found is None else CommitId(found)


class MemoryAway(Away):
    """An `Away` whose disk is memory. ``write`` does what is to outlive the process, or fails."""

    def __init__(self, disk: Disk, write: Callable[[Callable[[], None]], None]) -> None:
        super().__init__(_NOWHERE, self._instructed)
        self._disk = disk
        self._write = write
        self._refs = cast("LocalRefs", _Refs(disk))

    def _noted(self) -> Seen | None:
        return self._disk.seen

    def _erase(self) -> None:
        self._write(lambda: self._set(None))

    def _note(self, seen: Seen) -> None:
        self._write(lambda: self._set(seen))
        self.seen = seen

    def _set(self, seen: Seen | None) -> None:
        self._disk.seen = seen

    def _instructed(self, doing: str, _words: Argv, data: bytes) -> Finished:
        """Do what `git update-ref --stdin -z` would be told."""
        verb, _, told = data.decode().partition(" ")
        ref, *ids = told.split("\0")
        new, old = (ids[0], ids[1]) if verb == "update" else (ZERO, ids[0])

        def update() -> None:
            there = self._disk.refs.get(ref, ZERO)
            if old and there != old:
                raise TransientError(f"{doing}: cannot lock ref '{ref}'")
            if new == ZERO:
                self._disk.refs.pop(ref, None)
            else:
                self._disk.refs[ref] = new

        self._write(update)
        return Finished(0, b"", "")

    def _settle_ref(self, ref: str) -> None:
        self._write(lambda: None)

    def _settle_objects(self, commits: Iterable[CommitId]) -> None:
        self._write(lambda: None)
