"""One simulation: what a seed makes of everybody, and what is checked while and after it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from unittest import mock

from reconciler.daemon import portions
from tests.simulation.checks import Broken, Checks, Judge
from tests.simulation.cluster import World, Write
from tests.simulation.daemons import Daemon, Leases, Surrounding
from tests.simulation.estate import lay_out, planned
from tests.simulation.forge import Requests
from tests.simulation.objects import forget_parsed
from tests.simulation.people import People
from tests.simulation.remote import Move, Remote
from tests.simulation.schedule import Life, Schedule
from tests.simulation.threads import virtual
from tests.simulation.weather import Weather

_TROUBLE: Final = 900.0
"""Seconds, at most, in which things go wrong."""
_ACTS: Final = (6, 12, 18)
_LOOK: Final = 300.0
_IN_PARTS: Final = 5
"""Each so many-th seed does everything in parts, the first of one service, as if three were a storm."""
_LONGEST: Final = 4 * 3600.0
"""Seconds after which everything must be over."""


@dataclass(frozen=True)
class Report:
    """What came of a seed. ``wrong`` is empty where everything held; ``story`` is all that happened, in order."""

    seed: int
    wrong: str
    story: tuple[str, ...]
    tips: tuple[tuple[str, str], ...]
    steps: int
    decided: int
    writes: int
    events: int
    starts: int


class Simulation:
    """The world of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.story: list[str] = []
        self.schedule = Schedule(seed)
        chance = self.schedule.random
        self.plan = planned(chance, seed)
        self.weather = Weather(self.schedule, self._say)
        self.remote, self.world = Remote(), World(self.schedule)
        lay_out(chance, self.plan, self.remote, self.world)
        self.requests = Requests(self.remote)
        self.checks = Checks(self.plan, self.remote, self.world, self.requests)
        self.judge = Judge(self.plan, self.remote, self.world, self.requests)
        around = Surrounding(
            self.schedule, self.weather, self.plan, self.remote, self.world, self.requests, Leases(self.schedule),
            self._say,
        )  # fmt: skip
        self.daemons = [Daemon(around, f"daemon{number}") for number in range(1, self.plan.daemons + 1)]
        self.checks.daemons = {each.name: each for each in self.daemons}
        self.people = People(
            self.schedule, self.weather, self.plan, self.remote, self.world, self.requests, self.daemons, self._say
        )  # fmt: skip
        self.remote.told = self._moved
        self.world.told = self._written
        self.first: Broken | None = None
        self._say(f"{self.plan} {self.weather.rates} deaths {self.weather.deaths}")

    def _say(self, what: str) -> None:
        self.story.append(f"{self.schedule.now:9.3f} {what}")

    def _moved(self, move: Move) -> None:
        self.requests.moved(move)
        if move.who != "people" and move.new is None:
            self._say(f"{move.who} takes {move.ref} away")
        elif move.who != "people":
            subject = self.remote.objects.commit(move.new or "").message.partition("\n")[0]
            self._say(f"{move.who} pushes {(move.new or '')[:8]}: {subject}")
        self._look(lambda: self.checks.moved(move))
        if self.plan.shared:
            for daemon in self.daemons:
                daemon.stir(self.schedule.random.expovariate(20.0))

    def _written(self, write: Write) -> None:
        self._look(lambda: self.checks.written(write))

    def _look(self, check: Callable[[], None]) -> None:
        """Look at what a daemon does, and remember what is broken: it may take that for a mistake of its own."""
        try:
            check()
        except Broken as broken:
            self.first = self.first or broken
            raise

    def run(self, longest: float = _LONGEST) -> None:
        """Let trouble have its time, then be calm until everything is over, ``longest`` seconds at most; then look.

        Raises:
            Broken: something did not hold.
        """
        acts = self.schedule.random.choice(_ACTS)
        self.schedule.spawn(Life("people"), lambda: self.people.live(acts))
        if self.plan.proposes:
            self.schedule.spawn(Life("reviewers"), self.people.review)
        self.schedule.run(_TROUBLE)
        self.weather.clear()
        self.world.heal()
        for daemon in self.daemons:
            daemon.clock.settle()
        self._say("from here on nothing goes wrong")
        self.schedule.spawn(Life("people, later"), self.people.mend)
        until = _TROUBLE
        while True:
            until += _LOOK
            self.schedule.run(until)
            left = self.judge.unfinished()
            if not left:
                break
            if until > _TROUBLE + longest:
                raise Broken("not over: " + "; ".join(left[:4]))
        self.checks.kept(self.people)
        self.checks.bounded()
        self.judge.agrees()
        self.judge.replays()


@contextmanager
def simulated(seed: int) -> Iterator[Simulation]:
    """Give the world of a seed, with the engine's threads in its time."""
    simulation = Simulation(seed)
    first = 1 if seed % _IN_PARTS == 0 else portions._FIRST
    with virtual(simulation.schedule), mock.patch.object(portions, "_FIRST", first):
        try:
            yield simulation
        finally:
            simulation.schedule.close()
            forget_parsed()


def run(seed: int, longest: float = _LONGEST) -> Report:
    """Run a seed and tell what came of it; what breaks is in the report. ``longest`` is as for `Simulation.run`."""
    wrong = ""
    with simulated(seed) as simulation:
        try:
            simulation.run(longest)
        except Broken as broken:
            wrong = str(broken)
        except Exception as error:  # noqa: BLE001  whatever a daemon dies of by itself is what is looked for
            wrong = str(simulation.first or f"{type(error).__name__}: {error}")
            simulation.story.append(_where(error))
        return Report(
            seed, wrong, tuple(simulation.story), tuple(sorted(simulation.remote.refs.items())),
            simulation.checks.steps, simulation.checks.decided, len(simulation.world.writes),
            simulation.schedule.events, sum(each.starts for each in simulation.daemons),
        )  # fmt: skip


def _where(error: BaseException) -> str:
    from traceback import format_exception

    return "".join(format_exception(error))
