"""A stage moved through its whole history: what a step leads to is taken from its decision, not read from its files.

`Standing` makes a service's view from its files whenever one of them changes, which is right for somebody who follows a
branch and too slow for fifty thousand steps. Here a view that a proven step led to is kept, and a problem's file is
exchanged in it; whatever else happens, the view is made from the files again. So where it has been before still makes
no difference to what it says (the tests compare the two).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence

from reconciler.decide.snapshot import FileRef, Pins, ProblemFile, ServiceView, Snapshot
from reconciler.model.copies import replace
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, CommitId, ProblemId, ServicePath, StageName
from reconciler.model.problem_ids import ID_LIMIT
from reconciler.model.step import load_proven_step
from reconciler.repo.cache import ParseCache
from reconciler.repo.index import Moved, Stored
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Oversize
from reconciler.repo.replay_reading import Read
from reconciler.repo.standing import ROOT, ProjectSettings, Standing
from reconciler.repo.steps import MACHINE_LIMIT, Claimed

_PROBLEMS = "problems/"
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*\Z")
"""Names of problems that are their ids as they stand."""


class KeptStanding(Standing):
    """One stage at one commit. ``contents`` are blobs that were read beforehand, because they will be asked for."""

    def __init__(self, store: Mirror, stage: StageName, config: CommitId, ops: CommitId, *, apart: bool) -> None:
        super().__init__(store, stage, config, ops, apart=apart)
        self.contents: Mapping[BlobId, bytes] = {}
        self._here = f"{ops_prefix(stage)}/"
        self._came: dict[str, int] = {}
        self._snapshot: Snapshot | None = None
        self._said: tuple[ProjectSettings, CommitId] | None = None

    def load_proven(self) -> None:
        """Make all views from files of which it is proven that reconciler wrote them as they are."""
        views = self._views
        strictly = views._steps  # noqa: SLF001 - the one parser that costs time here
        views._steps = ParseCache(load_proven_step, MACHINE_LIMIT)  # noqa: SLF001 - as above
        try:
            self.settle()
        finally:
            views._steps = strictly  # noqa: SLF001 - what is read later on may be anybody's

    # Moving

    def follow(self, read: Read) -> None:
        """Move to a commit of somebody's whose only parent this stands at."""
        moves = read.moves()
        soft: set[ServicePath] = set()
        hard = not self._apart and any(not move.path.startswith("ops/") for move in moves)
        placed = [(move, place) for move in moves if (place := ops_place(move.path, self._stage)) is not None]
        for move, place in placed:
            if move.stored is None:
                self._came.pop(move.path, None)
            else:
                self._came[move.path] = read.time
            if place.service and place.rest.startswith(_PROBLEMS):
                soft.add(place.service)
            else:
                hard = True
        if hard:
            self._snapshot = None
            soft.clear()
            if not self._apart and self._held is None:
                self._index.change_config(moves)
        before = self._index.take_touched()
        self._index.change_ops(moves, ours=False)
        for service in soft & self._index.touched:
            if service in self._made and service not in before:
                self._exchange(service, [move for move, place in placed if place.service == service])
                self._index.touched.discard(service)
        self._index.touched |= before
        self.ops = read.id
        self._forget_authors()

    def _exchange(self, service: ServicePath, changed: Sequence[Moved]) -> None:
        """Read problems of a service anew; nothing else of it has changed."""
        view = self._made[service]
        here = f"{self._here}{service}"
        problems: dict[ProblemId, ProblemFile] | None = dict(view.problems)
        for move in changed:
            problems = self._with(problems, move) if problems is not None and not view.shadowed else None
        if problems is not None:
            view = replace(view, problems=problems)
        else:
            files = self._index.ops.get(service, {})
            found, shadowed = self._views._problem_files(here, files)  # noqa: SLF001 - the one part that changed
            view = replace(view, problems=found, shadowed=shadowed)
        self._made[service] = view
        self._tally.count(view)

    def _with(self, problems: dict[ProblemId, ProblemFile], move: Moved) -> dict[ProblemId, ProblemFile] | None:
        """Return the problems with one file changed or new; None where that may change what another one is."""
        name = move.path.rpartition("/")[2].rpartition(".")[0]
        if move.stored is None or len(name) > ID_LIMIT or _PLAIN.match(name) is None:
            return None
        identity = ProblemId(name)
        known = problems.get(identity)
        if known is not None and known.file.path != move.path:
            return None
        views = self._views
        problem = views._parsed(views._problems, move.path, move.stored)  # noqa: SLF001 - as the whole view is read
        problems[identity] = ProblemFile(identity, FileRef(move.path, move.stored.blob), problem)
        if known is None and len(problems) > 1:
            return dict(sorted(problems.items(), key=lambda item: item[1].file.path))
        return problems

    def _forget_authors(self) -> None:
        for service in self._attributed:
            self._made.pop(service, None)
        self._attributed.clear()

    def jump(self, ops: CommitId) -> None:
        """Move to any commit by what differs."""
        if ops == self.ops:
            return
        self._snapshot = None
        # Along a merge the history of a file is another one.
        self._came.clear()
        self.go(ops)

    def proven(self, commit: CommitId, moves: Sequence[Moved], named: Iterable[str], view: ServiceView | None) -> None:
        """Move from a step's parent to the step, which is what had to come; ``view`` is what its service is then.

        ``view`` None, where it is not known: it is made from the files again.
        """
        before = self._index.take_touched()
        self._index.change_ops(moves, ours=True)
        self._index.trust_paths(named)
        for move in moves:
            if move.stored is None:
                self._came.pop(move.path, None)
        if view is None or self._index.touched - {view.path} or view.path in before:
            self._snapshot = None
        else:
            self._made[view.path] = view
            self._tally.count(view)
            self._index.touched.clear()
        self._index.touched |= before
        self.ops = commit

    def believed(self, claim: Claimed, paths: Iterable[str]) -> None:
        """Move to a commit that claims to be a step and trust what is at some paths; nothing else it stands on."""
        self.jump(claim.commit)
        self._snapshot = None
        self._index.trust_paths(paths)

    def go_config(self, config: CommitId) -> None:
        """Move people's files where they are on a branch of their own."""
        if config != self.config:
            self._snapshot = None
        super().go_config(config)

    def hold_config(self, config: CommitId) -> None:
        """Take people's files as they are at a commit, wherever the branch goes."""
        if self._held != config:
            self._snapshot = None
        super().hold_config(config)

    def follow_config(self) -> None:
        """Let people's files move with the steps again."""
        if self._held is not None:
            self._snapshot = None
        super().follow_config()

    def distrust(self) -> None:
        """Take all machine-written files for somebody else's: there is no step."""
        self._snapshot = None
        super().distrust()

    def doubting(self, other: KeptStanding, trusted: Container[str]) -> None:
        """Take as foreign what is foreign to another standing, but for some files."""
        self._snapshot = None
        for service, others in other.disputed().items():
            here = f"{self._here}{service}/" if service else self._here
            left = {rest: pair for rest, pair in others.items() if here + rest not in trusted}
            files = dict(self._index.ops.get(service, {}))
            for rest, (ours, _) in left.items():
                files.pop(rest, None)
                if ours is not None:
                    files[rest] = ours
            if left:
                self._index.restore(service, files, {rest: theirs for rest, (_, theirs) in left.items()})
                self._index.touched.add(service)

    def disputed(self) -> dict[ServicePath, dict[str, tuple[Stored | None, Stored | None]]]:
        """Return what others changed: what is ours and what is theirs, by service and path from there."""
        return {
            service: {rest: (self._index.ops.get(service, {}).get(rest), theirs) for rest, theirs in others.items()}
            for service, others in self._index.foreign.items()
        }

    # Looking

    @property
    def has_foreign(self) -> bool:
        """Whether somebody else changed machine-written files, and no step has answered it."""
        return bool(self._index.foreign)

    def at(
        self, settings: ProjectSettings, newest: Claimed | None, config: CommitId, project: CommitId, pins: Pins
    ) -> Snapshot:  # fmt: skip
        """Return what `snapshot` does."""
        said = (settings, project)
        if ROOT in self._index.touched or ROOT in self._index.foreign or said != self._said:
            self._snapshot = None
        self.settle()
        if self._snapshot is None:
            self._said = said
            self._snapshot = self.snapshot(settings, newest, config, project, pins)
            return self._snapshot
        stage = replace(
            self._snapshot.stage, sequence=newest.sequence if newest else 0,
            now_floor=newest.now if newest else Instant(0), config_commit=config,
        )  # fmt: skip
        return replace(self._snapshot, stage=stage, acting=self._tally.still_acting)

    def blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        """Return contents by id."""
        known = {}
        for blob in ids:
            content = self.contents.get(blob)
            if content is None or len(content) > limit:
                return super().blobs(ids, limit)
            known[blob] = content
        return known

    def _arrived(self, file: FileRef) -> Instant:
        came = self._came.get(file.path)
        return super()._arrived(file) if came is None else Instant(came)
