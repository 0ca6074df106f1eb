"""What each step does to a remediation: the state is the fold of the steps, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.decide.folding import POSTPONED, advance, fold, why_blank
from reconciler.decide.remediation import Approvable, Hold, OnceDue, Remediation, Waiting
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import RemediationId
from reconciler.model.step import Event, StepFile
from reconciler.model.targets import Target

NOW = Instant(1_795_000_000)
P1 = RemediationId("p1")
CALL = Target("kubernetes", "shop", "Deployment", "carts")

Told = tuple[Event, dict[str, Any]]
OPENED: Told = (
    "opened", {"problem": {"id": "p1", "occurrence": 1, "title": "It is slow", "labels": {"a": "b"}}, "entry": "slow"},
)  # fmt: skip
DECIDED: Told = ("decided", {"changes": [1]})
APPLIED: Told = ("applied", {})
HELD: Told = ("held", {"condition": "freeze", "reason": "a window is open", "lifts": "its end"})
CHANGED: Told = ("held", {"condition": "drift", "reason": "it was changed", "lifts": "retry", "target": "carts"})
ENDED: Told = ("escalated", {"reason": "no action is left"})


def at(number: int) -> Instant:
    """Return when the step with this number was made."""
    return Instant(NOW + 60 * number)


def steps(*told: Told) -> list[StepFile]:
    return [StepFile(event, 10 * number, at(number), number, data) for number, (event, data) in enumerate(told, 1)]


def folded(*told: Told) -> Remediation:
    return fold(P1, steps(*told))


def wait(minutes: int) -> dict[str, Any]:
    until = format_instant(Instant(NOW + 60 * minutes))
    return {"until": until, "window": {"start": format_instant(NOW), "end": until}}


def waiting(minutes: int) -> Waiting:
    until = Instant(NOW + 60 * minutes)
    return Waiting(until, NOW, until)


def evaluated(result: str, then: str, **more: Any) -> Told:
    return ("evaluated", {"evaluation": {"result": result}, "next": then, **more})


# every step


def test_every_step_counts_and_the_first_one_opens() -> None:
    state = folded(OPENED, HELD, ("released", {"command": "a.yaml"}), ("held", {"command": "b.yaml"}))
    assert (state.number, state.sequence, state.opened_by, state.moved_at) == (4, 40, 10, at(4))
    assert state.answered == {"a.yaml", "b.yaml"}


def test_what_is_pinned_stays_until_it_is_pinned_anew() -> None:
    pins = {"entry": "slow", "actions": [{"action": "restart"}], "pinned": ["carts/slo.yaml@abc"]}
    state = folded(("opened", {**OPENED[1], **pins}), APPLIED)
    assert (state.entry, state.actions, state.pinned) == ("slow", ({"action": "restart"},), ("carts/slo.yaml@abc",))
    assert (state.labels, state.title) == ({"a": "b"}, "It is slow")
    anew = advance(state, StepFile("reopened", 30, at(3), 3, {"entry": "other"}))
    assert (anew.entry, anew.actions, anew.pinned, anew.labels) == ("other", (), (), {"a": "b"})


def test_a_problem_that_joins_does_not_change_what_it_is_known_by() -> None:
    more = {"problem": {"id": "p2", "occurrence": 3, "title": "It is slower", "file": "p2.yaml@abc"}}
    state = folded(OPENED, ("attached", more))
    assert [(each.id, each.occurrence, each.file) for each in state.problems] == [
        ("p1", 1, ""), ("p2", 3, "p2.yaml@abc"),
    ]  # fmt: skip
    assert state.title == "It is slow"
    again = advance(state, steps(("opened", {"problem": {"id": "p2", "occurrence": 4, "title": ""}}))[0])
    assert [(each.id, each.occurrence) for each in again.problems] == [("p1", 1), ("p2", 4)]


def test_it_came_when_it_was_first_reported_and_the_action_could_be_decided_from_then_on() -> None:
    state = folded(("opened", {"reported": format_instant(NOW)}), ("held", {"reported": format_instant(at(9))}))
    assert (state.reported, state.since) == (NOW, at(9))


def test_why_it_ended_or_failed_is_known_and_nothing_elses_reason() -> None:
    assert folded(OPENED, ENDED).reason == "no action is left"
    assert folded(OPENED, DECIDED, ("failed", {"reason": "forbidden", "next": "action"})).reason == "forbidden"
    assert folded(OPENED, HELD).reason == ""
    assert folded(OPENED, ENDED, ("resolved", {})).reason == ""


# what changed and is not yet seen


def test_what_is_decided_is_pending_until_it_is_seen() -> None:
    state = folded(OPENED, DECIDED)
    assert (state.pending, state.pending_from, state.decided_at) == (True, 20, at(2))
    assert state.decisions == ((2, at(2)),)
    assert (state.phase, state.begun) == ("decided", True)
    seen = folded(OPENED, DECIDED, ("applied", wait(10)))
    assert (seen.pending, seen.phase, seen.applied_at, seen.waiting) == (False, "applied", at(3), waiting(10))


def test_what_is_pending_is_so_from_the_first_of_several_changes() -> None:
    state = folded(OPENED, DECIDED, ("drift", {"changes": [1]}))
    assert (state.pending_from, state.decided_at, state.repairs) == (20, at(3), (at(3),))
    anew = folded(OPENED, DECIDED, APPLIED, ("drift", {"changes": [1]}))
    assert (anew.pending_from, anew.decisions) == (40, ((2, at(2)),))


def test_what_is_lowered_to_a_bound_is_no_action() -> None:
    state = folded(OPENED, DECIDED, ("applied", wait(10)), ("decided", {"bound": 3, "changes": [1]}))
    assert (state.pending, state.decisions, state.repairs) == (True, ((2, at(2)),), ())
    assert (state.phase, state.waiting, state.postponed) == ("decided", None, 1)


def test_what_is_done_once_is_awaited_until_it_is_seen() -> None:
    once = {"target": str(CALL), "field": "restartedAt", "value": "now", "payload": {"a": "b"}}
    state = folded(OPENED, ("decided", {"once": [once]}))
    assert (state.pending, state.once) == (True, (OnceDue(CALL, "restartedAt", "now", 20, {"a": "b"}),))
    assert folded(OPENED, ("decided", {"once": [once]}), ("drift", {"changes": [1]})).once == state.once
    assert folded(OPENED, ("decided", {"once": [once]}), APPLIED).once == ()


def test_a_failure_to_give_back_ends_what_is_pending_and_another_one_does_not() -> None:
    back = folded(OPENED, DECIDED, APPLIED, ("escalated", {"changes": [1]}))
    assert (back.pending, back.phase) == (True, "ended")
    assert not advance(back, steps(("failed", {"effect": "carts"}))[0]).pending
    assert advance(back, steps(("failed", {"next": "action"}))[0]).pending


def test_a_failed_effect_is_the_actions_only_while_that_is_decided() -> None:
    failed: Told = ("failed", {"effect": "carts", "next": "action"})
    assert (folded(OPENED, DECIDED, failed).index, folded(OPENED, DECIDED, APPLIED, failed).index) == (1, 0)
    assert folded(OPENED, DECIDED, APPLIED, failed).phase == "applied"


def test_decisions_that_somebody_took_out_of_the_tree_still_count() -> None:
    gone = {"gone": [{"step": 3, "now": format_instant(at(3))}, {"step": 2, "now": format_instant(at(2))}]}
    assert folded(OPENED, ("reverted", gone)).decisions == ((2, at(2)), (3, at(3)))


# when it is looked at again


def test_a_repair_lets_the_wait_begin_anew_a_few_times_at_most() -> None:
    repaired: list[Told] = [("drift", {"changes": [1]}), ("applied", wait(10))]
    state = folded(OPENED, DECIDED, ("applied", wait(5)), *repaired * POSTPONED)
    assert (state.postponed, state.phase, state.waiting) == (POSTPONED, "applied", waiting(10))
    last = folded(OPENED, DECIDED, ("applied", wait(5)), *repaired * POSTPONED, ("drift", {"changes": [1]}))
    assert (last.postponed, last.phase, last.waiting) == (POSTPONED, "decided", waiting(10))


def test_a_repair_of_what_has_not_taken_effect_changes_no_wait() -> None:
    state = folded(OPENED, DECIDED, ("drift", {"changes": [1]}))
    assert (state.phase, state.postponed) == ("decided", 0)
    held = folded(OPENED, HELD, ("drift", {"changes": [1]}))
    assert (held.phase, held.postponed) == ("held", 0)


def test_looks_that_passed_and_that_had_no_data_are_counted_apart() -> None:
    begun: tuple[Told, ...] = (OPENED, DECIDED, ("applied", wait(5)))
    blank, bare = evaluated("no data", "again", **wait(9)), evaluated("pass", "again", unmeasured=True, **wait(9))
    passed = evaluated("pass", "again", **wait(9))
    for said, counts in (
        ((blank,), (0, 1)), ((blank, blank), (0, 2)), ((bare,), (0, 1)), ((passed,), (1, 0)),
        ((blank, passed), (1, 0)), ((passed, blank), (1, 1)), ((passed, passed), (2, 0)),
    ):  # fmt: skip
        state = folded(*begun, *said)
        assert (state.passed, state.unmeasured) == counts, said
        assert (state.phase, state.waiting) == ("applied", waiting(9))


def test_why_there_were_no_values_is_what_the_first_missing_one_says() -> None:
    said = ("a", 1.0, "slow answer"), ("b", None, ""), ("c", None, "no answer"), ("d", None, "nothing")
    values = [{"sli": sli, "value": value, "message": message} for sli, value, message in said]
    told = {"message": "no value for `b`", "indicators": values}
    assert why_blank({"evaluation": {"result": "no data", **told}}) == "c: no answer"
    assert why_blank({"evaluation": {"result": "warning", **told}, "unmeasured": True}) == "c: no answer"
    assert why_blank({"evaluation": {"result": "no data", **told, "indicators": values[:2]}}) == "no value for `b`"
    assert why_blank({"evaluation": {"result": "pass", **told}}) == ""


@pytest.mark.parametrize(
    ("result", "then", "unmeasured", "healed"),
    [
        ("pass", "remediated", False, True), ("warning", "remediated", False, True), ("pass", "again", False, True),
        ("pass", "escalated", False, True), ("fail", "escalated", False, False), ("pass", "remediated", True, False),
        ("pass", "action", False, False), ("no data", "again", False, False),
    ],
)  # fmt: skip
def test_it_is_healed_where_an_evaluation_passed_and_counts(
    result: str, then: str, unmeasured: bool, healed: bool
) -> None:
    assert not folded(OPENED).healed
    more: Mapping[str, Any] = {**wait(9), **({"unmeasured": True} if unmeasured else {})}
    state = folded(OPENED, DECIDED, APPLIED, evaluated(result, then, **more))
    assert (state.healed, state.result, state.then) == (healed, result, then)


def test_an_evaluation_that_says_how_it_ends_waits_for_nothing() -> None:
    state = folded(OPENED, DECIDED, ("applied", wait(5)), evaluated("pass", "remediated"))
    assert (state.phase, state.waiting) == ("evaluated", None)


@pytest.mark.parametrize(
    ("then", "phase", "index", "tries"),
    [("retry", "opened", 0, 2), ("action", "opened", 1, 0), ("none", "failed", 0, 1)],
)
def test_what_did_not_help_is_tried_again_or_followed_by_the_next(
    then: str, phase: str, index: int, tries: int
) -> None:
    applied: Told = ("applied", wait(5))
    begun = (OPENED, DECIDED, applied, evaluated("fail", "retry"), DECIDED, applied)
    state = folded(*begun, evaluated("fail", then, late=45))
    assert (state.phase, state.index, state.tries) == (phase, index, tries)
    assert (state.since, state.waiting, state.hold, state.approved) == (at(7) - 45, None, None, None)
    assert folded(*begun, evaluated("fail", then)).since == at(7)


# held and released


def test_what_is_held_once_more_goes_back_to_where_it_first_was() -> None:
    state = folded(OPENED, DECIDED, ("applied", wait(5)), HELD, HELD)
    assert state.hold == Hold("freeze", "a window is open", "its end", "applied", 5)
    assert folded(OPENED, DECIDED, ("applied", wait(5)), HELD, HELD, ("released", {})).phase == "applied"
    assert folded(OPENED, HELD, ("released", {}), DECIDED, HELD).stands_at == "decided"


def test_what_was_refused_and_is_held_is_where_it_would_be_if_it_had_been_readable() -> None:
    state = folded(("refused", {"offence": "carts/slo.yaml@abc"}), HELD)
    assert (state.offence, state.stands_at) == ("", "opened")
    assert folded(("refused", {"offence": "carts/slo.yaml@abc"})).offence == "carts/slo.yaml@abc"


def test_what_was_held_and_refused_is_not_where_it_was_held() -> None:
    state = folded(OPENED, DECIDED, HELD, ("refused", {"offence": "carts/slo.yaml@abc"}), HELD)
    assert state.stands_at == "opened"


def test_where_what_we_hold_was_changed_its_wait_is_over() -> None:
    assert folded(OPENED, DECIDED, ("applied", wait(5)), CHANGED).waiting is None
    assert folded(OPENED, DECIDED, ("applied", wait(5)), HELD).waiting == waiting(5)
    back = folded(OPENED, DECIDED, ("applied", wait(5)), CHANGED, ("released", wait(9)))
    assert (back.phase, back.waiting, back.hold) == ("applied", waiting(9), None)
    again = folded(OPENED, DECIDED, ("applied", wait(5)), CHANGED, ("released", {"changes": [1]}))
    assert (again.phase, again.pending) == ("decided", True)


PROPOSAL = {"effect": "scale 1 → 2", "expires": format_instant(at(9))}
ASKED: Told = ("held", {"condition": "approval", "reason": "r", "lifts": "l", "proposal": PROPOSAL})


def test_what_a_person_approved_counts_for_the_action_in_hand() -> None:
    state = folded(OPENED, ASKED, ("released", {"approved": True}))
    assert state.approved == Approvable("scale 1 → 2", at(9), PROPOSAL)
    assert folded(OPENED, ASKED, ("released", {})).approved is None
    yes: Told = ("released", {"approved": True})
    assert folded(OPENED, ASKED, yes, HELD).approved == state.approved, "it counts beyond another hold"
    assert folded(OPENED, ASKED, yes, HELD, ("released", {})).approved == state.approved
    assert folded(OPENED, ASKED, yes, ASKED).approved is None, "something else is asked for"
    assert folded(OPENED, ASKED, yes, DECIDED).approved is None
    assert folded(OPENED, HELD, yes).approved is None, "nothing was proposed"


def test_what_a_person_insists_upon_counts_until_it_is_decided() -> None:
    state = folded(OPENED, HELD, ("released", {"command": "a.yaml", "insisted": True}))
    assert (state.insisted, state.asked, state.since) == (True, False, at(3))
    more = folded(OPENED, HELD, ("released", {"insisted": True}), HELD, ("released", {"asked": True}))
    assert (more.insisted, more.asked, more.since) == (True, True, None)
    done = folded(OPENED, HELD, ("released", {"insisted": True, "asked": True}), DECIDED)
    assert (done.insisted, done.asked) == (False, False)
