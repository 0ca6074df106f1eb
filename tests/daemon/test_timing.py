"""Clocks, pauses and retries: all by injected time, none of it real."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate

import pytest

from reconciler.daemon.agenda import HELD, Agenda
from reconciler.daemon.backoff import Backoff
from reconciler.daemon.clock import ServerDates, Watchful
from reconciler.daemon.pacer import Pacer
from reconciler.model.instant import Instant
from reconciler.model.names import ServicePath

CARTS = ServicePath("carts")


@dataclass
class Hands:
    """Two clocks that move only when told."""

    now: float = 1_800_000_000.0
    up: float = 100.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.up

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.up += seconds


def test_a_clock_that_goes_with_the_monotonic_one_is_trusted() -> None:
    hands = Hands()
    watchful = Watchful(hands)
    hands.pass_by(86_400)
    assert watchful.doubt(Instant(0)) == ""


@pytest.mark.parametrize("jump", [60.0, -60.0])
def test_after_a_jump_no_timer_counts_for_as_long_as_it_jumped(jump: float) -> None:
    hands = Hands()
    watchful = Watchful(hands)
    hands.now += jump
    assert f"jumped by {jump:+.0f} s" in watchful.doubt(Instant(0))
    hands.pass_by(59)
    assert watchful.doubt(Instant(0)) != ""
    hands.pass_by(2)
    assert watchful.doubt(Instant(0)) == ""


def test_an_hour_is_the_longest_doubt() -> None:
    hands = Hands()
    watchful = Watchful(hands)
    hands.now += 10 * 86_400
    assert watchful.doubt(Instant(0)) != ""
    hands.pass_by(3601)
    assert watchful.doubt(Instant(0)) == ""


def test_steps_ahead_of_our_clock_hold_timers_until_it_has_caught_up() -> None:
    hands = Hands()
    watchful = Watchful(hands)
    ahead = Instant(int(hands.now) + 30)
    assert "30 s ahead" in watchful.doubt(ahead)
    hands.pass_by(26)
    assert watchful.doubt(ahead) == ""


@pytest.mark.parametrize(("ahead", "words"), [(60, "60 s behind"), (-60, "60 s ahead of")])
def test_a_clock_that_is_off_the_servers_date_is_doubted_until_it_agrees(ahead: int, words: str) -> None:
    hands = Hands()
    dates = ServerDates(hands)
    watchful = Watchful(hands, dates)
    dates.heard(formatdate(hands.now + ahead, usegmt=True))
    assert words in watchful.doubt(Instant(0))
    dates.heard("no date at all")
    assert words in watchful.doubt(Instant(0))
    dates.heard(formatdate(hands.now + 2, usegmt=True))
    assert watchful.doubt(Instant(0)) == ""


def test_a_clock_that_jumps_away_from_a_servers_date_is_doubted_longer_than_it_jumped() -> None:
    """What was awaited by another daemon's clock would be due early by it."""
    hands = Hands()
    dates = ServerDates(hands)
    watchful = Watchful(hands, dates)
    dates.heard(formatdate(hands.now, usegmt=True))
    hands.now += 16
    assert "16 s ahead of" in watchful.doubt(Instant(0))
    hands.pass_by(60)
    assert "16 s ahead of" in watchful.doubt(Instant(0))
    hands.now -= 16
    assert "jumped by -16 s" in watchful.doubt(Instant(0))
    hands.pass_by(17)
    assert watchful.doubt(Instant(0)) == ""


def test_a_date_that_was_heard_long_ago_counts_no_more() -> None:
    hands = Hands()
    dates = ServerDates(hands)
    watchful = Watchful(hands, dates)
    dates.heard(formatdate(hands.now + 3600, usegmt=True))
    dates.heard("Thu, 01 Jan 99999999999999999 00:00:00 GMT")
    assert watchful.doubt(Instant(0)) != ""
    hands.pass_by(121)
    assert watchful.doubt(Instant(0)) == ""


def test_the_first_push_after_a_quiet_second_goes_at_once() -> None:
    pacer = Pacer()
    assert pacer.delay(10.0) == 0.0
    pacer.pushed(10.0, 10.03)
    assert pacer.delay(11.04) == 0.0


def test_between_pushes_within_a_second_lies_one_push_time_or_a_tenth() -> None:
    pacer = Pacer()
    pacer.pushed(10.0, 10.03)
    assert pacer.delay(10.03) == pytest.approx(0.1)
    pacer.pushed(20.0, 20.4)
    assert pacer.delay(20.5) == pytest.approx(0.3)


def test_after_a_slow_push_nobody_waits_longer_than_the_quiet_second() -> None:
    pacer = Pacer()
    pacer.pushed(10.0, 30.0)
    pacer.foreign(30.1)
    assert pacer.delay(30.2) == pytest.approx(0.8)
    assert pacer.delay(31.0) == 0.0


def test_after_somebody_elses_push_we_step_back_once_more() -> None:
    pacer = Pacer()
    pacer.pushed(10.0, 10.05)
    pacer.foreign(10.1)
    assert pacer.delay(10.1) == pytest.approx(0.1)


