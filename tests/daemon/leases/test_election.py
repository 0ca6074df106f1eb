"""Who holds which lease: taken when free, kept by renewing, left at once or when its time is over, shared by all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from reconciler.daemon.leases.record import PROJECT, place
from tests.daemon.leases.shelves import Board, OwnClock, Someone, Time, pair

FOUR = ("a", "b", "c", "d")


def rounds(time: Time, people: Iterable[Someone], count: int = 1, step: float = 2.0) -> None:
    for _ in range(count):
        time.now += step
        for each in people:
            each.look()
            each.leave()


def test_who_is_alone_takes_everything_at_once_and_keeps_it() -> None:
    time, board, (one,) = pair(*FOUR, count=1)
    one.look()
    assert one.ours() == {*FOUR}
    first = dict(board.records)
    rounds(time, [one], 30)
    assert one.ours() == {*FOUR}
    for name in FOUR:
        now = board.records[name]
        assert (now.acquired, now.transitions) == (first[name].acquired, 0)
        assert now.renewed > first[name].renewed
    assert board.version < 5 * 30, "a lease is not renewed at each look"


def test_a_lease_that_is_renewed_is_nobody_elses() -> None:
    time, _, (one, two) = pair("a")
    one.look()
    for _ in range(50):
        rounds(time, [one, two])
        assert (one.ours(), two.ours()) == ({"a"}, set())


def test_one_that_is_killed_is_followed_when_its_time_is_over_and_not_before() -> None:
    time, board, (one, two) = pair("a")
    rounds(time, [one, two])
    died = time.now
    while not two.ours():
        assert time.now - died < 15 + 5
        rounds(time, [two], step=1.0)
    assert time.now - died >= 15
    assert one.ours() == set()
    assert board.records["a"].transitions == 1


def test_one_that_ends_in_order_is_followed_at_the_next_look() -> None:
    time, board, (one, two) = pair("a")
    rounds(time, [one, two])
    one.end()
    assert one.ours() == set()
    assert (board.records["a"].holder, board.records["a"].seconds) == ("", 1)
    two.look()
    assert two.ours() == {"a"}


def test_a_holder_stops_believing_before_anybody_else_may_begin() -> None:
    time, _, (one, two) = pair("a")
    rounds(time, [one, two])
    time.now += 9.9
    assert one.ours() == {"a"}
    time.now += 0.2
    assert one.ours() == set()
    two.look()
    assert two.ours() == set()


def test_one_that_was_stopped_for_long_does_not_believe_when_it_goes_on() -> None:
    time, _, (one, two) = pair("a")
    rounds(time, [one, two])
    rounds(time, [two], 20)
    assert two.ours() == {"a"}
    assert one.ours() == set()
    one.look()
    assert one.ours() == set()


def test_a_machine_that_slept_knows_by_its_wall_clock() -> None:
    class Sleeper(OwnClock):
        slept = 0.0

        def wall(self) -> float:
            return super().wall() + self.slept

    time, board = Time(), Board()
    clock = Sleeper(time)
    one = Someone(board, clock, "one")
    one.want("a")
    one.look()
    clock.slept = 3600.0
    assert one.ours() == set()
    rounds(time, [one], 3)
    assert one.ours() == {"a"}, "nobody came, so it goes on"


def test_an_answer_that_was_lost_is_found_by_the_next_look() -> None:
    time, board, (one, two) = pair("a")
    for _ in one.looking(lambda: True):
        continue
    assert board.holder("a") == "daemon-0"
    assert one.ours() == set()
    rounds(time, [one, two])
    assert one.ours() == {"a"}
    assert board.records["a"].transitions == 0


def test_the_durations_of_others_count() -> None:
    time, board, (one, two) = pair("a")
    patient = Someone(board, one.clock, "patient", duration=60.0)
    patient.want("a")
    patient.look()
    rounds(time, [two], 28)
    assert two.ours() == set()
    rounds(time, [two], 4)
    assert two.ours() == {"a"}


def test_those_who_come_together_share() -> None:
    time, _, people = pair(*FOUR)
    rounds(time, people, 10)
    assert [len(each.ours()) for each in people] == [2, 2]


@pytest.mark.parametrize(("daemons", "stages"), [(2, 4), (3, 4), (8, 20), (5, 3)])
def test_who_comes_later_is_given_a_part_once_and_nothing_goes_to_and_fro(daemons: int, stages: int) -> None:
    names = [f"stage-{number}" for number in range(stages)]
    time, board, people = pair(*names, count=daemons)
    for count in range(1, daemons + 1):
        rounds(time, people[:count], 12)
    held = [each.ours() for each in people]
    assert sorted(name for each in held for name in each) == sorted(names)
    assert max(map(len, held)) - min(map(len, held)) <= 1
    before = {name: board.records[name].transitions for name in names}
    assert sum(before.values()) <= stages * daemons
    rounds(time, people, 50)
    assert {name: board.records[name].transitions for name in names} == before


def test_those_who_are_left_take_the_parts_of_who_is_gone() -> None:
    time, _, people = pair(*FOUR, count=3)
    rounds(time, people, 20)
    rounds(time, people[1:], 12)
    assert people[1].ours() | people[2].ours() == {*FOUR}


def test_what_nobody_wants_to_have_is_taken_beyond_ones_part() -> None:
    """Another daemon is there and looks after other stages: nothing stays free for that."""
    time, board, (one, two) = pair(*FOUR)
    two.want("x")
    rounds(time, [one, two], 12)
    assert one.ours() == {*FOUR}
    assert two.ours() == {"x"}
    before = {name: board.records[name].transitions for name in FOUR}
    rounds(time, [one, two], 30)
    assert {name: board.records[name].transitions for name in FOUR} == before


def test_daemons_of_other_projects_do_not_count() -> None:
    time, _, (one, two) = pair(*FOUR)
    two.want("x", project="other")
    two.look()
    one.look()
    assert one.ours() == {*FOUR}
    rounds(time, [two, one], 30)
    assert (one.ours(), two.ours()) == ({*FOUR}, {"x"})


def test_a_stage_that_is_not_wanted_any_more_is_left() -> None:
    time, board, (one, two) = pair("a", "b")
    two.want("c")
    rounds(time, [one, two], 12)
    one.want("b")
    one.look()
    assert one.ours() == {"b"}, "at once, before anybody hears of it"
    rounds(time, [one], 2)
    assert board.holder("a") == ""


def test_who_cannot_say_that_it_stopped_does_not_renew() -> None:
    time, board, (one, two) = pair("a")
    rounds(time, [one, two])
    one.want()
    for _ in range(20):
        time.now += 2
        one.look()
        two.look()
    assert board.holder("a") == "daemon-1"


def test_places_are_few_however_many_daemons_come_and_go() -> None:
    time, board, (one, two) = pair("a")
    for number in range(20):
        rounds(time, [one, two], 2)
        two.end()
        two = Someone(board, one.clock, f"later-{number}")
        two.want("a")
    assert {name for name in board.records if name != "a"} == {place(0), place(1)}


def test_a_lease_that_somebody_deleted_is_taken_anew() -> None:
    time, board, (one,) = pair("a", count=1)
    one.look()
    board.records.clear()
    one.look()
    assert one.ours() == {"a"}
    assert board.holder(place(0)) == "daemon-0"
    rounds(time, [one], 5)
    assert one.ours() == {"a"}


def test_what_is_written_on_an_object_by_others_stays() -> None:
    time, board, (one,) = pair("a", count=1)
    one.look()
    board.version += 1
    board.records["a"] = replace(board.records["a"], version=str(board.version), annotations=(("team", "x"),))
    rounds(time, [one], 5)
    assert one.ours() == {"a"}
    assert board.records["a"].annotations == ((PROJECT, "shop"), ("team", "x"))
