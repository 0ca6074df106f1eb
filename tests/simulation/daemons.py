"""The daemons of a simulation: the product's `ProjectLoop` with all that it stands on, begun, killed, begun anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from structlog.typing import FilteringBoundLogger

from reconciler.daemon.backoff import Backoff
from reconciler.daemon.clock import ServerDates
from reconciler.daemon.desk import Desk
from reconciler.daemon.dispatch import Allowed, Servers
from reconciler.daemon.forging import PAUSES, Forging
from reconciler.daemon.leases.protocol import EveryStage, StageLeases
from reconciler.daemon.project_loop import ProjectLoop
from reconciler.daemon.proposals import Proposals
from reconciler.daemon.surroundings import Surroundings
from reconciler.model.errors import TransientError
from reconciler.model.names import ProjectName, StageName
from reconciler.repo.faults import AwayError
from reconciler.repo.process import Finished
from tests.simulation.clocks import WallClock
from tests.simulation.cluster import Cluster, Flags, World
from tests.simulation.estate import PROJECT, Plan
from tests.simulation.forge import Connection, Requests
from tests.simulation.keeping import Disk
from tests.simulation.measuring import Source
from tests.simulation.memory import NOWHERE, MemoryMirror, gone, turned_down, unreachable
from tests.simulation.remote import Remote
from tests.simulation.schedule import Life, Schedule
from tests.simulation.weather import Weather, Where

_LEASE: Final = 15.0
_POLL: Final = 20.0
_SAID: Final = (
    "[remote rejected] (pre-receive hook declined)", "[remote rejected] (unpacker error)",
    "[remote rejected] (cannot lock ref)", "[rejected] (stale info)",
)  # fmt: skip
"""How a remote says no to a push."""


class Lines:
    """A daemon's log; ``say`` hears of what a person would look at."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def bind(self, **_: object) -> Lines:
        return self

    def _tell(self, event: str, *_: object, **words: object) -> None:
        told = " ".join(
            f"{key}={value}" for key, value in words.items() if key in {"reason", "of", "sequence", "how", "durability"}
        )
        self._say(f"{event} {told}")

    debug = info = warning = _tell

    def error(self, event: str, *_: object, **words: object) -> None:
        if "exc_info" in words:
            self.exception(event, **words)
        self._tell(event, **words)

    def exception(self, event: str, *_: object, **words: object) -> None:
        """A bug in the product, which it would survive: here it is the end."""
        cause = words.get("exc_info")
        raise AssertionError(f"{event}: {words}") from cause if isinstance(cause, BaseException) else None


@dataclass
class Leases:
    """Which daemon looks after a stage: who had it last, until its time is over."""

    schedule: Schedule
    held: dict[str, tuple[str, float]] = field(default_factory=dict)

    def of(self, name: str) -> StageLeases:
        return _Lease(self, name)


class _Lease:
    trouble = ""

    def __init__(self, table: Leases, name: str) -> None:
        self._table = table
        self._name = name

    def tell(self, wake: Callable[[], None]) -> None:
        """A daemon looks often enough."""

    def want(self, stages: Iterable[StageName]) -> None:
        now = self._table.schedule.now
        for stage in stages:
            holder, until = self._table.held.get(stage, ("", 0.0))
            if holder == self._name or until <= now:
                self._table.held[stage] = self._name, now + 2 * _POLL + _LEASE

    def holds(self, stage: StageName) -> bool:
        holder, until = self._table.held.get(stage, ("", 0.0))
        return holder == self._name and until > self._table.schedule.now

    def left(self, stage: StageName) -> None:
        """Nobody waits for it."""

    def end(self, busy: Collection[StageName]) -> None:
        """Its time will be over."""


class _Border:
    """Between a daemon's mirror and the remote."""

    def __init__(self, name: str, schedule: Schedule, weather: Weather) -> None:
        self.name = name
        self._schedule = schedule
        self._weather = weather

    def now(self) -> float:
        return self._schedule.now

    def refs(self, remote: Remote) -> Mapping[str, str]:
        behind = self._weather.behind()
        return remote.refs if behind is None else remote.past(behind)

    def talk(self, what: str, done: Callable[[], Finished], refs: Sequence[str] = ()) -> Finished:
        where = cast("Where", f"git.{what}")
        try:
            return self._weather.io(where, done, lost=_Lost, refused=_Refused)
        except _Refused:
            if refs:
                return turned_down(refs, self._schedule.random.choice(_SAID))
            return Finished(128, b"", "fatal: unable to access: The requested URL returned error: 503")
        except _Lost:
            chance = self._schedule.random.random()
            if refs and chance > 0.8:
                # A request that is sent again, since its answer was lost, finds what the first one did.
                return turned_down(refs, "[remote rejected] (cannot lock ref)")
            if chance < 0.2:
                self._schedule.sleep(60.0)
                raise AwayError(f"git {what}: no answer within 60 s") from None
            return unreachable() if chance < 0.6 else Finished(128, b"", "fatal: the remote end hung up unexpectedly")

    def look(self, done: Callable[[], Any]) -> Any:
        return self._weather.io("git.look", done, lost=gone, refused=gone)

    def disk(self, done: Callable[[], None]) -> None:
        self._weather.io("disk", done, lost=_full, refused=_full)


