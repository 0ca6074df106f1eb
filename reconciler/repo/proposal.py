"""A stage's files of people at two commits: as they are, and as somebody proposes them.

A branch that is behind is not blamed for what it does not have yet: proposed is what it changed since it left the base
(ADR 0121).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.decide.policy import over
from reconciler.decide.snapshot import ServiceView, Snapshot, Stage
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.names import BlobId, CommitId, ServicePath, StageName
from reconciler.repo.index import Moved, StageIndex, Stored
from reconciler.repo.layout import config_place
from reconciler.repo.objects import Oversize
from reconciler.repo.offline import Offline
from reconciler.repo.pins import PinReader
from reconciler.repo.standing import ProjectSettings
from reconciler.repo.views import Views

_BYTES: Final = 16 << 20
"""Bytes of people's files that are read for one of the two sides."""
_ROOT: Final = ServicePath("")

Moves = dict[str, Stored | None]


@dataclass(frozen=True)
class Proposal:
    """Both sides, and the paths that the proposal changes among those that the engine reads."""

    base: Snapshot
    head: Snapshot
    paths: frozenset[str]
    _base: StageIndex
    _head: StageIndex

    def concerns(self, service: ServicePath) -> bool:
        """Tell whether anything that matters for a service is not the same on both sides."""
        one, other = self._base, self._head
        return (
            one.config.get(_ROOT) != other.config.get(_ROOT)
            or one.config.get(service) != other.config.get(service)
            or one.is_service(service) != other.is_service(service)
            or one.clash(service) != other.clash(service)
        )


def read_proposal(
    offline: Offline, base: CommitId, head: CommitId, stage: StageName, settings: ProjectSettings
) -> Proposal:  # fmt: skip
    """Read what both sides say. Nothing is parsed before it is asked for.

    Raises:
        UserError: the proposal changes more than can be looked at.
    """
    listed = [
        Moved(entry.path, Stored(entry.mode, entry.blob))
        for entry in offline.reader.entries(base)
        if entry.path is not None and config_place(entry.path) is not None
    ]
    moves = _moves(offline, offline.parted(base, head) or base, head)
    before, after = StageIndex(stage), StageIndex(stage)
    before.load_config(listed)
    kept = (each for each in listed if each.path not in moves)
    after.load_config([*kept, *(Moved(path, stored) for path, stored in sorted(moves.items()) if stored is not None)])
    return Proposal(
        _snapshot(offline, before, stage, settings),
        _snapshot(offline, after, stage, settings),
        frozenset(moves),
        before,
        after,
    )


def _moves(offline: Offline, old: CommitId, new: CommitId) -> Moves:
    """Return the files of people that differ: a proposal may be of any size."""
    moves: Moves = {}
    for change in offline.reader.changes(old, new):
        if change.path is not None and config_place(change.path) is not None:
            gone = change.new_blob is None or change.new_mode is None
            moves[change.path] = None if gone else Stored(change.new_mode or "", BlobId(change.new_blob or ""))
    return moves


def _snapshot(offline: Offline, index: StageIndex, stage: StageName, settings: ProjectSettings) -> Snapshot:
    contents = _Contents(offline)
    views = Views(index, contents)
    views.project_slis = settings.slis
    config, file = views.stage_config()
    return Snapshot(
        Stage(
            project=settings.project, name=stage,
            config=config if isinstance(config, UserError) else over(config, settings.defaults), config_file=file,
            implied_mode=settings.implied_mode, implied_wait=settings.implied_wait,
            implied_window=settings.implied_window,
        ),
        _Services(views),
        claimants=lambda _: frozenset(),
        pins=PinReader(contents.known_blobs),
    )  # fmt: skip


class _Contents:
    """What a side's files hold, read up to a bound."""

    def __init__(self, offline: Offline) -> None:
        self._offline = offline
        self._left = _BYTES

    def blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        return self._counted(self._offline.reader.blobs(ids, limit))

    def known_blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        return self._counted(self._offline.reader.known_blobs(ids, limit))

    def author(self, path: str) -> tuple[str, CommitId]:
        """Return nobody: what was pushed by whom is not looked at."""
        return "", CommitId(path[:0])

    def _counted(self, found: dict[BlobId, bytes | Oversize]) -> Mapping[BlobId, bytes | Oversize]:
        self._left -= sum(len(content) for content in found.values() if isinstance(content, bytes))
        if self._left < 0:
            raise ConfigError(
                f"the files to be compared have more than {_BYTES >> 20} MiB",
                hint="look at fewer problems with --since or --limit, or propose less at a time",
            )
        return found


class _Services(Mapping[ServicePath, ServiceView]):
    """Every path is a service that can be asked for; each is read once."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._known: dict[ServicePath, ServiceView] = {}

    def __getitem__(self, path: ServicePath) -> ServiceView:
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._views.service(path)
        return known

    def __iter__(self) -> Iterator[ServicePath]:
        """Iterate over those that were asked for."""
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
