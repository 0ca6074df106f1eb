"""Keeps a daemon's leases, on a thread of its own: looks, takes, renews, and lets go; and tells the loops of it."""

from __future__ import annotations

import platform
import random
import secrets
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.clock import Clock
from reconciler.daemon.connections import access_of
from reconciler.daemon.failpoints import reach
from reconciler.daemon.leases.election import Election, Terms, Write
from reconciler.daemon.leases.record import PROJECT, STAGE, LeaseName, Record, place_number, stage_lease
from reconciler.daemon.leases.shelf import Shelf
from reconciler.model.errors import ReconcilerError, TerminalError
from reconciler.model.leases_config import LeasesConfig
from reconciler.model.names import ProjectName, StageName
from reconciler.net.threads import start

LOOKS: Final = 0.4
"""Looks at all leases are so far apart, as a part of `renew`: what somebody lets go of is taken within that time."""
JITTER: Final = 0.2
_CALL: Final = 0.2
"""How long one call may take, as a part of the duration: what hangs must not cost all leases."""
_STOPS_WITHIN: Final = 10.0


class Leases(Protocol):
    """Where leases are: see `Shelf`."""

    def list(self) -> list[Record]:
        """Return all of ours."""

    def write(self, write: Write) -> Record | None:
        """Write one; None where somebody else was faster."""

    def close(self) -> None:
        """Let go of the connection."""


@dataclass
class _OfProject:
    """What a project's loop wants, and whom to tell."""

    wanted: frozenset[StageName] = frozenset()
    wake: Callable[[], None] = lambda: None


@dataclass
class Keeper:
    """A context manager: begins to keep leases, and lets go of all that is left when it ends."""

    shelf: Leases
    election: Election
    clock: Clock
    log: FilteringBoundLogger
    renew: float
    seed: int = 0
    trouble: str = ""
    _projects: dict[ProjectName, _OfProject] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stir: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _told: frozenset[LeaseName] = frozenset()

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  (spreads looks; no secret depends on it)
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        start(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of what nothing is written for any more; the rest is others' when its time is over."""
        self._stopping.set()
        self._stir.set()
        self._thread.join(_STOPS_WITHIN)
        if not self._thread.is_alive():
            self._write(self.election.releases())
        self.shelf.close()

    def of(self, project: ProjectName) -> ProjectLeases:
        """Return the leases of a project's stages."""
        with self._lock:
            self._projects.setdefault(project, _OfProject())
        return ProjectLeases(self, project)

    def want(self, project: ProjectName, stages: frozenset[StageName]) -> None:
        """Take which stages of a project this daemon would look after."""
        with self._lock:
            known = self._projects[project]
            if known.wanted == stages:
                return
            known.wanted = stages
            self.election.want({
                stage_lease(name, stage): ((PROJECT, str(name)), (STAGE, str(stage)))
                for name, each in self._projects.items() for stage in each.wanted
            })  # fmt: skip
        self._stir.set()

    def tell(self, project: ProjectName, wake: Callable[[], None]) -> None:
        """Call ``wake`` when something was had or lost."""
        with self._lock:
            self._projects[project].wake = wake

    def left(self, name: LeaseName) -> None:
        """Take that nothing is written any more for a lease that is being given up."""
        held = self.election.tenure.get(name)
        if held is not None and held.leaving and not held.left:
            self.election.tenure.left(name)
            self._stir.set()

    def end(self, project: ProjectName, busy: Collection[StageName]) -> None:
        """Give up the stages of a project; those of which nothing is written any more are free once we end."""
        with self._lock:
            stages = self._projects[project].wanted
        for stage in stages:
            self.election.tenure.give_up(stage_lease(project, stage))
        for stage in stages - set(busy):
            self.election.tenure.left(stage_lease(project, stage))

    def look(self) -> None:
        """Look once, and write what follows."""
        trouble = ""
        try:
            reach("before-lease-look")
            listed = self.shelf.list()
            reach("after-lease-look")
        except ReconcilerError as error:
            trouble = str(error)
        else:
            trouble = self._write(self.election.plan(listed))
        changed = trouble != self.trouble
        self.trouble = trouble
        self._tell_what_changed(changed=changed)

    def _write(self, writes: Iterable[Write]) -> str:
        """Write one after the other, also past one that is refused. Returns what stood in the way."""
        trouble = ""
        for write in writes:
            began, wall = self.clock.monotonic(), self.clock.wall()
            try:
                reach("before-lease-write")
                written = self.shelf.write(write)
                reach("after-lease-write")
            except TerminalError as error:
                trouble = str(error)
                continue
            except ReconcilerError as error:
                return str(error)
            if written is not None:
                self.election.wrote(write, written, began, wall)
        return trouble

    def _tell_what_changed(self, *, changed: bool) -> None:
        tenure = self.election.tenure
        now = tenure.believed()
        for name in sorted(now - self._told):
            self._say("a lease is ours", name)
        for name in sorted(self._told - now):
            self._say("a lease is not ours any more", name)
        leaving = any(
            (held := tenure.get(name)) is not None and held.leaving and not held.left for name in tenure.names()
        )
        if now != self._told or changed or leaving:
            self._told = now
            with self._lock:
                wakes = [each.wake for each in self._projects.values()]
            for wake in wakes:
                wake()

    def _say(self, what: str, name: LeaseName) -> None:
        if place_number(name) is None:
            self.log.info(what, lease=name)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stir.clear()
            try:
                self.look()
            except Exception as error:
                self.trouble = f"a bug in reconciler: {error!r}"
                self.log.exception("a bug in reconciler; leases are not renewed")
            self._stir.wait(self.renew * LOOKS * (1 + JITTER * (2 * self._random.random() - 1)))


@dataclass(frozen=True)
class ProjectLeases:
    """See `StageLeases`."""

    keeper: Keeper
    project: ProjectName

    @property
    def trouble(self) -> str:
        """Why leases can be neither had nor kept; empty where they can."""
        return self.keeper.trouble

    def tell(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when something was had or lost."""
        self.keeper.tell(self.project, wake)

    def want(self, stages: Iterable[StageName]) -> None:
        """Say which stages this daemon would look after."""
        self.keeper.want(self.project, frozenset(stages))

    def holds(self, stage: StageName) -> bool:
        """Whether this daemon may write for a stage, at this very moment."""
        return self.keeper.election.tenure.is_ours(stage_lease(self.project, stage))

    def left(self, stage: StageName) -> None:
        """Say that nothing is written any more for a stage."""
        self.keeper.left(stage_lease(self.project, stage))

    def end(self, busy: Collection[StageName]) -> None:
        """Give up every stage, for good."""
        self.keeper.end(self.project, busy)


def keeper_of(config: LeasesConfig, clock: Clock, log: FilteringBoundLogger, *, seed: int | None = None) -> Keeper:
    """Return what keeps the leases of a daemon. Nothing is asked yet.

    ``seed`` is that of all jitter and choices; without one each process has its own, so that many do not move in step.

    Raises:
        ConfigError: the API server cannot be reached as configured.
    """
    # Two processes of one name would each take the other's leases for its own.
    identity = f"{config.identity or platform.node() or 'reconciler'}_{secrets.token_hex(4)}"
    timeout = min(config.kubernetes.deadline, config.duration * _CALL)
    shelf = Shelf(access_of(config.kubernetes), config.namespace, timeout, clock.monotonic)
    chance = secrets.randbits(32) if seed is None else seed
    election = Election(Terms(identity, config.duration, config.renew), clock, chance)
    return Keeper(shelf, election, clock, log.bind(identity=identity), config.renew, chance)
