"""Passwords cannot be guessed by trying many, and whoever tries that stops nobody but themselves."""

from __future__ import annotations

import base64

import pytest

from reconciler.bridge.attempts import PAUSE, Attempts
from reconciler.bridge.people import Account, Door, Person, RefusedError

ADA = Person("Ada", "ada@example.org")
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(clock: Clock) -> Door:
    return Door("basic", (Account("ada", ADA, lambda: "secret"),), attempts=Attempts(clock))


def answer(door: Door, password: str, address: str = HERE) -> int:
    """Return the status that a password gets; 200 where it lets in."""
    login = base64.b64encode(f"ada:{password}".encode()).decode()
    try:
        assert door.enter({"authorization": f"Basic {login}"}, address) == ADA
    except RefusedError as refused:
        return refused.status
    return 200


def test_after_ten_wrong_passwords_the_right_one_waits_too(door: Door, clock: Clock) -> None:
    assert [answer(door, "wrong") for _ in range(12)] == [401] * 10 + [429] * 2
    assert answer(door, "secret") == 429
    assert answer(door, "secret", ELSEWHERE) == 200
    with pytest.raises(RefusedError) as refused:
        door.enter({"authorization": "Basic x"}, HERE)
    assert refused.value.after == pytest.approx(6.0)
    clock.seconds += 6.0
    assert answer(door, "secret") == 200


def test_guessing_goes_on_at_ten_a_minute(door: Door, clock: Clock) -> None:
    looked_at = 0
    for _ in range(3600):
        clock.seconds += 1.0
        looked_at += answer(door, "wrong") == 401
    assert 600 <= looked_at <= 610


def test_the_right_password_costs_nothing(door: Door) -> None:
    assert [answer(door, "secret") for _ in range(200)] == [200] * 200


def test_who_shows_no_password_tries_none(door: Door) -> None:
    for _ in range(50):
        with pytest.raises(RefusedError) as refused:
            door.enter({}, HERE)
        assert (refused.value.status, refused.value.challenge) == (401, True)
    assert answer(door, "secret") == 200


def test_when_very_many_guess_each_has_one_try_at_a_time(door: Door, clock: Clock) -> None:
    for number in range(100):
        assert answer(door, "wrong", f"198.51.100.{number}") == 401
    assert answer(door, "wrong", "198.51.100.1") == 429, "it would have had nine more"
    assert answer(door, "secret") == 200, "whoever has not failed notices nothing"
    assert answer(door, "wrong") == 401
    assert answer(door, "secret") == 429
    for second in range(int(PAUSE)):
        clock.seconds += 1.0
        answer(door, "wrong", f"203.0.113.{second}")
    assert answer(door, "secret") == 200, "all still guess, and a minute is over"


def test_all_addresses_of_one_network_are_one(door: Door) -> None:
    for number in range(10):
        assert answer(door, "wrong", f"2001:db8:1:2::{number:x}") == 401
    assert answer(door, "wrong", "2001:db8:1:2:ffff::1") == 429
    assert answer(door, "wrong", "2001:db8:1:3::1") == 401
    assert [answer(door, "wrong", f"::ffff:{HERE}") for _ in range(10)] == [401] * 10
    assert answer(door, "wrong", HERE) == 429


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    attempts = Attempts(clock)
    for number in range(5000):
        attempts.failed(f"10.0.{number >> 8}.{number & 255}")
    assert len(attempts._of) == 4096
