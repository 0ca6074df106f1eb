"""`what-if` by two processes answers what one answers; what a half does not say is found out here."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from benchmarks.past import HEAD, REF, STAGE, make
from reconciler.cli.comparison import Wish, compare
from reconciler.cli.halves import halves
from reconciler.decide.whatif import comparing
from reconciler.model.errors import ConfigError

PROBLEMS = 60


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("past"), PROBLEMS, 7)


def wish(past: Path, since: int | None = None, limit: int = 1000) -> Wish:
    return Wish(past, None, STAGE, REF, HEAD, since=since, limit=limit)


@pytest.mark.parametrize("more", [{}, {"limit": 20}, {"since": 20_000}])
def test_two_processes_answer_what_one_does(past: Path, more: dict[str, int]) -> None:
    one, two = compare(wish(past, **more), apart=False), compare(wish(past, **more), apart=True)
    assert one == two
    assert one.result.totals.differ > 0
    if not more:
        assert one.result.totals.problems == PROBLEMS


def test_both_halves_count_for_how_much_may_be_judged(past: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each half alone is below the bound."""
    done = [0]
    counted = comparing.refuse_too_much

    def count(work: int) -> None:
        done[0] = max(done[0], work)
        counted(work)

    monkeypatch.setattr(comparing, "refuse_too_much", count)
    compare(wish(past), apart=False)
    monkeypatch.setattr(comparing, "WORK", done[0] * 3 // 4)
    with pytest.raises(ConfigError, match="criteria to be judged"):
        compare(wish(past), apart=True)


def test_the_halves_are_asked_in_two_processes() -> None:
    here, there = halves(os.getpid, os.getpid)
    assert here == os.getpid() != there


def test_what_the_other_half_cannot_say_is_asked_here() -> None:
    own = os.getpid()

    def fails_elsewhere() -> int:
        if os.getpid() != own:
            raise LookupError
        return 7

    def dies_elsewhere() -> int:
        if os.getpid() != own:
            os._exit(1)
        return 8

    def says_nothing_that_can_be_sent() -> object:
        return (lambda: 0) if os.getpid() != own else 9

    assert halves(lambda: 1, fails_elsewhere) == (1, 7)
    assert halves(lambda: 1, dies_elsewhere) == (1, 8)
    assert halves(lambda: 1, says_nothing_that_can_be_sent) == (1, 9)


def test_what_fails_here_leaves_no_process_behind() -> None:
    with pytest.raises(LookupError):
        halves(_fails, lambda: 1)
    assert multiprocessing.active_children() == []


def _fails() -> int:
    raise LookupError
