"""What keeps leases on a thread of its own: it tells the loops, survives what goes wrong, and lets go at the end."""

from __future__ import annotations

import threading

import structlog

from reconciler.daemon.clock import SystemClock
from reconciler.daemon.leases.election import Election, Terms, Write
from reconciler.daemon.leases.keeper import Keeper
from reconciler.daemon.leases.record import Record, stage_lease
from reconciler.model.errors import BlindError
from reconciler.model.names import ProjectName, StageName
from tests.daemon.leases.shelves import Board
from tests.daemon.site import eventually

SHOP, LIVE = ProjectName("shop"), StageName("production")
LEASE = stage_lease(SHOP, LIVE)


class Shelf:
    """A board behind a door that may be shut."""

    def __init__(self) -> None:
        self.board = Board()
        self.lock = threading.Lock()
        self.error: Exception | None = None
        self.closed = False

    def list(self) -> list[Record]:
        with self.lock:
            if self.error is not None:
                raise self.error
            return self.board.list()

    def write(self, write: Write) -> Record | None:
        with self.lock:
            return self.board.write(write)

    def close(self) -> None:
        self.closed = True

    def holder(self) -> str:
        with self.lock:
            return self.board.holder(LEASE)


def keeper(shelf: Shelf, duration: float = 3600.0) -> Keeper:
    clock = SystemClock()
    election = Election(Terms("one", duration, 0.1), clock, 0)
    return Keeper(shelf, election, clock, structlog.get_logger(), 0.1)


def test_it_takes_tells_and_lets_go() -> None:
    shelf, woken = Shelf(), threading.Event()
    with keeper(shelf) as kept:
        leases = kept.of(SHOP)
        leases.tell(woken.set)
        leases.want([LIVE])
        eventually(lambda: leases.holds(LIVE), "taken")
        assert woken.wait(60)
        assert shelf.holder() == "one"
        leases.end([])
        assert not leases.holds(LIVE)
    assert shelf.holder() == ""
    assert shelf.closed


def test_what_is_still_being_written_is_not_let_go_of() -> None:
    shelf = Shelf()
    with keeper(shelf) as kept:
        leases = kept.of(SHOP)
        leases.want([LIVE])
        eventually(lambda: leases.holds(LIVE), "taken")
        leases.end([LIVE])
    assert shelf.holder() == "one", "it is others' when its time is over"


def test_nothing_that_goes_wrong_ends_it() -> None:
    shelf = Shelf()
    shelf.error = BlindError("no API server")
    with keeper(shelf) as kept:
        leases = kept.of(SHOP)
        leases.want([LIVE])
        eventually(lambda: "no API server" in leases.trouble, "told")
        with shelf.lock:
            shelf.error = ZeroDivisionError("a bug")
        eventually(lambda: "a bug in reconciler" in leases.trouble, "told too")
        with shelf.lock:
            shelf.error = None
        eventually(lambda: leases.holds(LIVE), "taken")
        eventually(lambda: leases.trouble == "", "all is well")


def test_a_loop_hears_that_its_time_is_over_though_nobody_can_be_asked() -> None:
    shelf, woken = Shelf(), threading.Event()
    with keeper(shelf, duration=1.0) as kept:
        leases = kept.of(SHOP)
        leases.want([LIVE])
        eventually(lambda: leases.holds(LIVE), "taken")
        with shelf.lock:
            shelf.error = BlindError("no API server")
        leases.tell(woken.set)
        eventually(lambda: not leases.holds(LIVE), "its time is over")
        assert woken.wait(60)
        eventually(lambda: LEASE not in kept.election.tenure.believed(), "and it knows")
