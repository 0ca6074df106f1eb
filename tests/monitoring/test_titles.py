"""What fires is what matches: an alert's `problem` leads to the entry that it was made for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.decide.evaluation.objectives import Goal
from reconciler.decide.matching import match
from reconciler.monitoring.titles import Direction, title
from tests.monitoring.making import playbook

SLOW = "Response time degradation"


def found(sli: str, direction: Direction, *entries: str, display: str = "") -> tuple[str, str | None]:
    each = title(Goal(sli, (), (), display, 1, False), direction, playbook(*entries) if entries else None)
    return each.problem, each.entry.name if each.entry is not None else None


@pytest.mark.parametrize(
    ("sli", "display", "entries", "entry"),
    [
        ("response_time_p90", "", [SLOW, "response_time_p90"], "response_time_p90"),
        ("response_time_p90", "Carts are slow", [SLOW, "response_time_p90", "Carts are slow"], "Carts are slow"),
        ("response_time_p90", "", [SLOW, "Response Time P90"], "Response Time P90"),
        ("responseTimeP90", "", ["response_time_p90"], "response_time_p90"),
        ("response_time_p90", "Whatever", [SLOW, "default"], SLOW),
        ("latency", "", ["response-time degradation"], "response-time degradation"),
        ("error_rate", "", [SLOW, "Failure rate increase"], "Failure rate increase"),
        ("response_time_p90", "", ["Response time"], "Response time"),
        ("x", "Queue is long: payments", ["Queue", "Queue is long", "default"], "Queue is long"),
    ],
)  # fmt: skip
def test_which_entry_an_objective_is_for(sli: str, display: str, entries: list[str], entry: str) -> None:
    problem, name = found(sli, "above", *entries, display=display)
    assert name == entry
    assert match(playbook(*entries), root_cause="", title=problem) == match(
        playbook(*entries), root_cause="", title=entry
    )


def test_which_values_are_bad_decides_between_titles() -> None:
    entries = ("Unexpected high load", "Unexpected low load", "Failure rate increase")
    assert found("throughput", "below", *entries)[1] == "Unexpected low load"
    assert found("throughput", "above", *entries)[1] == "Unexpected high load"
    assert found("throughput", "either", *entries)[1] is None
    assert found("success_rate", "below", *entries)[1] == "Failure rate increase"
    assert found("error_rate", "below", *entries)[1] is None


def test_the_rest_is_for_the_default_entry() -> None:
    assert found("response_time_p90", "above", "default") == (SLOW, "default")
    assert found("queue_length", "above", "default", display="Queue") == ("Queue", "default")


def test_without_an_entry_the_label_says_what_it_is() -> None:
    assert found("response_time_p90", "above", "Failure rate increase") == (SLOW, None)
    assert found("queue_length", "above") == ("queue_length", None)


NAMES = st.text(st.sampled_from("abAB _-:"), min_size=1, max_size=6)
ENTRIES = st.lists(
    st.one_of(NAMES, st.sampled_from(["default", SLOW, "Response"])), min_size=1, max_size=4, unique=True
)


@given(ENTRIES, st.one_of(NAMES, st.sampled_from(["latency_p95", "errors"])), st.one_of(st.just(""), NAMES))
def test_the_label_always_matches_the_entry_that_is_told(entries: list[str], sli: str, display: str) -> None:
    plays = playbook(*entries)
    each = title(Goal(sli, (), (), display, 1, False), "above", plays)
    assert match(plays, root_cause="", title=each.problem) == each.entry
