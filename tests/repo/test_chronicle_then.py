"""The chronicle as it was after a step: rows, filters, counts and pages are all of then."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.repo.chronicle import Chronicle, Filter
from reconciler.repo.chronicle_then import Then
from tests.repo.told_history import HOUR, Told, following, told


@pytest.fixture
def past(tmp_path: Path) -> Told:
    return told(tmp_path)


def shown(chronicle: Chronicle, sequence: int, **only: str) -> list[tuple[str, str]]:
    """Return ids and outcomes of what a search finds at a step, of pages of two; their number is told rightly."""
    step = chronicle.sequence(sequence)
    assert step is not None
    then, wanted = Then(chronicle, step.order), Filter(**only)  # type: ignore[arg-type]  # texts only
    found: list[tuple[str, str]] = []
    before: int | None = None
    while True:
        page = then.remediations(wanted, limit=2, before=before)
        found += [(str(each.id), each.outcome) for each in page.items]
        before = page.before
        if before is None:
            break
    assert then.count(wanted) == len(found)
    return found


def test_nothing_of_later_is_shown_filtered_or_counted(past: Told) -> None:
    past.remediation("p1")
    past.remediation("p2", end="escalated", result="fail", reason="no action left")
    past.remediation("p3")
    with following(past) as chronicle:
        assert shown(chronicle, 3) == [("p1", "")]
        assert shown(chronicle, 3, outcome="open") == [("p1", "")]
        assert shown(chronicle, 3, outcome="remediated") == []
        assert shown(chronicle, 5, outcome="remediated") == [("p1", "remediated")]
        assert shown(chronicle, 12) == [("p3", ""), ("p2", "escalated"), ("p1", "remediated")]
        assert shown(chronicle, 12, outcome="open") == [("p3", "")]
        assert shown(chronicle, 12, outcome="escalated", service="carts") == [("p2", "escalated")]
        assert shown(chronicle, 12, text="P3") == [("p3", "")]
        assert shown(chronicle, 10, text="p3") == []


def test_what_ended_and_was_taken_up_again_is_as_it_was_each_time(past: Told) -> None:
    past.remediation("p1", end="escalated", result="fail", reason="no action left")
    past.happen("reopened", remediation="p1")
    problem = {"id": "p9", "occurrence": 1, "title": "Queue is full"}
    past.happen("attached", {"problem": problem}, remediation="p1")
    with following(past) as chronicle:
        assert shown(chronicle, 5, outcome="escalated") == [("p1", "escalated")]
        assert shown(chronicle, 6, outcome="escalated") == []
        assert shown(chronicle, 6, outcome="open") == [("p1", "")]
        assert shown(chronicle, 6, text="queue") == []
        assert shown(chronicle, 7, text="queue") == [("p1", "")]


def test_steps_of_one_second_are_told_apart(past: Told) -> None:
    past.remediation("p1", seconds=0)
    with following(past) as chronicle:
        for sequence in range(1, 5):
            assert shown(chronicle, sequence) == [("p1", "")]
        assert shown(chronicle, 5) == [("p1", "remediated")]


def test_what_was_reverted_after_its_end_ended_then(past: Told) -> None:
    past.remediation("p1", end="escalated", result="fail", reason="no action left")
    past.now += HOUR
    past.happen("reverted", {"by": "Ann", "commit": "a" * 40}, remediation="p1")
    with following(past) as chronicle:
        (each,) = chronicle.remediations().items
        assert (each.outcome, each.ended) == ("reverted", past.now)


def test_a_source_is_what_the_problem_said_and_nothing_else(past: Told) -> None:
    past.remediation("watchdog-1")
    past.happen(
        "opened", {"problem": {"id": "slow-1", "occurrence": 1, "title": "x"}, "entry": "slow"}, remediation="slow-1"
    )
    with following(past) as chronicle:
        (silent, told_of) = chronicle.remediations().items
        (found,) = chronicle.remediations(Filter(text="watcher")).items
    assert (silent.source, told_of.source) == ("", "watcher")
    assert found.id == "watchdog-1"


def test_one_that_goes_on_for_long_is_found_at_every_step(past: Told) -> None:
    past.happen(
        "opened", {"problem": {"id": "long", "occurrence": 1, "title": "Leak"}, "entry": "x"}, remediation="long"
    )
    for number in range(6):
        past.remediation(f"p{number}")
    past.happen("escalated", {"reason": "no action left"}, remediation="long")
    with following(past) as chronicle:
        for sequence in range(1, 32):
            assert ("long", "") in shown(chronicle, sequence, outcome="open")
            assert shown(chronicle, sequence, text="leak") == [("long", "")]
        assert shown(chronicle, 32, text="leak") == [("long", "escalated")]


def test_of_very_many_it_is_only_known_that_they_are_more(past: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("chronicle", "chronicle_then"):
        monkeypatch.setattr(f"reconciler.repo.{module}.COUNTED", 3)
    for number in range(6):
        past.remediation(f"p{number}")
    with following(past) as chronicle:
        assert [chronicle.count(Filter(text=text)) for text in ("", "p", "p2")] == [4, 4, 1]
        for sequence, known in ((12, 3), (20, 4), (30, 4)):
            step = chronicle.sequence(sequence)
            assert step is not None
            assert Then(chronicle, step.order).count(Filter(text="p")) == known
            assert Then(chronicle, step.order).count(Filter()) == known
