"""The benchmark of a look measures real ones, tells the remote's own answer apart, and its bars can be missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import huge, repositories
from benchmarks.huge import Counted, Huge
from benchmarks.machine import Quiet
from benchmarks.plain_git import git, read_ref
from benchmarks.repositories import STAGE_REF, Shape
from benchmarks.ticks import CHANGE, COLD, COLD_HELD, NOTHING, PARSED, PARSED_HELD, RESCAN, Cell, measure, section

HUGE = Huge(Shape(16), branches=20, problems=30, remediated=6)


@pytest.mark.parametrize("http", [False, True])
def test_each_kind_of_look_is_measured(tmp_path: Path, http: bool) -> None:
    made = repositories.make(tmp_path, Shape(16))
    cell = measure(tmp_path / "cell", Shape(16), made, 2, Quiet(0), http=http)
    measured = {NOTHING: 2, CHANGE: 2, RESCAN: 2, COLD: 5, COLD_HELD: 5} | ({} if http else {PARSED_HELD: 1})
    assert {what: len(seconds) for what, seconds in cell.own.items()} == measured
    for what in (NOTHING, CHANGE, COLD, COLD_HELD):
        for own, whole in zip(cell.own[what], cell.whole[what], strict=True):
            assert 0 < own < whole
            assert (whole - own > 0.001) or not http  # over HTTP the remote's answer takes a process


def test_a_huge_repository_has_all_that_is_said_and_asks_for_nothing(tmp_path: Path) -> None:
    made = huge.make(tmp_path, HUGE)
    found = huge.count(made)
    assert (found.problems, found.branches) == (30, 22)
    assert found.objects == len(git(made, "rev-list", "--all", "--objects").splitlines())
    assert read_ref(made, STAGE_REF) == git(made, "rev-parse", STAGE_REF).decode().strip()
    ends = git(made, "log", "--format=%(trailers:key=Event,valueonly,separator=)", STAGE_REF).decode().split()
    assert ends.count("opened") == 6
    assert found.steps == len(ends)
    assert sum(ends.count(end) for end in ("remediated", "resolved", "reverted")) == 6, "nothing is left to be done"
    cell = measure(tmp_path / "cell", HUGE.shape, made, 1, Quiet(0), http=False, past=found)  # raises where it pushes
    assert set(cell.own) == {NOTHING, CHANGE, RESCAN, COLD, PARSED}
    assert f"The repository has {found}." in section("", [cell]).text
    assert str(cell) == "16 grouped, huge, local"


GOOD = {NOTHING: [0.004], CHANGE: [0.019], COLD: [4.0], RESCAN: [9.0]}
SLOW = {NOTHING: [0.006], CHANGE: [0.021], COLD: [5.1], COLD_HELD: [5.2], RESCAN: [9.0]}


def test_a_missed_bar_is_told() -> None:
    assert section("", [Cell(Shape(9), False, GOOD, GOOD)]).missed == ()
    assert section("", [Cell(Shape(9), True, SLOW, SLOW)]).missed == (
        f"9 grouped, smart HTTP, {NOTHING}: 6.0 ms",
        f"9 grouped, smart HTTP, {CHANGE}: 21.0 ms",
        f"9 grouped, smart HTTP, {COLD}: 5100.0 ms",
        f"9 grouped, smart HTTP, {COLD_HELD}: 5200.0 ms",
    )


def test_a_start_that_misses_its_bar_is_told_with_what_its_files_take_alone() -> None:
    past, slow = Counted(1, 2, 3, 4), {**SLOW, PARSED_HELD: [30.0]}
    held = Cell(Shape(9), False, slow, slow)
    alone = "; to list, read and parse the stage's files alone takes 30000.0 ms"
    assert f"{held}, {COLD_HELD}: 5200.0 ms{alone}" in section("", [held]).missed
    local, http = ({**GOOD, COLD: [6.0], **more} for more in ({PARSED: [30.0]}, {}))
    found = section("", [Cell(Shape(9), False, local, local, past), Cell(Shape(9), True, http, http, past)])
    assert found.missed == (
        f"9 grouped, huge, local, {COLD}: 6000.0 ms{alone}",
        f"9 grouped, huge, smart HTTP, {COLD}: 6000.0 ms{alone}",
    )


def test_only_a_remote_behind_a_network_may_take_its_time_to_say_that_there_is_nothing_new() -> None:
    whole = GOOD | {NOTHING: [0.007], CHANGE: [0.9]}
    assert section("", [Cell(Shape(9), False, GOOD, whole)]).missed == (f"9 grouped, local, {NOTHING}: 7.0 ms",)
    over_http = section("", [Cell(Shape(9), True, GOOD, whole)])
    assert over_http.missed == ()
    assert "takes 7.0 ms as a whole, of which 3.0 ms are the remote's answer" in over_http.text


@pytest.mark.parametrize("http", [False, True], ids=["local", "http"])
def test_what_the_remote_takes_counts_in_the_first_decision_after_a_start(http: bool) -> None:
    own = GOOD | {COLD_HELD: [4.0], PARSED_HELD: [30.0]}
    cell = Cell(Shape(9), http, own, own | {COLD: [5.1], COLD_HELD: [9.0]})
    alone = "; to list, read and parse the stage's files alone takes 30000.0 ms"
    assert section("", [cell]).missed == (f"{cell}, {COLD}: 5100.0 ms", f"{cell}, {COLD_HELD}: 9000.0 ms{alone}")


def test_what_a_huge_repository_has_is_said_once() -> None:
    seconds = GOOD | {PARSED: [30.0]}
    cells = [Cell(Shape(9), http, seconds, seconds, Counted(30, 25, 22, 999)) for http in (False, True)]
    assert section("", cells).text.count("30 problems that are over, 25 steps, 22 branches and 999 objects") == 1