def _full() -> Exception:
    return TransientError("the mirror cannot be written: No space left on device", hint="make space")


class _Lost(Exception):  # noqa: N818  what was lost is told as git tells it
    """No answer came."""


class _Refused(Exception):  # noqa: N818  as above
    """The remote said no, and did nothing."""


@dataclass
class Surrounding:
    """All that daemons share."""

    schedule: Schedule
    weather: Weather
    plan: Plan
    remote: Remote
    world: World
    requests: Requests
    leases: Leases
    say: Callable[[str], None]


class Daemon:
    """One replica: a name, a clock, a disk, and the process that runs now, if any."""

    def __init__(self, around: Surrounding, name: str) -> None:
        self.name = name
        self._around = around
        self.clock = WallClock(around.schedule)
        self.disk = Disk()
        self._life: Life | None = None
        self._loop: ProjectLoop | None = None
        self.starts = 0
        around.schedule.spawn(Life(f"keeper of {name}"), self._keep)

    @property
    def loop(self) -> ProjectLoop | None:
        """The loop that runs now, None where the process is dead."""
        alive = self._life is not None and not self._life.dead and self._life.tasks
        return self._loop if alive else None

    def kill(self) -> None:
        """End the process where it stands."""
        if self._life is not None and not self._life.dead:
            self._around.say(f"{self.name} is killed")
            self._around.schedule.kill(self._life)

    def jump(self) -> None:
        """Let its clock jump."""
        self._around.say(f"the clock of {self.name} jumps by {self.clock.jump():+.0f} s")

    def stir(self, seconds: float) -> None:
        """Tell a running loop, after a while, that there may be something new."""
        life, loop = self._life, self.loop
        if life is None or loop is None:
            return

        def tell() -> None:
            self._around.schedule.sleep(seconds)
            loop.wake()

        self._around.schedule.spawn(life, tell)

    def _keep(self) -> None:
        """Start it again whenever it has ended, as a cluster does."""
        schedule, chance = self._around.schedule, self._around.schedule.random
        while True:
            if self.loop is None:
                self._start()
            schedule.sleep(5.0 if self._around.weather.calm else chance.choice((0.5, 5.0, 30.0)))

    def _start(self) -> None:
        chance = self._around.schedule.random
        self.starts += 1
        if chance.random() < 0.5:
            self.disk = Disk()
        if chance.random() < 0.9 and not self._around.weather.calm:
            self.clock.settle()
        self._around.say(f"{self.name} starts{' with an empty disk' if not self.disk.objects.own else ''}")
        self.clock.restart()
        life = self._life = Life(self.name)
        forge = self._forging() if self._around.plan.proposes else None
        loop = self._loop = self._made(forge)

        def run() -> None:
            if forge is not None:
                forge.start(loop.wake)
            try:
                loop.run()
            finally:
                loop.inbox.close()

        self._around.schedule.spawn(life, run)

    def _forging(self) -> Forging:
        around, project = self._around, ProjectName(PROJECT)
        log = self._log()
        forge = Connection(around.requests, around.schedule, around.weather, self.name)
        desk = Desk(forge, _POLL, Backoff(*PAUSES, seed=self.starts), log, self.clock.monotonic)
        proposals = Proposals(project, desk, (), self.clock, log)
        return Forging(project, self.clock, log, NOWHERE, desk, proposals, seed=self.starts)

    def _log(self) -> FilteringBoundLogger:
        return cast("FilteringBoundLogger", Lines(lambda text: self._around.say(f"{self.name}: {text}")))

    def _made(self, forge: Forging | None) -> ProjectLoop:
        around, schedule, plan = self._around, self._around.schedule, self._around.plan
        border, disk = _Border(self.name, schedule, around.weather), self.disk
        return ProjectLoop(
            lambda: MemoryMirror(around.remote, border, shared=plan.shared, disk=disk),
            ProjectName(PROJECT),
            Surroundings(
                clock=self.clock, connect=self._connected, log=self._log(), poll=_POLL,
                sweep_every=60.0, seed=schedule.random.getrandbits(32),
                leases=around.leases.of(self.name) if plan.leases else EveryStage(), forge=forge,
            ),
        )  # fmt: skip

    def _connected(self, stage: StageName) -> Servers:
        around = self._around
        allowed = Allowed(
            frozenset({f"{PROJECT}-{stage}"}), frozenset({"Deployment"}), frozenset({"default"}), frozenset({stage})
        )
        dates = ServerDates(self.clock)

        def heard(date: str) -> None:
            self.clock.compare(stage)
            dates.heard(date)

        return Servers(
            Cluster(around.world, around.weather, self.name, "cluster", heard),
            Flags(around.world, around.weather, self.name, "flags"),
            allowed,
            dates,
            evidence=Source(around.world, around.weather, self.name),
        )
