"""A stage's branch as the engine follows it: sync to a tip, give a snapshot, tell what was touched.

A snapshot is (project commit, config commit, ops commit). Where steps share the branch with people's files the last two
are the same commit. Everything kept here is derived: a new one, made from the tip alone, gives the same snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from reconciler.decide.draft import RULES
from reconciler.decide.policy import over
from reconciler.decide.snapshot import FAR, FileRef, Rewritten, ServiceView, Snapshot, Stage
from reconciler.model.errors import BugError, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, CommitId, ProjectName, ServicePath, StageName
from reconciler.model.policy import Mode, StageConfig
from reconciler.repo.index import Moved, StageIndex, Stored
from reconciler.repo.lastchange import LastChanges
from reconciler.repo.layout import ops_prefix
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Change, Entry, Oversize
from reconciler.repo.pins import PinReader
from reconciler.repo.steps import Claimed, claimed, is_step
from reconciler.repo.tally import Tally
from reconciler.repo.views import Views

_WINDOW: Final = 16
"""Steps among which a start finds the newest. They stand in a row, so that a single one out of line shows."""
_REMEMBERED: Final = 4096


@dataclass(frozen=True)
class Tips:
    """Where the three branches are. ``ops`` equals ``config`` where they share a branch.

    ``fresh``: the branch for steps is not there yet; it will begin on top of ``ops``, which is then the config branch.
    """

    project: CommitId
    config: CommitId
    ops: CommitId
    fresh: bool = False


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


class StageRepo:
    """One stage of one project. One owner thread."""

    def __init__(self, store: Mirror, stage: StageName, *, own_branch: bool = False) -> None:
        self._store = store
        self._stage = stage
        self._apart = own_branch
        self._tips: Tips | None = None
        self._newest: Claimed | None = None
        self._seen = 0
        self._rewritten: Rewritten | None = None
        self._expected: set[CommitId] = set()
        self._changes_of = LastChanges(store)
        self._pins = PinReader(store.known_blobs)
        self._slis: tuple[FileRef, ...] = ()
        self._reset()

    def _reset(self) -> None:
        self._index = StageIndex(self._stage)
        self._views = Views(self._index, _Objects(self))
        self._views.project_slis = self._slis
        self._made: dict[ServicePath, ServiceView] = {}
        self._tally = Tally()
        self._dirty: set[ServicePath] = set()
        self._broken: set[ServicePath] = set()
        self._known_steps: dict[tuple[str, int], bool] = {}

    @property
    def tips(self) -> Tips | None:
        """The tips of the last `sync`, None before the first."""
        return self._tips

    @property
    def newer_rules(self) -> int | None:
        """The rules of the newest step where they are newer than ours: the stage is then left to newer daemons."""
        return self._newest.rules if self._newest is not None and self._newest.rules > RULES else None

    def expect(self, commits: Iterable[CommitId]) -> None:
        """Take commits as steps by their messages at the next `sync`: the caller made them itself."""
        self._expected |= set(commits)

    def sync(self, tips: Tips) -> bool:
        """Follow the branches to these tips, whose objects must be there.

        Returns whether they continue what was known; False after a rewritten branch, and the first time.
        """
        before = self._tips
        if before == tips:
            return True
        continued = (
            before is not None and self._continues(before.ops, tips.ops) and self._continues(before.config, tips.config)
        )
        if before is not None and continued:
            self._follow(before, tips)
        else:
            self._start_anew(before, tips)
        self._tips = tips
        self._expected.clear()
        touched = self._index.take_touched()
        for service in touched:
            self._made.pop(service, None)
        self._dirty |= touched
        if ServicePath("") in touched:
            self._pin_anew()
        self._recount(self._dirty)
        return continued

    def _continues(self, old: CommitId, new: CommitId) -> bool:
        return old == new or self._store.is_ancestor(old, new)

    def _start_anew(self, before: Tips | None, tips: Tips) -> None:
        self._reset()
        if self._newest is not None:
            self._seen = max(self._seen, self._newest.sequence)
        listing = [entry for entry in self._store.entries(tips.config) if entry.path is not None]
        self._index.load_config(_moved(entry) for entry in listing)
        if self._apart:
            under = ops_prefix(self._stage)
            listing = [entry for entry in self._store.entries(tips.ops, under) if entry.path is not None]
        self._newest = self._newest_in(tips.ops)
        if self._newest is None:
            self._index.change_ops((_moved(entry) for entry in listing), ours=False)
        else:
            trusted = self._store.entries(self._newest.commit, ops_prefix(self._stage))
            self._index.change_ops((_moved(entry) for entry in trusted if entry.path is not None), ours=True)
            self._index.change_ops(self._changes(self._newest.commit, tips.ops, ops_prefix(self._stage)), ours=False)
        reached = self._newest.sequence if self._newest else 0
        begun = before is not None and (not before.fresh or self._seen > 0)
        self._rewritten = Rewritten(before.ops, max(self._seen, reached)) if before is not None and begun else None

    def _follow(self, before: Tips, tips: Tips) -> None:
        newest, others = self._newest_since(before.ops, tips.ops)
        if others and not self._is_newest_of(tips.ops, newest or self._newest):
            # Two rows of steps have met. A start from this tip would go on from the other one, so that is where we go.
            self._start_anew(before, tips)
            return
        if self._apart:
            self._index.change_config(self._changes(before.config, tips.config))
        start = before.ops
        if newest is not None:
            self._index.trust()
            self._take(start, newest.commit, ours=True)
            self._newest, start, self._rewritten = newest, newest.commit, None
        self._take(start, tips.ops, ours=False)

    def _is_newest_of(self, tip: CommitId, ours: Claimed | None) -> bool:
        """Whether a daemon that starts at this tip takes the same step for the newest: all must, or they fight."""
        theirs = self._newest_in(tip)
        return theirs is None or (ours is not None and theirs.commit == ours.commit)

    def _take(self, old: CommitId, new: CommitId, *, ours: bool) -> None:
        """Follow the ops branch; where people's files are on it too, the same difference tells of them."""
        moves = self._changes(old, new, ops_prefix(self._stage) if self._apart else "")
        if not self._apart:
            self._index.change_config(moves)
        self._index.change_ops(moves, ours=ours)

    def _changes(self, old: CommitId, new: CommitId, under: str = "") -> list[Moved]:
        if old == new:
            return []
        return [_changed(change) for change in self._store.diff(old, new, under) if change.path is not None]

    def _newest_since(self, old: CommitId, tip: CommitId) -> tuple[Claimed | None, bool]:
        """Return the newest step that came since, None where none did, and whether steps of another row came too.

        Each step is the next one of that before it. What claims to be a step and is none (written by somebody else) is
        somebody's commit; what is one and does not stand on ours belongs to another row, or is a copy.
        """
        last, found, others = self._newest, None, False
        for info in reversed(list(self._store.commits(tip, since=old))):
            claim = claimed(info, self._stage)
            if claim is None or not (claim.commit in self._expected or is_step(self._store, claim)):
                continue
            if _follows(claim, last.sequence if last else 0) and self._stands_on(claim, last):
                last = found = claim
            else:
                others = True
        return found, others

    def _stands_on(self, step: Claimed, last: Claimed | None) -> bool:
        return last is None or last.commit in step.info.parents or self._store.is_ancestor(last.commit, step.commit)

    def _newest_in(self, tip: CommitId) -> Claimed | None:
        """Return the newest step of a history, by the tip alone: the end of the longest row of steps.

        In a row each step has the next number and stands on the one before. Of rows of one length the older counts, and
        one step in no row only where it may be the first of all.
        """
        walk = self._store.commits(tip, paths=[ops_prefix(self._stage)])
        claims = (claim for info in walk if (claim := claimed(info, self._stage)) is not None)
        steps = list(islice((claim for claim in claims if is_step(self._store, claim)), _WINDOW))
        newest, longest = None, 0
        rows: list[tuple[Claimed, int]] = []
        for step in reversed(steps):
            before = [n for end, n in rows if _follows(step, end.sequence) and self._stands_on(step, end)]
            length = max(before, default=0) + 1
            rows.append((step, length))
            if length > longest and (before or _follows(step, 0)):
                newest, longest = step, length
        return newest

    def view(self, service: ServicePath) -> ServiceView:
        """Return a service's view, made once until something of it changes."""
        made = self._made.get(service)
        if made is None:
            made = self._made[service] = self._views.service(service)
        return made

    def services(self) -> frozenset[ServicePath]:
        """Return all services of the stage, configured or only reported about."""
        return frozenset(self._index.services())

    def take_dirty(self) -> frozenset[ServicePath]:
        """Return the services to look at since the last call; what others tampered with stays among them.

        A service about which nothing was ever reported or done needs no look, however much of its files changed.
        """
        dirty, self._dirty = self._dirty, set()
        concerned = self._index.ops.keys()
        if ServicePath("") in dirty:
            dirty = set(concerned)
        return frozenset(((dirty & concerned) | self._index.foreign.keys()) - {ServicePath("")})

    def _recount(self, services: set[ServicePath]) -> None:
        """Bring the stage-wide counters in step with the services that changed; others cost nothing."""
        for service in services:
            self._tally.forget(service)
            self._broken.discard(service)
            if not service or service not in self._index.ops:
                continue
            try:
                view = self.view(service)
            except BugError:
                # Whoever asks for the view is told; until then this service must not keep the others from going on.
                self._broken.add(service)
                continue
            self._tally.count(view)

    def holding(self) -> frozenset[ServicePath]:
        """Return the services that hold or give back any field: what a sweep for drift looks at."""
        holding = {service for service, files in self._index.ops.items() if "state/desired.yaml" in files}
        return frozenset(holding - self._broken)

    def snapshot(self, settings: ProjectSettings) -> Snapshot:
        """Return the stage as of the last `sync`."""
        if self._tips is None:
            raise RuntimeError("sync first")
        if settings.slis != self._slis:
            self._slis = self._views.project_slis = settings.slis
            self._pin_anew()
        config, file = self._views.stage_config()
        here = ops_prefix(self._stage)
        own = self._index.ops.get(ServicePath(""), {})
        steps = self._views.steps(here, own)
        stage = Stage(
            project=settings.project,
            name=self._stage,
            config=config if isinstance(config, UserError) else over(config, settings.defaults),
            config_file=file,
            implied_mode=settings.implied_mode,
            implied_wait=settings.implied_wait,
            implied_window=settings.implied_window,
            commands=self._views.commands(here, own, frozenset()),
            answered=frozenset(str(step.data["file"]) for step in steps if "file" in step.data),
            foreign=self._views.foreign(ServicePath("")),
            rewritten=self._rewritten,
            sequence=self._newest.sequence if self._newest else 0,
            now_floor=self._newest.now if self._newest else Instant(0),
            config_commit=self._tips.config,
            project_commit=self._tips.project,
        )
        tally = self._tally
        return Snapshot(stage, _Services(self), tally.claimants, tally.acting, tally.acted, self._pins, self._arrived)

    def _pin_anew(self) -> None:
        """Bring the files that count for every service in step with the stage's and the project's."""
        for service, made in self._made.items():
            self._made[service] = replace(made, pinned=self._views.pinned(service))

    def _arrived(self, file: FileRef) -> Instant:
        """Return when the commit was made that brought a file; the far future, which is now, for one never pushed."""
        info = self._changes_of.find(self._tips_or_fail().ops, file.path)
        return FAR if info is None else Instant(int(info.commit_time.timestamp()))

    def author(self, path: str) -> tuple[str, CommitId]:
        """Return who last changed a path on the ops branch; a name that is no text is made one."""
        info = self._changes_of.find(self._tips_or_fail().ops, path)
        if info is None:
            return "somebody", CommitId("")
        return info.author.name.encode("utf-8", "replace").decode(), info.id

    def _tips_or_fail(self) -> Tips:
        if self._tips is None:
            raise RuntimeError("sync first")
        return self._tips

    def has_step(self, commit: str, sequence: int) -> bool:
        """Tell whether the branch has the step that a target's mark names; 12 characters of the id are enough."""
        known = self._known_steps.get((commit, sequence))
        if known is not None:
            return known
        tips = self._tips_or_fail()
        found = self._store.find_commit(commit)
        claim = claimed(self._store.commit(found), self._stage) if found is not None else None
        has = claim is not None and claim.sequence == sequence and self._store.is_ancestor(claim.commit, tips.ops)
        # A step that is newer than all that we know may be another's, and come with the next look at the branch.
        if has or (self._newest is not None and sequence <= self._newest.sequence):
            if len(self._known_steps) >= _REMEMBERED:
                self._known_steps.clear()
            self._known_steps[commit, sequence] = has
        return has

    def commit_of(self, sequence: int, service: ServicePath) -> CommitId | None:
        """Return the step of a service with this sequence; None where history does not have it.

        Cheap while the step's file is there, as those behind held values are; else a walk over all steps.
        """
        if self._newest is None:
            return None
        path = self._views.step_path(service, sequence)
        last = self._store.last_change(self._newest.commit, path) if path is not None else None
        if last is not None and self._is_step_number(sequence, claimed(last, self._stage)):
            return last.id
        for info in self._store.commits(self._newest.commit, paths=[path or ops_prefix(self._stage)]):
            if self._is_step_number(sequence, claimed(info, self._stage)):
                return info.id
        return None

    def _is_step_number(self, sequence: int, claim: Claimed | None) -> bool:
        return claim is not None and claim.sequence == sequence and is_step(self._store, claim)


