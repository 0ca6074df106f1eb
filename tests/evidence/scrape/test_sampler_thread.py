"""The sampler's thread: who is looked at, how often, until when, and how one that hangs holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from reconciler.evidence.scrape.exposition import Page, Series
from reconciler.evidence.scrape.sampler import MOST_SERVICES, Sampler
from reconciler.model.errors import BlindError, BugError

PATIENCE = 20.0


class Looked:
    """Pages for a sampler, and who was looked at; ``gate`` holds some of them back."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}
        self.changed = threading.Condition()
        self.held: dict[str, threading.Event] = {}

    def __call__(self, address: str) -> Page:
        with self.changed:
            self.count[address] = self.count.get(address, 0) + 1
            self.changed.notify_all()
        if address in self.held:
            self.held[address].wait(PATIENCE)
        return Page({Series("a"): 1.0}, {})

    def until(self, address: str, times: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.count.get(address, 0) >= times, PATIENCE)


def sampler(looked: Callable[[str], Page], *known: str, every: float = 0.01,
            wall: Callable[[], float] = time.time) -> Sampler:  # fmt: skip
    return Sampler([(address,) for address in known], looked, every=every, wall=wall)


def test_pages_that_there_is_no_room_for_are_told_as_a_look_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.evidence.scrape.sampler.KEPT_VALUES", 10)
    made = sampler(Looked(), "carts")
    made.sample_now()
    view, trouble = made.seen(("carts",))
    assert not view.times
    assert "than there is room for" in trouble


def test_a_thread_looks_again_and_again_until_it_is_stopped() -> None:
    looked = Looked()
    made = sampler(looked, "carts")
    made.start()
    made.start()
    looked.until("carts", 3)
    made.watch(("orders",))
    looked.until("orders", 3)
    assert [thread.name for thread in threading.enumerate()].count("scrape") == 1
    made.stop()
    assert "scrape" not in [thread.name for thread in threading.enumerate()]
    made.start()
    assert "scrape" not in [thread.name for thread in threading.enumerate()]


def test_stopping_does_not_wait_for_the_next_look() -> None:
    made = sampler(Looked(), "carts", every=3600.0)
    made.start()
    before = time.monotonic()
    made.stop()
    assert time.monotonic() - before < PATIENCE


def test_a_new_service_is_looked_at_at_once() -> None:
    looked = Looked()
    made = sampler(looked, every=3600.0)
    made.start()
    made.watch(("orders",))
    looked.until("orders", 1)
    made.stop()


def test_a_service_that_hangs_does_not_delay_the_others_and_is_not_asked_twice() -> None:
    looked = Looked()
    looked.held["slow"] = threading.Event()
    made = sampler(looked, "carts", "slow")
    made.start()
    looked.until("carts", 5)
    assert looked.count["slow"] == 1
    looked.held["slow"].set()
    looked.until("slow", 2)
    made.stop()


def test_a_bug_of_ours_is_told_where_the_value_is_missing() -> None:
    def broken(_: str) -> Page:
        raise ZeroDivisionError("of a page")

    made = sampler(broken, "carts")
    made.start()
    ends = time.monotonic() + PATIENCE
    while not made.seen(("carts",))[1] and time.monotonic() < ends:
        threading.Event().wait(0.01)
    made.stop()
    assert made.seen(("carts",))[1] == "a bug in reconciler: ZeroDivisionError: of a page"


def test_nobody_is_looked_at_for_ever_but_those_who_are_named() -> None:
    looked, now = Looked(), [0.0]
    made = sampler(looked, "carts", wall=lambda: now[0])
    made.watch(("orders",))
    made.watch(("user",))
    now[0] += 3000
    made.watch(("user",))
    now[0] += 601
    made.sample_now()
    assert looked.count == {"carts": 1, "user": 1}
    with pytest.raises(BugError):
        made.seen(("orders",))


def test_so_many_services_are_looked_at_and_no_more() -> None:
    made = sampler(Looked())
    for number in range(MOST_SERVICES):
        made.watch((f"service-{number}",))
    made.watch(("service-0",))
    with pytest.raises(BlindError, match="200 services are looked at already"):
        made.watch(("one-more",))
