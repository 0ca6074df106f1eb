"""What the bridge may see of a running project: where its stages are, and what was seen last on servers.

Written by the project's loop, read by the threads of the bridge; what is here is replaced, never changed.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.bridge.room import Live
from reconciler.bridge.sources import Looked, UnreadError, viewing
from reconciler.daemon.branch import Branch
from reconciler.daemon.dispatch import Servers
from reconciler.decide.claims import live_value, want_of
from reconciler.model.desired import Desired, Key
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId, StageName
from reconciler.model.targets import Fact, NoFact, Want
from reconciler.repo.folders import is_folder
from reconciler.repo.mirror import Mirror
from reconciler.repo.project import Project, StageRefs
from reconciler.repo.stage import Tips

_REMEMBERED: Final = 50_000


class Sight:
    """One project's; it is the bridge's `Source` too. ``git_dir`` is the mirror, ``chronicles`` a folder beside it."""

    def __init__(self, git_dir: Path, chronicles: Path, wall: Callable[[], float]) -> None:
        self.chronicles = chronicles
        self.stir: Callable[[], None] = lambda: None
        self._git_dir = git_dir
        self._wall = wall
        self._looked: Looked | None = None
        self._lock = threading.Lock()
        self._facts: OrderedDict[tuple[StageName, Want], tuple[Fact, Instant]] = OrderedDict()

    # The loop's

    def note(self, project: Project, branch_of: Callable[[StageRefs], Branch], conditions: Mapping[str, str]) -> None:
        """Take where everything is after a pass."""
        tips: dict[StageName, Tips] = {}
        believed: dict[StageName, tuple[CommitId, ...]] = {}
        judged = set[StageName]()
        for stage in project.stages:
            repo = branch_of(stage).repo
            if repo.force is not None:
                judged.add(stage.name)
            if repo.in_force is not None:
                tips[stage.name] = repo.in_force
                believed[stage.name] = tuple(step.commit for step in repo.row)
        looked = Looked(project, tips, believed, dict(conditions), frozenset(judged))
        if looked != self._looked:
            self._looked = looked
            self.stir()

    def watching(self, stage: StageName, servers: Servers) -> Servers:
        """Return the servers of a stage, whose answers are remembered here."""
        made = {each.name: getattr(servers, each.name) for each in dataclasses.fields(Servers)}
        return _Watched(**made, seen=lambda want, fact: self._see(stage, want, fact))

    def _see(self, stage: StageName, want: Want, fact: Fact) -> None:
        if isinstance(fact, NoFact):
            return
        with self._lock:
            self._facts.pop((stage, want), None)
            self._facts[stage, want] = (fact, Instant(int(self._wall())))
            while len(self._facts) > _REMEMBERED:
                self._facts.popitem(last=False)

    # The bridge's

    @contextmanager
    def open(self) -> Iterator[Mirror]:
        """Open a view of the mirror. Raises UnreadError while there is none."""
        if not is_folder(self._git_dir / "objects"):
            raise UnreadError
        with viewing(str(self._git_dir.absolute())) as mirror:
            yield mirror

    def look(self, _mirror: Mirror) -> Looked:
        """Return where everything was after the last pass."""
        if self._looked is None:
            raise UnreadError
        return self._looked

    def observed(self, stage: StageName, desired: Desired) -> Mapping[Key, Live]:
        """Return what was seen last of fields that are held."""
        found: dict[Key, Live] = {}
        for key, held in desired.items():
            fact, when = self._facts.get((stage, want_of(key, held)), (None, Instant(0)))
            value = live_value(key, fact) if fact is not None else None
            if value is not None:
                found[key] = Live(value, when)
        return found


@dataclasses.dataclass(frozen=True)
class _Watched(Servers):
    """Servers whose answers somebody hears."""

    seen: Callable[[Want, Fact], None] = lambda _want, _fact: None

    def observe(self, want: Want) -> Fact:
        """Look at one target."""
        fact = super().observe(want)
        self.seen(want, fact)
        return fact


def watched(sight: Sight | None, stage: StageName, servers: Servers) -> Servers:
    """Return the servers of a stage, with somebody who hears their answers if there is one."""
    return sight.watching(stage, servers) if sight is not None else servers