def test_pauses_double_up_to_the_longest_and_start_again_after_success() -> None:
    backoff = Backoff(1.0, 8.0, jitter=0.0)
    assert [backoff.next() for _ in range(5)] == [1.0, 2.0, 4.0, 8.0, 8.0]
    backoff.reset()
    assert backoff.next() == 1.0


def test_jitter_comes_from_the_seed() -> None:
    one, same, other = (Backoff(1.0, 60.0, seed=seed) for seed in (7, 7, 8))
    pauses = [one.next() for _ in range(6)]
    assert pauses == [same.next() for _ in range(6)]
    assert pauses != [other.next() for _ in range(6)]
    assert all(0.8 * 2**n <= pause <= 1.2 * 2**n for n, pause in enumerate(pauses))


def test_a_pending_service_is_looked_at_soon_and_then_less_often() -> None:
    hands = Hands()
    agenda = Agenda(hands)
    pauses = []
    for _ in range(8):
        agenda.note(CARTS, pending=True, outside=False, others=False)
        pauses.append(agenda.pause())
        hands.pass_by(agenda.pause() + 0.001)
        assert agenda.take_due() == {CARTS}
    assert pauses[0] < 0.13
    assert 4.0 <= pauses[-1] <= 6.0


def test_what_is_held_is_looked_at_now_and_then_and_forgotten_when_it_is_over() -> None:
    hands = Hands()
    agenda = Agenda(hands)
    agenda.note(CARTS, pending=False, outside=True, others=True)
    assert agenda.waiting() == {CARTS}
    hands.pass_by(HELD)
    assert agenda.take_due() == {CARTS}
    agenda.note(CARTS, pending=False, outside=False, others=False)
    hands.pass_by(HELD)
    assert agenda.take_due() == set()
    assert agenda.waiting() == set()


def test_a_moment_on_the_wall_clock_wakes_what_is_held() -> None:
    hands = Hands()
    agenda = Agenda(hands, sweep_every=3600.0)
    agenda.note(CARTS, pending=False, outside=True, others=True)
    agenda.wake_at(CARTS, Instant(int(hands.now) + 5))
    assert agenda.pause() == pytest.approx(5.0)
    hands.pass_by(5)
    assert agenda.take_due() == {CARTS}
    assert agenda.take_due() == set()


def test_a_moment_that_is_taken_back_wakes_nobody() -> None:
    hands = Hands()
    agenda = Agenda(hands, sweep_every=3600.0)
    agenda.wake_at(CARTS, Instant(int(hands.now) + 5))
    agenda.wake_at(CARTS, None)
    assert agenda.pause() == pytest.approx(3600.0)
    hands.pass_by(5)
    assert agenda.take_due() == set()


def services(count: int) -> frozenset[ServicePath]:
    return frozenset(ServicePath(f"s{number:05}") for number in range(count))


def test_the_sweep_comes_again_and_again() -> None:
    hands = Hands()
    sweep = Agenda(hands, sweep_every=30.0).sweep
    assert not sweep.is_due()
    for _ in range(3):
        hands.pass_by(30)
        assert sweep.is_due()
        assert not sweep.is_due()
        assert sweep.take(services(200)) == services(200)
        assert sweep.at == hands.monotonic() + 30


def test_a_sweep_over_many_is_spread_over_its_time() -> None:
    hands = Hands()
    sweep = Agenda(hands, sweep_every=30.0).sweep
    for holding, most in ((services(1_000), 256), (services(10_000), 334)):
        hands.pass_by(sweep.at - hands.monotonic())
        began, seen = hands.monotonic(), set[ServicePath]()
        while len(seen) < len(holding):
            assert sweep.is_due()
            taken = sweep.take(holding)
            assert 0 < len(taken) <= most
            assert not seen & taken
            seen |= taken
            assert sweep.at == hands.monotonic() + 1 or seen == holding
            hands.pass_by(sweep.at - hands.monotonic())
        assert hands.monotonic() == began + 30, "the next round begins as if there had been few"


def test_who_holds_nothing_any_more_is_not_looked_at() -> None:
    hands = Hands()
    sweep = Agenda(hands, sweep_every=30.0).sweep
    hands.pass_by(30)
    assert len(sweep.take(services(300))) == 256
    hands.pass_by(1)
    assert sweep.is_due()
    assert sweep.take(services(260)) == services(260) - services(256)


def test_a_round_that_takes_longer_than_its_time_is_ended_first() -> None:
    hands = Hands()
    sweep = Agenda(hands, sweep_every=30.0).sweep
    hands.pass_by(30)
    first = sweep.take(services(600))
    hands.pass_by(20)
    second = sweep.take(services(600))
    hands.pass_by(20)
    assert first | second | sweep.take(services(600)) == services(600)
    assert sweep.at == hands.monotonic()
    assert sweep.is_due()
    assert sweep.take(services(600)) == first


def test_a_slice_that_nobody_takes_keeps_nobody_busy() -> None:
    hands = Hands()
    sweep = Agenda(hands, sweep_every=30.0).sweep
    hands.pass_by(30)
    assert sweep.is_due()
    assert sweep.at == hands.monotonic() + 30
