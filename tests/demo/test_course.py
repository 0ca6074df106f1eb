"""The course of an act: what is told as it came, and what is not passed off as a success."""

from __future__ import annotations

import pytest

from reconciler.demo.acts import ACTS, Scaled, Switched
from reconciler.demo.course import Course
from reconciler.demo.person import Commit
from reconciler.demo.sight import FlagState, Pods
from reconciler.demo.waiting import UnmetError

HELPS, FLAG, SECOND = ACTS
OPEN = Commit("0", "monitoring", "carts: Response time degradation")
OVER = Commit("1", "monitoring", "carts: no longer: Response time degradation")


def step(event: str, subject: str, remediation: str = "slow-1") -> Commit:
    return Commit(f"c-{event}", "reconciler", f"carts: {subject} (Response time degradation)", event, remediation)


OPENED = step("opened", "opened")
SCALED = step("decided", "scale 1 → 2")
APPLIED = step("applied", "took effect")
PASS, FAIL = step("evaluated", "evaluated: pass"), step("evaluated", "evaluated: fail")
NO_DATA = step("evaluated", "evaluated: no data")
DONE = step("remediated", "remediated")


def taken(course: Course, *commits: Commit) -> Course:
    for commit in commits:
        course.take(commit, ["slow-1"])
    return course


def test_an_act_that_goes_as_told() -> None:
    course = Course(HELPS)
    assert course.awaited == "monitoring to report `Response time degradation`"
    assert course.take(OPEN, ["slow-1"])
    assert course.remediation == "slow-1"
    assert not course.take(OPENED, ["slow-1"])
    assert course.awaited == "slow-1 to be remediated"
    taken(course, SCALED, APPLIED, OVER)
    assert course.awaited == "slow-1 to be remediated, after `carts: scale 1 → 2 (Response time degradation)`"
    assert not course.over
    assert taken(course, PASS, DONE).over
    assert course.decisions == [SCALED]


def test_to_evaluate_again_is_no_failure() -> None:
    assert taken(Course(HELPS), OPEN, OPENED, SCALED, APPLIED, NO_DATA, PASS, OVER, PASS, DONE).over


def test_the_second_action_after_the_first_did_not_help() -> None:
    first, second = step("decided", "scale 2 → 3"), step("decided", "switch EnableItemsCache off → on")
    course = taken(Course(SECOND), OPEN, OPENED, first, APPLIED, FAIL, second, APPLIED, PASS, DONE)
    assert course.over
    assert course.decisions == [first, second]


@pytest.mark.parametrize(
    ("commits", "why"),
    [
        pytest.param([OVER], "was to come first", id="another problem"),
        pytest.param([OPEN, step("opened", "opened", "other")], "is about other, not about slow-1", id="another one's"),
        pytest.param([OPENED], "is about slow-1, not about any", id="too early"),
        pytest.param([OPEN, step("decided", "scale 1 → 3")], "`scale 1 → 2` was to be decided", id="another decision"),
        pytest.param([OPEN, step("failed", "scaling +1 failed")], "and it was `carts: scaling .1 failed", id="failed"),
        pytest.param([OPEN, step("escalated", "escalated")], "`remediated` of slow-1 was to come", id="escalated"),
        pytest.param([OPEN, step("resolved", "resolved, but not healed")], "but not healed", id="unhealed"),
        pytest.param([OPEN, SCALED, FAIL], r"scale 1 → 2 was to help, and it did not", id="did not help"),
        pytest.param([OPEN, DONE], "`scale 1 → 2` was to be decided before", id="healed by itself"),
        pytest.param([OPEN, SCALED, SCALED], "nothing more was to be decided", id="one too many"),
    ],
)
def test_what_is_not_as_told(commits: list[Commit], why: str) -> None:
    *before, last = commits
    course = taken(Course(HELPS), *before)
    with pytest.raises(UnmetError, match=why):
        course.take(last, ["slow-1"])


def test_the_second_action_without_an_evaluation() -> None:
    first, second = step("decided", "scale 2 → 3"), step("decided", "switch EnableItemsCache off → on")
    with pytest.raises(UnmetError, match="came without an evaluation"):
        taken(Course(SECOND), OPEN, first, second)


def test_the_first_action_may_not_help_in_the_third_act() -> None:
    with pytest.raises(UnmetError, match="`switch EnableItemsCache off → on` was to be decided before"):
        taken(Course(SECOND), OPEN, step("decided", "scale 2 → 3"), PASS, DONE)


def test_actions_know_what_they_are_to_bring_about() -> None:
    assert Scaled(1, 2).done(Pods(2, 2, "c"))
    assert not Scaled(1, 2).done(Pods(2, 1, "c"))
    assert Switched("F", on=True).done(FlagState("F", enabled=True, commit="c"))
    assert not Switched("F", on=False).done(FlagState("F", enabled=True, commit="c"))
    assert [str(action) for act in ACTS for action in act.actions] == [
        "scale 1 → 2", "switch EnablePromotion on → off", "scale 2 → 3", "switch EnableItemsCache off → on",
    ]  # fmt: skip
    assert FLAG.on == "EnablePromotion"
