"""A shelf of Leases without a server: the compare-and-set of resourceVersions, and nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reconciler.daemon.leases.election import Election, Terms, Write
from reconciler.daemon.leases.record import PROJECT, LeaseName, Record


@dataclass
class Time:
    """True time, in seconds."""

    now: float = 1000.0


@dataclass
class OwnClock:
    """A machine's clocks, which go at a rate of their own and were started some time."""

    time: Time
    rate: float = 1.0
    start: float = 0.0

    def monotonic(self) -> float:
        return self.start + self.time.now * self.rate

    def wall(self) -> float:
        return 1_800_000_000.0 + self.start + self.time.now * self.rate


@dataclass
class Board:
    """What a server knows."""

    records: dict[LeaseName, Record] = field(default_factory=dict)
    version: int = 0
    down: bool = False

    def list(self) -> list[Record]:
        return list(self.records.values())

    def write(self, write: Write) -> Record | None:
        found = self.records.get(write.record.name)
        if (found.version if found is not None else "") != write.record.version:
            return None
        self.version += 1
        written = replace(write.record, version=str(self.version))
        self.records[written.name] = written
        return written

    def holder(self, name: LeaseName) -> str:
        found = self.records.get(name)
        return found.holder if found is not None else ""


@dataclass
class Someone:
    """A daemon's part in it, look by look."""

    board: Board
    clock: OwnClock
    identity: str
    duration: float = 15.0
    renew: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        self.election = Election(Terms(self.identity, self.duration, self.renew), self.clock, self.seed)

    def want(self, *names: LeaseName, project: str = "shop") -> None:
        self.election.want(dict.fromkeys(names, ((PROJECT, project),)))

    def ours(self) -> set[LeaseName]:
        found = self.election.tenure.believed()
        return {name for name in found if not name.startswith("reconciler-daemon-")}

    def look(self) -> None:
        """Look, and write at once what follows."""
        for _ in self.looking(lambda: False):
            continue

    def looking(self, lost: object) -> Iterator[None]:
        """Look; time may pass wherever this yields, and answers are ``lost`` on the way."""
        assert callable(lost)
        listed = self.board.list()
        yield
        for write in self.election.plan(listed):
            began, wall = self.clock.monotonic(), self.clock.wall()
            yield
            written = self.board.write(write)
            yield
            if written is not None and not lost():
                self.election.wrote(write, written, began, wall)

    def leave(self) -> None:
        """Stop writing for what is being given up, as the loops do."""
        for name in self.election.tenure.names():
            self.election.tenure.left(name)

    def end(self) -> None:
        """End in order."""
        for name in self.election.tenure.names():
            self.election.tenure.give_up(name)
        self.leave()
        for write in self.election.releases():
            written = self.board.write(write)
            if written is not None:
                self.election.wrote(write, written, self.clock.monotonic(), self.clock.wall())


def pair(*stages: LeaseName, count: int = 2) -> tuple[Time, Board, list[Someone]]:
    """Return daemons that want the same stages."""
    time, board = Time(), Board()
    people = [Someone(board, OwnClock(time), f"daemon-{number}", seed=number) for number in range(count)]
    for each in people:
        each.want(*stages)
    return time, board, people
