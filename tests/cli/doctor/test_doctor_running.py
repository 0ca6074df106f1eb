"""Examinations run beside each other: one that hangs or breaks costs its own findings and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from reconciler.cli.doctor.finding import Finding, ok, problem
from reconciler.cli.doctor.running import Examination, examine
from reconciler.daemon.secrets import Known
from reconciler.model.errors import BlindError


def exam(about: str, look: Callable[[], Iterable[Finding]], seconds: float = 60.0) -> Examination:
    return Examination(about, look, seconds)


def told(*asked: Examination, at_once: int = 8) -> list[tuple[str, str, str]]:
    found = examine(asked, time.monotonic, lambda _: None, at_once)
    return [(each.about, each.verdict, each.found) for each in found]


def fine(about: str) -> Examination:
    return exam(about, lambda: [ok("secrets", about, "fine")])


def test_findings_come_in_the_order_of_what_was_asked() -> None:
    last = threading.Event()

    def slow() -> Iterator[Finding]:
        assert last.wait(60)
        yield ok("secrets", "slow", "fine")

    def quick() -> Iterator[Finding]:
        yield ok("secrets", "quick", "fine")
        last.set()

    assert [each[0] for each in told(exam("slow", slow), exam("quick", quick))] == ["slow", "quick"]


def test_one_that_hangs_keeps_what_it_found_and_hides_no_other() -> None:
    released, begun = threading.Event(), threading.Event()
    clock = [0.0]

    def hanging() -> Iterator[Finding]:
        yield ok("git-reach", "hanging", "there")
        begun.set()
        assert released.wait(60)
        yield ok("git-push", "hanging", "too late")

    def beside() -> Iterator[Finding]:
        # Once the other hangs, its time goes by.
        assert begun.wait(60)
        clock[0] = 100.0
        yield ok("secrets", "beside", "fine")

    try:
        found = examine(
            [exam("hanging", hanging, 5.0), exam("beside", beside, 1000.0), fine("after")],
            lambda: clock[0], lambda _: None, at_once=2,
        )  # fmt: skip
    finally:
        released.set()
    assert [(each.about, each.verdict) for each in found] == [
        ("hanging", "ok"), ("hanging", "unknown"), ("beside", "ok"), ("after", "ok"),
    ]  # fmt: skip
    assert (found[1].check, found[1].found) == ("unfinished", "not done within 5 s")


def test_what_is_raised_is_a_finding_and_a_bug_is_called_one() -> None:
    def refused() -> Iterable[Finding]:
        raise BlindError("the server is gone", hint="look at it")

    def broken() -> Iterator[Finding]:
        yield ok("secrets", "broken", "fine")
        raise KeyError("x")

    found = told(exam("refused", refused), exam("broken", broken), fine("else"))
    assert found[0] == ("refused", "problem", "the server is gone")
    assert found[2] == ("broken", "unknown", "a bug in reconciler: KeyError: 'x'")
    assert found[3] == ("else", "ok", "fine")


def test_no_finding_shows_a_secret_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known()
    monkeypatch.setattr("reconciler.cli.doctor.running.KNOWN", known)

    def broken() -> Iterator[Finding]:
        known.note("tok-4711-planted")
        yield problem("secrets", "tok-4711-planted", "refused tok-4711-planted", "not tok-4711-planted")
        raise KeyError("tok-4711-planted")

    def refused() -> Iterator[Finding]:
        raise BlindError("tok%2D4711%2Dplanted is no good", hint="renew tok-4711-planted")

    found = examine([exam("broken", broken), exam("refused", refused)], time.monotonic, lambda _: None)
    assert len(found) == 3
    assert [each for each in found if "***" not in each.found] == []
    assert "4711" not in str(found)


def test_only_so_many_run_at_a_time_and_progress_is_told() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def counted() -> Iterator[Finding]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        yield ok("secrets", "one", "fine")
        with lock:
            running -= 1

    heard: list[int] = []
    found = examine([exam("one", counted) for _ in range(20)], time.monotonic, heard.append, at_once=3)
    assert len(found) == 20
    assert most <= 3
    assert heard == sorted(heard)
    assert heard[-1] == 20
