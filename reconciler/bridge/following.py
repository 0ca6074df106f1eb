"""Follows a project's branches on a thread of its own: where they are, and the chronicle of what happened.

The first chronicle of a long history takes a while and is made by a process of its own; pages are answered meanwhile
from Git alone and say so.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from structlog.typing import FilteringBoundLogger

from reconciler.bridge.building import Building, chronicle_path, due, follow
from reconciler.bridge.sources import Looked, Source, UnreadError
from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.model.names import StageName
from reconciler.net.threads import start
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import Offline, whole

EVERY: Final = 0.5
"""Seconds between two looks at where the branches are."""
LONG: Final = 5000
"""Commits from which on a process of its own reads them."""
STOPS_WITHIN: Final = 10.0


class Follower:
    """`looked` and `progress` may be read from any thread; ``changed`` is called from the follower's."""

    def __init__(
        self, source: Source, log: FilteringBoundLogger, changed: Callable[[], None], every: float = EVERY
    ) -> None:
        self._source = source
        self._log = log
        self._changed = changed
        self._every = every
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="bridge follows", daemon=True)
        self._looked: Looked | None = None
        self._trouble: ReconcilerError | None = None
        self._known = threading.Event()
        self._objects: Offline | None = None
        self._followed: dict[StageName, Trail] = {}
        self._building: dict[StageName, Building] = {}
        self._built: set[StageName] = set()
        self._due: dict[StageName, int] = {}
        self._unusable = ""
        self.progress: dict[StageName, int] = {}

    def start(self) -> None:
        """Begin to follow."""
        start(self._thread)

    def stir(self) -> None:
        """Look at once."""
        self._wake.set()

    def stop(self, seconds: float = STOPS_WITHIN) -> None:
        """End, when what is in hand is done; at most so many seconds are waited for that."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    @property
    def trouble(self) -> ReconcilerError | None:
        """Why what is known may be old; None where it is not."""
        return self._trouble

    def looked(self) -> Looked:
        """Return the project as it was seen last.

        Raises:
            ReconcilerError: it could not be seen yet.
        """
        if self._looked is None:
            raise self._trouble or TransientError("the repository is being read", hint="come again in a moment")
        return self._looked

    def wait(self, seconds: float) -> bool:
        """Wait until the first look at the branches is over; whether it is."""
        return self._known.wait(seconds)

    def _run(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._end)
            mirror: Mirror | None = None
            while not self._stopping:
                self._wake.clear()
                first = self._looked is None
                try:
                    mirror = mirror or stack.enter_context(self._source.open())
                    self._look(mirror, stack)
                    self._trouble = None
                except ReconcilerError as error:
                    told = isinstance(error, UnreadError) or str(self._trouble) == str(error)
                    if not told:
                        self._log.warning("the bridge cannot see the repository", reason=str(error))
                    self._trouble = error
                self._known.set()
                if not first or self._looked is None:
                    self._wake.wait(self._every)

    def _look(self, mirror: Mirror, stack: ExitStack) -> None:
        looked = self._source.look(mirror)
        moved = looked != self._looked
        self._looked = looked
        self._known.set()
        if moved:
            self._changed()
        for stage in looked.stages:
            if not self._stopping and self._chronicle(mirror, stage.name, looked, stack):
                self._changed()

    def _chronicle(self, mirror: Mirror, stage: StageName, looked: Looked, stack: ExitStack) -> bool:
        """Follow one stage; returns whether its chronicle is another than it was."""
        tips, believed = looked.tips[stage], looked.believed.get(stage)
        if believed is None:
            return False
        trail = Trail(tips.ops, tips.config, believed)
        followed = self._followed.get(stage)
        if stage in self._building and not self._has_followed(stage):
            return False
        if followed == trail:
            return False
        try:
            objects = self._opened(mirror, stack)
            untried = followed is None and stage not in self._built
            if untried and self._is_long(stage, trail, objects) and self._begin(stage, trail, objects):
                return False
            changed = follow(
                self._source.chronicles, stage, trail, objects, lambda count: self.progress.__setitem__(stage, count)
            )
            self._look_back(stage, trail, objects)
        except (ReconcilerError, sqlite3.Error, OSError) as error:
            if self._unusable != str(error):
                self._unusable = str(error)
                self._log.warning("the chronicle cannot be written", stage=stage, reason=str(error))
            return False
        else:
            self._followed[stage] = trail
            return changed or followed is None
        finally:
            self.progress.pop(stage, None)

    def _opened(self, mirror: Mirror, stack: ExitStack) -> Offline:
        if self._objects is None:
            repository = LocalRepository.open(mirror.path)
            stack.callback(repository.close)
            self._objects = stack.enter_context(whole(repository))
        return self._objects

    def _is_long(self, stage: StageName, trail: Trail, objects: Offline) -> bool:
        """Whether there is more to read than can be read beside the pages."""
        folder = self._source.chronicles
        with Chronicler.open(chronicle_path(folder, stage), stage, objects) as chronicler:
            return chronicler.behind(trail, LONG) >= LONG

    def _look_back(self, stage: StageName, trail: Trail, objects: Offline) -> None:
        """Let a process look at the trees of steps where enough have come, once for each number of them."""
        number = due(self._source.chronicles, stage) if stage not in self._building else 0
        if number > self._due.get(stage, 0):
            self._due[stage] = number
            self._begin(stage, trail, objects)

    def _begin(self, stage: StageName, trail: Trail, objects: Offline) -> bool:
        """Begin a process for a stage; whether that is possible."""
        try:
            self._building[stage] = Building(self._source.chronicles, objects.git_dir, stage, trail)
        except OSError as error:
            self._built.add(stage)
            self._log.warning("no process can be started to read the history", stage=stage, reason=str(error))
            return False
        return True

    def _has_followed(self, stage: StageName) -> bool:
        """Take up what the process of a stage has told; whether it has done what others wait for."""
        building = self._building[stage]
        goes_on = building.look()
        if not building.followed:
            self.progress[stage] = building.read
        if not goes_on:
            # Where it failed, what is tried here next tells the reason.
            building.stop()
            del self._building[stage]
            self._built.add(stage)
        return building.followed or not goes_on

    def _end(self) -> None:
        for building in self._building.values():
            building.stop()


__all__ = ["EVERY", "LONG", "Follower", "chronicle_path"]
