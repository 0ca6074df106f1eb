"""Follows a project's branches on a thread of its own: where they are, and the chronicle of what happened.

The first chronicle of a long history takes a while; pages are answered meanwhile from Git alone and say so.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import quote

from structlog.typing import FilteringBoundLogger

from reconciler.bridge.sources import Looked, Source, UnreadError
from reconciler.model.errors import ReconcilerError, TransientError
from reconciler.model.names import StageName
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import Offline, whole

EVERY: Final = 0.5
"""Seconds between two looks at where the branches are."""
_STOPS_WITHIN: Final = 10.0


def chronicle_path(folder: Path, stage: StageName) -> Path:
    """Return where the chronicle of a stage lies; the commands that ask a clone's past use the same file."""
    return folder / f"chronicle-{quote(stage, safe='')}.sqlite"


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
        self._unusable = ""
        self.progress: dict[StageName, int] = {}

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stir(self) -> None:
        """Look at once."""
        self._wake.set()

    def stop(self) -> None:
        """End, when what is in hand is done."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOPS_WITHIN)

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
        """Wait until the first look is over; whether it is."""
        return self._known.wait(seconds)

    def _run(self) -> None:
        with ExitStack() as stack:
            mirror: Mirror | None = None
            while not self._stopping:
                self._wake.clear()
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
        tips = looked.tips[stage]
        trail = Trail(tips.ops, tips.config, looked.believed.get(stage, ()))
        if self._followed.get(stage) == trail:
            return False
        path = chronicle_path(self._source.chronicles, stage)
        try:
            if self._objects is None:
                repository = LocalRepository.open(mirror.path)
                stack.callback(repository.close)
                self._objects = stack.enter_context(whole(repository))
            with path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with Chronicler.open(path, stage, self._objects) as chronicler:
                    changed = chronicler.follow(trail, lambda count: self.progress.__setitem__(stage, count))
        except (ReconcilerError, sqlite3.Error, OSError) as error:
            if self._unusable != str(error):
                self._unusable = str(error)
                self._log.warning("the chronicle cannot be written", stage=stage, reason=str(error))
            return False
        else:
            self._followed[stage] = trail
            return changed
        finally:
            self.progress.pop(stage, None)
