"""A stage as it stands at one commit: its files, what of them is trusted, and the snapshot that follows.

It is moved from commit to commit by differences. Which commits are steps is not its business: it is told what to
trust. Everything kept here is derived, so that where it has been before makes no difference to what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.decide.policy import over
from reconciler.decide.snapshot import FAR, FileRef, Pins, Rewritten, ServiceView, Shelves, Snapshot, Stage
from reconciler.model.closed import Archive
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, CommitId, ProjectName, ServicePath, StageName
from reconciler.model.policy import Mode, StageConfig
from reconciler.repo.extent import changed_moves, check_depth, listed_moves, stage_files
from reconciler.repo.faults import TooMuchError
from reconciler.repo.index import Moved, StageIndex, Stored
from reconciler.repo.lastchange import LastChanges
from reconciler.repo.layout import ops_place, ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Identity, Oversize
from reconciler.repo.signatures_policy import Policy
from reconciler.repo.steps import Claimed, OwnFile
from reconciler.repo.tally import Census, Tally
from reconciler.repo.views import UnreadableError, Views
from reconciler.repo.writer import RECONCILER

ROOT = ServicePath("")
_AT_ONCE = 128
"""Services whose files are read in one go: a push may bring something for thousands."""


@dataclass(frozen=True)
class ProjectSettings:
    """What the project's own branch says of a stage.

    ``implied_mode``, ``implied_wait`` and ``implied_window`` (seconds) are the shipyard's; ``slis`` are the SLI files
    of the whole project.
    """

    project: ProjectName
    implied_mode: Mode | None = None
    implied_wait: int | None = None
    implied_window: int | None = None
    defaults: StageConfig = StageConfig()
    slis: tuple[FileRef, ...] = ()


class Standing:
    """One stage at one commit. ``apart``: people's files are on another branch than the steps.

    ``policy`` judges commits of people; without one all of them count.
    """

    def __init__(
        self, store: Mirror, stage: StageName, config: CommitId, ops: CommitId, *,
        apart: bool, policy: Policy | None = None,
    ) -> None:  # fmt: skip
        """List the branches; machine-written files are trusted as they stand. Raises TooMuchError."""
        self._store = store
        self._stage = stage
        self._apart = apart
        self._policy = policy
        self._held: CommitId | None = None
        self.ops = ops
        self.config = config
        self._index = StageIndex(stage)
        self._brought = LastChanges(store)
        self._views = Views(self._index, self, self._why_unsigned)
        self._general = self._views.pinned(ROOT)
        self._made: dict[ServicePath, ServiceView] = {}
        self._attributed: set[ServicePath] = set()
        self._tally = Tally()
        self._dirty: set[ServicePath] = set()
        self._broken: set[ServicePath] = set()
        people, machine = stage_files(store, config, stage)
        self._index.load_config(people)
        if apart:
            _, machine = stage_files(store, ops, stage, ops_prefix(stage))
        self._index.change_ops(machine, ours=True)

    # Moving

    def go(self, ops: CommitId, *, ours: bool = False, chain: Iterable[Claimed] = ()) -> None:
        """Move to another commit; what differs in machine-written files is ``ours`` (``chain``) or somebody else's."""
        if ops == self.ops:
            return
        moves = self._moves(self.ops, ops, ops_prefix(self._stage) if self._apart else "")
        self._brought.pass_by([claim.info for claim in chain], (move.path for move in moves))
        self._take(moves, ours=ours)
        self.ops = ops
        if not ours:
            # Who pushed what may be somebody else now although the content is the same.
            for service in self._attributed:
                self._made.pop(service, None)
            self._attributed.clear()

    def accept(self, claim: Claimed, own: OwnFile) -> None:
        """Move from a step's parent to the step and trust what it changes and what it names; nothing else."""
        if claim.info.parents == (self.ops,):
            self._take(changed_moves(own.changes), ours=True)
            self.ops = claim.commit
        else:
            self.go(claim.commit)
            self._index.trust_paths(change.path for change in own.changes if change.path is not None)
        self._index.trust_paths(own.named)

    def stand(self, ops: CommitId) -> None:
        """Move to a commit and trust everything there as it stands."""
        self._index.trust()
        self.go(ops, ours=True)

    def distrust(self) -> None:
        """Take all machine-written files for somebody else's: there is no step."""
        self._index.distrust()

    def trust_paths(self, paths: Iterable[str]) -> None:
        """Take what others changed at these paths as it is."""
        self._index.trust_paths(paths)

    def go_config(self, config: CommitId) -> None:
        """Move people's files where they are on a branch of their own; else they move with the steps."""
        if self._apart and config != self.config:
            self._index.change_config(self._moves(self.config, config))
        self.config = config

    def hold_config(self, config: CommitId) -> None:
        """Take people's files as they are at a commit, wherever the branch goes, until `follow_config` is called."""
        if self._apart:
            self.go_config(config)
        elif self._held != config:
            self._index.change_config(self._moves(self._held or self.ops, config))
            self._held = config

    @property
    def held_config(self) -> CommitId | None:
        """Where people's files are held, None where they move with the steps or on a branch of their own."""
        return self._held

    def follow_config(self) -> None:
        """Let people's files move with the steps again, where they are on one branch."""
        if self._held is not None:
            self._index.change_config(self._moves(self._held, self.ops))
            self._held = None

    def _moves(self, old: CommitId, new: CommitId, under: str = "") -> list[Moved]:
        """Return what differs. Raises TooMuchError where there is more than may be on a branch."""
        try:
            changes = self._store.diff(old, new, under)
            check_depth(changes, new)
        except TooMuchError:  # much has changed, which does not say that there is too much
            return listed_moves(self._store, self._stage, old, new, under)
        return changed_moves(changes)

    def _take(self, moves: list[Moved], *, ours: bool) -> None:
        """Follow the ops branch; where people's files are on it too, the same difference tells of them."""
        if not self._apart and self._held is None:
            self._index.change_config(moves)
        self._index.change_ops(moves, ours=ours)

    # Looking

    def foreign(self) -> dict[str, Stored | None]:
        """Return what others changed among machine-written files, by path."""
        here = ops_prefix(self._stage)
        return {
            "/".join(filter(None, (here, service, rest))): stored
            for service, others in self._index.foreign.items()
            for rest, stored in others.items()
        }

    def view(self, service: ServicePath) -> ServiceView:
        """Return a service's view, made once until something of it changes. Raises UnreadableError."""
        made = self._made.get(service)
        if made is None:
            made = self._made[service] = self._views.service(service)
            if made.foreign or any(command.commit for command in made.commands):
                self._attributed.add(service)
        return made

    def services(self) -> frozenset[ServicePath]:
        """Return all services of the stage, configured or only reported about."""
        return frozenset(self._index.services())

    def named(self, text: str) -> frozenset[ServicePath]:
        """Return the configured services of this name, or the one at this path."""
        return self._index.named(text)

    def configured(self) -> tuple[list[str], Mapping[str, str]]:
        """Return the names of all configured services, in order, and why others are none, by folder and its name."""
        return sorted(name for name, paths in self._index.names.items() if paths), self._index.unusable()

    def reported(self) -> frozenset[ServicePath]:
        """Return the services about which anything was ever reported or done."""
        return frozenset(self._index.ops.keys() - {ROOT})

    def problem_files(self, service: ServicePath) -> Mapping[str, BlobId]:
        """Return the files of a service's problems, from `problems/` on."""
        files = self._index.ops.get(service, {})
        return {rest: stored.blob for rest, stored in files.items() if rest.startswith("problems/")}

    def archive(self) -> BlobId | None:
        """Return the content's id of the stage's `closed.yaml`, None where nothing was archived."""
        stored = self._index.ops.get(ROOT, {}).get("closed.yaml")
        return stored.blob if stored is not None else None

    def step_path(self, service: ServicePath, sequence: int) -> tuple[str, BlobId] | None:
        """Return where the step of a service with this sequence lies and its content's id; None where there is none."""
        return self._views.step_path(service, sequence)

    def take_dirty(self) -> frozenset[ServicePath]:
        """Return the services to look at since the last call; what others tampered with stays among them.

        A service about which nothing was ever reported or done needs no look, however much of its files changed.
        """
        self.settle()
        dirty, self._dirty = self._dirty, set()
        concerned = self._index.ops.keys()
        if ROOT in dirty:
            dirty = set(concerned)
        return frozenset(((dirty & concerned) | self._index.foreign.keys()) - {ROOT})

    def pinned(self, services: Iterable[ServicePath]) -> Iterator[FileRef]:
        """Yield the files that remediations of these services would pin now."""
        for service in services:
            yield from self._views.pinned(service)

    def holding(self) -> frozenset[ServicePath]:
        """Return the services that hold or give back any field: what a sweep for drift looks at."""
        self.settle()
        holding = {service for service, files in self._index.ops.items() if "state/desired.yaml" in files}
        return frozenset(holding - self._broken)

    def census(self) -> Census:
        """Return how the services stand; it costs as much as there are different answers, not services."""
        self.settle()
        found, passed = self._tally.census(), tuple(sorted(self._index.passed_over.values()))
        unusable = found.unusable + len(passed) + isinstance(self._views.stage_config()[0], UserError)
        return replace(found, unusable=unusable, passed_over=passed)

    def settle(self) -> None:
        """Bring what was derived in step with the services that were touched; others cost nothing."""
        touched = self._index.take_touched()
        self._dirty |= touched
        for service in touched:
            self._made.pop(service, None)
            self._tally.forget(service)
            self._broken.discard(service)
        if ROOT in touched:
            self._pin_anew()
        concerned = [service for service in touched if service and service in self._index.ops]
        for position in range(0, len(concerned), _AT_ONCE):
            part = concerned[position : position + _AT_ONCE]
            self._views.ahead(part)
            for service in part:
                self._count(service)
        if len(concerned) > 1:
            self._views.ahead(())

    def _count(self, service: ServicePath) -> None:
        try:
            self._tally.count(self._mended(service))
        except UnreadableError:
            # Whoever asks for the view is told; until then this service must not keep the others from going on.
            self._broken.add(service)

    def _mended(self, service: ServicePath) -> ServiceView:
        """Return the view, where need be with what somebody put in the place of our own files that cannot be read."""
        others = dict(self._index.foreign.get(service, {}))
        ours = dict(self._index.ops.get(service, {}))
        while True:
            try:
                return self.view(service)
            except UnreadableError as error:
                left = self._index.foreign.get(service, {})
                rests = [rest for rest in left if rest == error.fault or rest.startswith(_folder(error.fault))]
                if not rests:
                    if others:
                        self._index.restore(service, ours, others)
                    raise
                self._index.take(service, rests)

    def _pin_anew(self) -> None:
        """Bring the files that count for every service in step with the stage's and the project's."""
        general = self._views.pinned(ROOT)
        if general != self._general:
            self._general = general
            for service, made in self._made.items():
                self._made[service] = replace(made, pinned=self._views.pinned(service))

    def snapshot(
        self, settings: ProjectSettings, newest: Claimed | None, config: CommitId, project: CommitId, pins: Pins,
        rewritten: Rewritten | None = None,
    ) -> Snapshot:  # fmt: skip
        """Return the stage as `decide` sees it after the step ``newest``."""
        self.settle()
        if settings.slis != self._views.project_slis:
            self._views.project_slis = settings.slis
            self._pin_anew()
        wide, file = self._views.stage_config()
        here = ops_prefix(self._stage)
        own = self._index.ops.get(ROOT, {})
        steps = self._views.steps(here, own)
        stage = Stage(
            project=settings.project,
            name=self._stage,
            config=wide if isinstance(wide, UserError) else over(wide, settings.defaults),
            config_file=file,
            implied_mode=settings.implied_mode,
            implied_wait=settings.implied_wait,
            implied_window=settings.implied_window,
            commands=self._views.commands(here, own, frozenset()),
            steps=tuple(steps),
            answered=frozenset(str(step.data["file"]) for step in steps if "file" in step.data),
            foreign=self._views.foreign(ROOT),
            rewritten=rewritten,
            sequence=newest.sequence if newest else 0,
            now_floor=newest.now if newest else Instant(0),
            config_commit=config,
            project_commit=project,
        )
        tally = self._tally
        shelves = Shelves(tally.oldest_finished, tally.finished_until, self._files, self.trusted, self._closed)
        return Snapshot(
            stage, _Services(self), tally.claimants, tally.acting, tally.acted, pins, self._arrived, shelves,
            frozenset(self._index.foreign),
        )  # fmt: skip

    def _files(self, service: ServicePath) -> tuple[str, ...]:
        here = f"{ops_prefix(self._stage)}/{service}"
        return tuple(f"{here}/{rest}" for rest in self._index.ops.get(service, {}))

    def trusted(self, path: str) -> BlobId | None:
        """Return the content's id of a file below `ops/`, as steps left it where they write it; None where none is."""
        place = ops_place(path, self._stage)
        stored = self._index.ops.get(place.service, {}).get(place.rest) if place is not None else None
        return stored.blob if stored is not None else None

    def _closed(self) -> Archive:
        return self._views.closed(ops_prefix(self._stage), self._index.ops.get(ROOT, {}))

    def _arrived(self, file: FileRef) -> Instant:
        """Return when the commit was made that brought a file; the far future, which is now, for one never pushed."""
        info = self._brought.find(self.ops, file.path)
        return FAR if info is None else Instant(int(info.commit_time.timestamp()))

    def author(self, path: str) -> tuple[str, CommitId]:
        """Return who last changed a path on the ops branch; a name that is no text is made one.

        What we wrote ourselves for people to merge is theirs who merged it: the author of the merge, else the
        committer, where it was squashed or rebased.
        """
        info = self._brought.find(self.ops, path)
        if info is None:
            return "somebody", CommitId("")
        who = info.author
        if who == RECONCILER:
            brought = self._brought.arrival(self.ops, path) or info
            others = (each for each in (brought.author, info.committer, brought.committer) if each != RECONCILER)
            who = next(others, Identity("somebody", ""))
        return who.name.encode("utf-8", "replace").decode(), info.id

    def _why_unsigned(self, path: str) -> str:
        return self._policy.unsigned(self.ops, path) if self._policy is not None else ""

    def blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        """Return contents by id; see `Mirror.blobs`."""
        return self._store.blobs(ids, limit)


class _Services(Mapping[ServicePath, ServiceView]):
    """All services, each made when it is looked at."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def __getitem__(self, service: ServicePath) -> ServiceView:
        return self._standing.view(service)

    def __iter__(self) -> Iterator[ServicePath]:
        return iter(sorted(self._standing.services()))

    def __len__(self) -> int:
        return len(self._standing.services())


def _folder(fault: str) -> str:
    return fault if fault.endswith("/") else f"{fault}/"
