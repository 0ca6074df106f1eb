"""Everything that the pages of one project are made of, for the one thread that makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from reconciler.bridge.following import Follower, chronicle_path
from reconciler.bridge.moments import Moments, NoMomentError, Point, moment_of
from reconciler.bridge.quiet import Quiet, quiet_path
from reconciler.bridge.rows import Finding
from reconciler.bridge.seeing import Seeing
from reconciler.bridge.sources import Looked, Source
from reconciler.bridge.trees import Remembered
from reconciler.model.desired import Desired, Key
from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import CommitId, ProjectName, ServicePath, StageName
from reconciler.model.targets import FieldValue
from reconciler.repo.chronicle import Chronicle, Doubt
from reconciler.repo.mirror import Mirror
from reconciler.repo.signatures_told import held_back
from reconciler.repo.stage import Tips

_CONFIGS: Final = 512


@dataclass(frozen=True)
class Live:
    """A value that was seen on a server, and when."""

    value: FieldValue
    when: Instant


Observing: TypeAlias = Callable[[StageName, Desired], Mapping[Key, Live]]
"""Who knows what was seen last of fields that are held in a stage: the daemon; a clone alone does not."""


def nothing_seen(_: StageName, __: Desired) -> Mapping[Key, Live]:
    """Return nothing: there is no daemon."""
    return {}


class Room:
    """Made by `opened`. One thread."""

    def __init__(
        self, mirror: Mirror, looked: Callable[[], Looked], follower: Follower, chronicles: Path,
        now: Callable[[], float], observed: Observing,
    ) -> None:  # fmt: skip
        self.mirror = mirror
        self.looked = looked
        self.now = now
        self.observed = observed
        self._follower = follower
        self._chronicles = chronicles
        self.wrong: Remembered[Mapping[ServicePath, Sequence[Finding]]] = Remembered(_CONFIGS)
        """What is wrong in files of people, by what is configured."""
        self._seeing: dict[StageName, Seeing] = {}
        self._open: dict[StageName, Chronicle] = {}
        self._quiet: dict[StageName, Quiet] = {}
        self._before: dict[CommitId, CommitId] = {}

    @property
    def name(self) -> ProjectName:
        """The project's name."""
        return self.looked().project.name

    @property
    def trouble(self) -> str:
        """Why what is shown may be old; empty where it is not."""
        trouble = self._follower.trouble
        return str(trouble) if trouble is not None else ""

    def unsigned(self, point: Point) -> str:
        """Return which files of people are not in force at a moment, for want of signatures; empty where all are."""
        looked = self.looked()
        if point.live and point.stage in looked.judged:
            return looked.troubles.get(f"{point.stage}/unsigned", "")
        return held_back(self.mirror, point.step)

    def stages(self) -> list[StageName]:
        """Return the stages, in the project's order."""
        return [stage.name for stage in self.looked().stages]

    def seeing(self, stage: StageName) -> Seeing:
        """Return what reads a stage's services."""
        if stage not in self._seeing:
            self._seeing[stage] = Seeing(self.mirror, stage, self.name, lambda: self._kept(stage))
        return self._seeing[stage]

    def point(self, stage: StageName, at: str) -> Point:
        """Return a stage at a moment; see `Moments.find` for errors. Now is the newest commit that counts."""
        tips = self.looked().tips[stage]
        if not at.strip():
            tips = self._counting(stage, tips)
        return Moments(self.mirror, stage, self.now).find(at, tips, lambda: self.chronicle(stage))

    def moment(self, at: str) -> str:
        """Return a text that names the same moment in every stage: that of a commit of one of them is its time.

        Raises:
            NoMomentError: no stage has such a moment.
        """
        if not at:
            return ""
        found: NoMomentError | None = None
        stages = self.stages()
        for stage in stages:
            try:
                point = self.point(stage, at)
            except NoMomentError as error:
                found = error
                continue
            return at if len(stages) == 1 or _is_time(at) else format_instant(point.when)
        raise found or NoMomentError(f"`{at}` is no moment here", hint="leave `at` out for now")

    def chronicle(self, stage: StageName) -> Chronicle:
        """Return the chronicle of a stage.

        Raises:
            TransientError: it is being made for the first time, or cannot be made.
        """
        known = self._open.get(stage)
        if known is None:
            known = Chronicle.open(chronicle_path(self._chronicles, stage), stage)
            if known is None:
                raise TransientError("the history is still being read", hint=self.progress(stage), retry_after=2.0)
            self._open[stage] = known
        return known

    def doubt(self, stage: StageName) -> Doubt | None:
        """Return from where on a stage's branch does not count; None where all of it does, or nobody has looked yet."""
        looked = self.looked()
        if stage in looked.troubles:
            return None  # which steps count could not be found out, and that is told already
        try:
            chronicle = self.chronicle(stage)
            tips = looked.tips[stage]
            return chronicle.doubt() if chronicle.tips == (tips.ops, tips.config) else None
        except TransientError:
            return None

    def _counting(self, stage: StageName, tips: Tips) -> Tips:
        """Return tips without what does not count of the steps' branch: no page may show what another one denies."""
        doubt = self.doubt(stage)
        if doubt is None:
            return tips
        known = self._before.get(doubt.first)
        if known is None:
            known = self._before[doubt.first] = self._before_doubt(stage, doubt)
        return replace(tips, ops=known) if known else tips

    def _before_doubt(self, stage: StageName, doubt: Doubt) -> CommitId:
        chronicle = self.chronicle(stage)
        newest = chronicle.sequence(chronicle.last_sequence())
        parents = self.mirror.commit(doubt.first).parents
        if parents and (newest is None or self.mirror.is_ancestor(newest.commit, parents[0])):
            return parents[0]
        return newest.commit if newest is not None else CommitId("")

    def _kept(self, stage: StageName) -> Quiet | None:
        """Return what is kept of a stage's trees, None while there is nothing yet."""
        known = self._quiet.get(stage) or Quiet.read(quiet_path(self._chronicles, stage))
        if known is not None:
            self._quiet[stage] = known
        return known

    def progress(self, stage: StageName) -> str:
        """Return how far the first look at the history is."""
        count = self._follower.progress.get(stage)
        if not count:
            return "come again in a moment"
        # Which commits count nobody knows yet, so the newest step is that of the branch as it is.
        newest = Moments(self.mirror, stage, self.now).find(
            "", self.looked().tips[stage], lambda: self.chronicle(stage)
        )
        return f"{count:,} commits so far; the newest step has the number {newest.sequence:,}"

    def close(self) -> None:
        """Let go of the chronicles."""
        for chronicle in self._open.values():
            chronicle.close()
        for quiet in self._quiet.values():
            quiet.close()


@contextmanager
def opened(
    source: Source, follower: Follower, now: Callable[[], float], observed: Observing = nothing_seen
) -> Iterator[Room]:
    """Open a project for the thread that makes its pages. Raises ReconcilerError where it cannot be read at all."""
    with source.open() as mirror:
        room = Room(mirror, follower.looked, follower, source.chronicles, now, observed)
        try:
            yield room
        finally:
            room.close()


def _is_time(at: str) -> bool:
    try:
        moment_of(at)
    except ReconcilerError:
        return False
    return not at.isdigit()