class _Objects:
    """What views read, from the stage's store."""

    def __init__(self, repo: StageRepo) -> None:
        self._repo = repo

    def blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes | Oversize]:
        return self._repo._store.blobs(ids, limit)  # noqa: SLF001  (one class in two halves)

    def author(self, path: str) -> tuple[str, CommitId]:
        return self._repo.author(path)


class _Services(Mapping[ServicePath, ServiceView]):
    """All services, each made when it is looked at."""

    def __init__(self, repo: StageRepo) -> None:
        self._repo = repo

    def __getitem__(self, service: ServicePath) -> ServiceView:
        return self._repo.view(service)

    def __iter__(self) -> Iterator[ServicePath]:
        return iter(sorted(self._repo.services()))

    def __len__(self) -> int:
        return len(self._repo.services())


def _moved(entry: Entry) -> Moved:
    return Moved(entry.path or "", Stored(entry.mode, entry.blob))


def _changed(change: Change) -> Moved:
    stored = Stored(change.new_mode, change.new_blob) if change.new_mode and change.new_blob else None
    return Moved(change.path or "", stored)


def _follows(step: Claimed, last: int) -> bool:
    """Whether a step may come right after the one with that sequence; only `rewritten` leaves numbers out."""
    return step.sequence > last if step.event == "rewritten" else step.sequence == last + 1
