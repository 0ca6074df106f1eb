"""Never do two daemons believe in one lease at the same moment, whatever happens to clocks, calls and processes."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.daemon.leases.shelves import Board, OwnClock, Someone, Time

STAGES = ("a", "b", "c", "d")
PAUSES = (0.0, 0.0, 0.01, 0.01, 0.05, 0.05, 0.3, 1.0)
"""Seconds between two things that happen anywhere; now and then there are longer ones, and somebody is stopped."""


def simulate(seed: int, daemons: int, lose: float) -> tuple[int, int]:
    """Let daemons look, write, stop and go on in any order. Returns how often two believed, and how often one followed.

    Clocks go up to a fifth faster or slower; answers are lost with the probability ``lose``.
    """
    chance = random.Random(seed)
    time, board = Time(), Board()
    people = [
        Someone(board, OwnClock(time, chance.uniform(0.82, 1.2), chance.uniform(0, 1e6)), f"d{number}", seed=number)
        for number in range(daemons)
    ]
    running: dict[int, Iterator[None]] = {}
    stopped: dict[int, float] = {}
    wanted = STAGES[: chance.randint(1, 4)]
    for each in people:
        each.want(*wanted)
    both = 0
    for _ in range(1500):
        time.now += chance.choice(PAUSES) if chance.random() < 0.99 else chance.uniform(2.0, 12.0)
        number = chance.randrange(daemons)
        if chance.random() < 0.01:
            stopped[number] = time.now + chance.uniform(5.0, 60.0)
        if time.now < stopped.get(number, 0.0):
            continue
        if chance.random() < 0.005:
            people[number].want(*chance.sample(wanted, chance.randint(0, len(wanted))))
        if chance.random() < 0.1:
            people[number].leave()
        steps = running.setdefault(number, people[number].looking(lambda: chance.random() < lose))
        if next(steps, "over") == "over":
            del running[number]
        both += sum(sum(name in other.ours() for other in people) > 1 for name in STAGES)
    return both, sum(max(board.records[name].transitions, 0) for name in STAGES if name in board.records)


@given(seed=st.integers(0, 2**64), daemons=st.integers(2, 4), lose=st.sampled_from((0.0, 0.1, 0.5)))
@settings(max_examples=30, deadline=None)
def test_never_do_two_believe_in_one_lease_at_the_same_moment(seed: int, daemons: int, lose: float) -> None:
    both, _ = simulate(seed, daemons, lose)
    assert both == 0


def test_leases_do_change_hands_meanwhile() -> None:
    assert sum(simulate(seed, 3, 0.1)[1] for seed in range(5)) > 20


def test_it_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who believes for longer than others wait is caught."""
    monkeypatch.setattr("reconciler.daemon.leases.tenure.BELIEVED", 1.3)
    assert sum(simulate(seed, 3, 0.0)[0] for seed in range(8)) > 0
