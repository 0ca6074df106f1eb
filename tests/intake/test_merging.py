"""What deliveries make of a problem's file: once, in any order, and never over what a person wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Report, Where
from reconciler.model.errors import UserError
from reconciler.model.names import ProblemId
from reconciler.model.problem import Problem, load_problem

PATH = "ops/production/carts/problems/slow-1.yaml"
State = Literal["open", "resolved"]


def report(state: State, *, sent: float | None = None, final: bool = False, title: str = "slow") -> Report:
    details = {"sentAt": f"2026-11-21T10:00:{sent:09.6f}Z"} if sent is not None else {}
    seconds = 1795255200 + sent if sent is not None else None
    problem = Problem(title, state, details=details)
    return Report("problem", Where(), ProblemId("slow-1"), problem, final=final, sent=seconds)


def after(*reports: Report, existing: bytes | None = None) -> bytes | None:
    for each in reports:
        found = merged(each, existing, PATH)
        existing = existing if found is None else found
    return existing


def state(*reports: Report) -> str:
    data = after(*reports)
    assert data is not None
    return load_problem(data, PATH).state


@pytest.mark.parametrize("first", ["open", "resolved"])
def test_what_is_new_is_written(first: State) -> None:
    data = merged(report(first), None, PATH)
    assert data is not None
    assert load_problem(data, PATH) == report(first).problem


@pytest.mark.parametrize("first", ["open", "resolved"])
def test_what_is_known_changes_nothing_whatever_it_says_now(first: State) -> None:
    data = after(report(first, sent=1))
    assert merged(report(first, sent=2, title="slower"), data, PATH) is None


def test_resolved_changes_the_state_and_nothing_else() -> None:
    data = after(report("open"))
    assert data is not None
    over = merged(report("resolved", title="no longer slow"), data, PATH)
    assert over == data.replace(b'"open"', b'"resolved"')


@settings(deadline=None, max_examples=60)
@given(states=st.lists(st.sampled_from(["open", "resolved"]), min_size=1, max_size=8))
def test_an_identity_that_is_final_ends_resolved_in_any_order(states: list[State]) -> None:
    sequence = [report(each, final=True) for each in states]
    assert state(*sequence) == ("resolved" if "resolved" in states else "open")
    assert all(merged(each, after(*sequence), PATH) is None for each in sequence)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4), st.lists(st.integers(1, 4), max_size=6))
def test_repeats_change_nothing(last: int, repeats: list[int]) -> None:
    """Sent: open, resolved, open, resolved. Whatever of it has come, may come again."""
    sent = [report("open" if n % 2 else "resolved", sent=n) for n in range(1, last + 1)]
    stands = after(*sent)
    assert after(*(sent[n - 1] for n in repeats if n <= last), existing=stands) == stands


@given(st.permutations([report("open", sent=1), report("resolved", sent=2)]))
def test_who_tells_the_time_may_overtake_himself(order: list[Report]) -> None:
    assert state(*order) == "resolved"


def test_an_identity_that_is_not_final_opens_again() -> None:
    assert state(report("open"), report("resolved"), report("open")) == "open"
    assert state(report("open", sent=1), report("resolved", sent=2), report("open", sent=3)) == "open"


@pytest.mark.parametrize("late", [1, 2, 1.5])
def test_an_open_that_was_sent_before_the_end_does_not_open_again(late: float) -> None:
    assert state(report("open", sent=1), report("resolved", sent=2), report("open", sent=late)) == "resolved"
    assert state(report("resolved", sent=2), report("open", sent=late)) == "resolved"


def test_an_end_that_was_sent_before_the_opening_does_not_end_it() -> None:
    again = (report("open", sent=1), report("resolved", sent=2), report("open", sent=3))
    assert state(*again, report("resolved", sent=2)) == "open"
    assert state(*again, report("resolved", sent=4)) == "resolved"


def test_what_was_sent_in_the_same_moment_ends_resolved() -> None:
    assert state(report("open", sent=1), report("resolved", sent=1)) == "resolved"
    assert state(report("resolved", sent=1), report("open", sent=1)) == "resolved"


def test_a_final_end_counts_whenever_it_was_sent() -> None:
    assert state(report("open", sent=2, final=True), report("resolved", sent=1, final=True)) == "resolved"


def test_what_people_wrote_stays() -> None:
    written = b"# looked at by Ada\ntitle: slow   # indeed\nstate: open\n"
    over = merged(report("resolved", sent=2), written, PATH)
    assert over == written.replace(b"open", b"resolved")
    assert merged(report("open", sent=3), over, PATH) == written


def test_an_event_that_was_pushed_as_a_file_is_resolved_in_its_own_words() -> None:
    pushed = b'{"specversion":"1.0","type":"sh.keptn.events.problem","data":{"ProblemTitle":"slow","State":"OPEN"}}'
    assert merged(report("resolved"), pushed, PATH) == pushed.replace(b"OPEN", b"RESOLVED")


@pytest.mark.parametrize("broken", [b"title: [", b"state: open\n", b"\xff", b"<<<<<<< HEAD\n"])
def test_a_file_that_cannot_be_read_is_named_and_left(broken: bytes) -> None:
    with pytest.raises(UserError, match="cannot be read") as refused:
        merged(report("resolved"), broken, PATH)
    assert refused.value.place is not None
    assert refused.value.place.path == PATH
    assert "mend or delete" in refused.value.hint


def test_the_path_is_the_id_below_its_day() -> None:
    assert file_path(report("open")) == "problems/slow-1.yaml"
    assert file_path(replace(report("open"), day="2026-11-21")) == "problems/2026-11-21/slow-1.yaml"


@pytest.mark.parametrize(
    "name", ["../x", "-x", ".git", "a/b", "a\0b", "x" * 1000, "", "a..b", "a.lock", "a+2", "ä", "a%2Fb"]
)
def test_an_id_that_is_no_name_is_no_path(name: str) -> None:
    with pytest.raises(UserError, match="no file's name"):
        file_path(replace(report("open"), id=ProblemId(name)))


@pytest.mark.parametrize("day", ["..", "2026-11-31", "2026-11-21/..", "2026-1-1", "20261121"])
def test_a_day_that_is_none_is_no_folder(day: str) -> None:
    with pytest.raises(UserError, match="no file's name"):
        file_path(replace(report("open"), day=day))


def test_w3_what_may_be_a_replay_opens_nothing_again() -> None:
    replayed = replace(report("open"), replayable=True)
    assert merged(replayed, None, PATH) is not None, "the first time it is news"
    assert state(report("open"), report("resolved"), replayed) == "resolved"
    assert state(
        report("open", sent=1), report("resolved", sent=2), replace(report("open", sent=3), replayable=True)
    ) == ("resolved")


def test_w3_what_may_be_a_replay_ends_nothing_that_was_opened_at_a_known_time() -> None:
    over = replace(report("resolved"), replayable=True)
    assert state(report("open"), over) == "resolved", "senders that tell no time are heard"
    assert state(report("open", sent=1), report("resolved", sent=2), report("open", sent=3), over) == "open"
    dated = replace(report("resolved", sent=4), replayable=True)
    assert state(report("open", sent=3), dated) == "resolved", "late, and later than what stands"
