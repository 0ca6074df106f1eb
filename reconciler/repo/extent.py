"""How large a stage's branch may be, and who made it larger: one that is beyond is held, and costs next to nothing.

What is on a branch is listed once, at a start and where more changed than can be followed. Only what the engine reads
is kept, and counted before where that is much, so that a refusal takes no memory (ADR 0222).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final

from reconciler.model.errors import VerdictError
from reconciler.model.names import CommitId, StageName
from reconciler.repo.differing import DEPTH
from reconciler.repo.faults import TooMuchError
from reconciler.repo.index import Moved, Stored
from reconciler.repo.layout import config_place, ops_place, passed_over
from reconciler.repo.mirror import Mirror
from reconciler.repo.names import any_path, quoted
from reconciler.repo.objects import Change

CONFIG: Final = 250_000
"""Files of people that are configuration: four times those of 10,000 services with everything that one can have."""
OPS: Final = 1_500_000
"""Problems, commands and steps: twice those of 100,000 remediations that are not archived yet."""
_KEPT: Final = 100_000
"""Files that are kept before it is known how many there are."""
_LOOKED_AT: Final = 64
"""Commits among which the one is looked for that brought too much."""


def stage_files(store: Mirror, commit: CommitId, stage: StageName, under: str = "") -> tuple[list[Moved], list[Moved]]:
    """Return the files at a commit that are people's configuration, and all others of the stage that are read.

    Raises:
        TooMuchError: there are more than anybody needs, or more of whatever else than can be listed.
    """
    kept = _kept(store, commit, stage, under, _KEPT)
    return kept if kept is not None else _kept(store, commit, stage, under, CONFIG + OPS) or ([], [])


def listed_moves(store: Mirror, stage: StageName, old: CommitId, new: CommitId, under: str) -> list[Moved]:
    """Return what differs of the files that are read, where more differs than can be compared. Raises TooMuchError."""
    before, after = (dict(chain(*stage_files(store, each, stage, under))) for each in (old, new))
    paths = sorted(before.keys() | after.keys())
    return [Moved(path, after.get(path)) for path in paths if before.get(path) != after.get(path)]


def changed_moves(changes: Iterable[Change]) -> list[Moved]:
    """Return the same differences as a listing would tell of them."""
    return [
        Moved(
            change.path if change.path is not None else any_path(change.raw),
            Stored(change.new_mode, change.new_blob) if change.new_mode and change.new_blob else None,
        )
        for change in changes
    ]


def check_depth(changes: Iterable[Change], commit: CommitId) -> None:
    """Make sure that no file came that a listing would refuse. Raises TooMuchError."""
    if any(each.new_blob is not None and each.raw.count(b"/") > DEPTH for each in changes):
        raise TooMuchError(f"the commit {commit[:12]} brings a file below more than {DEPTH} folders")


def _kept(
    store: Mirror, commit: CommitId, stage: StageName, under: str, most: int
) -> tuple[list[Moved], list[Moved]] | None:  # fmt: skip
    """Return the files, None where there are more than ``most``, which are then only counted."""
    people: list[Moved] = []
    ops: list[Moved] = []
    counts = [0, 0]
    for entry in store.entries(commit, under):
        # What is no UTF-8 is not read, and is followed all the same, so that it is told of.
        path = entry.path if entry.path is not None else any_path(entry.raw)
        if config_place(path) is not None:
            kind, kept = 0, people
        elif ops_place(path, stage) is not None or passed_over(path, stage):
            kind, kept = 1, ops
        else:
            continue
        counts[kind] += 1
        if counts[kind] > (CONFIG, OPS)[kind]:
            raise _too_many(commit, (CONFIG, OPS)[kind], path)
        if sum(counts) <= most:
            kept.append(Moved(path, Stored(entry.mode, entry.blob)))
        else:
            people.clear()
            ops.clear()
    return (people, ops) if sum(counts) <= most else None


def _too_many(commit: CommitId, limit: int, path: str) -> TooMuchError:
    return TooMuchError(
        f"the commit {commit[:12]} has more than {limit:,} files like `{quoted(path[:120])[1:-1]}`",
        expected="a branch of a configuration repository",
        hint="take out what is no configuration; what was finished long ago is archived by itself (`retention`)",
    )


def too_large(store: Mirror, stage: StageName, tips: Iterable[CommitId], error: TooMuchError) -> VerdictError:
    """Return why a stage is held whose branches have more than can be looked at, with the commit that brought it."""
    by = next(filter(None, (_brought(store, tip) for tip in dict.fromkeys(tips))), "")
    return VerdictError(
        f"the branch of {stage} is too large to be looked at: {error.message}{by}",
        hint=f"{error.hint}; then push, and the stage goes on",
    )


def _brought(store: Mirror, tip: CommitId) -> str:
    """Name the newest commit that brought more at once than can be looked at; nothing where it came bit by bit."""
    current: CommitId | None = tip
    for _ in range(_LOOKED_AT):
        if current is None:
            break
        info = store.commit(current)
        parent = info.parents[0] if info.parents else None
        try:
            store.diff(parent, current)
        except TooMuchError:
            subject = info.message.partition("\n")[0][:80]
            return f"; `{subject}` of {info.author.name[:80]} brought it (commit {current[:12]})"
        current = parent
    return ""
