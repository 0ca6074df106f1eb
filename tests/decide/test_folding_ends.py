"""The end of a remediation as its steps tell it, and what may follow the end."""

from __future__ import annotations

from reconciler.decide.folding import advance
from tests.decide.test_folding import (
    APPLIED,
    CALL,
    DECIDED,
    ENDED,
    HELD,
    OPENED,
    Told,
    at,
    evaluated,
    folded,
    steps,
    wait,
)


def test_its_end_is_the_first_one_and_names_the_problems_that_are_over() -> None:
    state = folded(OPENED, DECIDED, ("applied", wait(5)), ("remediated", {"resolved": ["p1"]}))
    assert (state.phase, state.outcome, state.ended_at, state.waiting) == ("ended", "remediated", at(4), None)
    assert [each.resolved for each in state.problems] == [True]
    later = folded(OPENED, ENDED, ("resolved", {"resolved": ["p1"]}))
    assert (later.outcome, later.ended_at) == ("escalated", at(2)), "it ends only once"
    assert [each.resolved for each in later.problems] == [True]
    assert folded(OPENED, ENDED, ("reverted", {})).outcome == "reverted"
    assert folded(OPENED, ("resolved", {})).outcome == "resolved"
    assert folded(OPENED, ("resolved", {"resolved": ["p9"]})).problems[0].resolved is False


def test_at_its_end_what_is_done_once_is_awaited_no_longer_and_what_is_held_is() -> None:
    once = {"target": str(CALL), "field": "restartedAt", "value": "now"}
    assert folded(OPENED, DECIDED, ENDED).pending
    assert not folded(OPENED, ("decided", {"once": [once]}), ENDED).pending
    assert folded(OPENED, ("decided", {"once": [once]}), ("reverted", {"changes": [1]})).pending


def test_nothing_but_a_few_steps_moves_what_has_ended() -> None:
    for moved in (HELD, ("released", {}), DECIDED, ("refused", {"offence": "x"}), ("unmatched", {}), ENDED):
        assert folded(OPENED, ("resolved", {}), moved).outcome == "resolved", moved
        assert folded(OPENED, ("resolved", {}), moved).phase == "ended", moved
    assert folded(OPENED, ("orphaned", {}), ("refused", {"offence": "x"})).phase == "refused"
    assert folded(OPENED, ("orphaned", {}), ("unmatched", {})).outcome == "unmatched"
    assert folded(OPENED, ("orphaned", {}), ("reopened", {})).outcome is None


def test_what_begins_again_begins_with_the_first_action_and_keeps_what_is_on_its_way() -> None:
    applied: Told = ("applied", wait(5))
    acted = (OPENED, DECIDED, applied, evaluated("fail", "action"), DECIDED)
    state = folded(*acted, ("aborted", {"reason": "r"}), ("reopened", {"command": "a.yaml"}))
    assert (state.phase, state.outcome, state.index, state.tries, state.begun) == ("opened", None, 0, 0, False)
    assert (state.asked, state.since, state.ended_at, state.reason) == (True, at(7), None, "")
    assert (state.pending, state.decided_at) == (True, at(5))
    assert (state.applied_at, state.waiting, state.then, state.result) == (None, None, "", "")
    looked = folded(OPENED, DECIDED, applied, evaluated("pass", "again", **wait(9)), evaluated("no data", "again"))
    assert (looked.passed, looked.unmeasured) == (1, 1)
    anew = advance(advance(looked, steps(ENDED)[0]), steps(("reopened", {}))[0])
    assert (anew.passed, anew.unmeasured, anew.healed, anew.then, anew.result) == (0, 0, False, "", "")
    healed = folded(OPENED, DECIDED, applied, evaluated("pass", "remediated"), ENDED, ("reopened", {}))
    assert not healed.healed
    said: Told = ("released", {"insisted": True})
    assert not folded(OPENED, HELD, said, ("aborted", {}), ("reopened", {})).insisted
    by_itself = folded(OPENED, DECIDED, APPLIED, ("orphaned", {}), ("reopened", {}))
    assert (by_itself.asked, by_itself.since, by_itself.decided_at) == (False, None, None)


def test_what_a_person_insisted_upon_was_about_the_action_that_failed() -> None:
    said: Told = ("released", {"insisted": True, "asked": True})
    state = folded(OPENED, HELD, said, ("failed", {"reason": "forbidden", "next": "action"}))
    assert (state.index, state.insisted, state.asked) == (1, False, False)
