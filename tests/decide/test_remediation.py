"""What a remediation's state says of itself: how it is known, where it stands, what it still waits to see."""

from __future__ import annotations

import dataclasses

import pytest

from reconciler.decide.remediation import Approvable, Attached, Hold, Phase, Remediation
from reconciler.model.instant import Instant
from reconciler.model.names import ProblemId, RemediationId

P1 = RemediationId("p1")
NOW = Instant(1_795_000_000)
DRIFT = Hold("drift", "it was changed", "it being as it was", "applied", 4, "carts-primary")
FREEZE = Hold("freeze", "a window is open", "its end", "opened", 2)


def test_before_its_first_step_nothing_is_known_of_it() -> None:
    known = {field.name: getattr(Remediation(P1), field.name) for field in dataclasses.fields(Remediation)}
    assert known.pop("id") == "p1"
    assert known.pop("phase") == "opened"
    assert (known.pop("labels"), known.pop("answered")) == ({}, frozenset())
    for name in ("number", "index", "pending_from", "passed", "unmeasured", "tries", "postponed", "opened_by"):
        assert known.pop(name) == 0, name
    assert (known.pop("sequence"), known.pop("moved_at")) == (0, 0)
    assert [value for value in known.values() if value not in (None, "", (), False)] == []
    assert Attached(ProblemId("p1"), 1, "slow").resolved is False


def test_it_is_known_by_its_title_else_its_entry_else_its_problem() -> None:
    problems = (Attached(ProblemId("p7"), 1, ""),)
    assert Remediation(P1, title="It is slow", entry="slow", problems=problems).about == "It is slow"
    assert Remediation(P1, entry="slow", problems=problems).about == "slow"
    assert Remediation(P1, problems=problems).about == "p7"
    assert Remediation(P1).about == "p1"


@pytest.mark.parametrize(("sequence", "awaited"), [(6, False), (7, True), (8, True)])
def test_what_its_newest_changes_did_is_awaited_while_it_is_pending(sequence: int, awaited: bool) -> None:
    assert Remediation(P1, pending=True, pending_from=7).awaits(sequence) is awaited
    assert not Remediation(P1, pending=False, pending_from=7).awaits(sequence)


def test_one_that_is_held_stands_where_it_was_held() -> None:
    assert Remediation(P1, phase="held", hold=DRIFT).stands_at == "applied"
    assert Remediation(P1, phase="decided", hold=DRIFT).stands_at == "decided"
    assert Remediation(P1, phase="held").stands_at == "held"


def test_an_action_is_taking_effect_until_it_was_seen_once() -> None:
    decided = Remediation(P1, phase="decided", pending=True)
    assert decided.taking_effect
    assert not dataclasses.replace(decided, applied_at=NOW).taking_effect
    assert not dataclasses.replace(decided, pending=False).taking_effect
    assert not dataclasses.replace(decided, phase="applied").taking_effect


@pytest.mark.parametrize(
    ("phase", "applied_at", "hold", "judged"),
    [
        ("applied", NOW, None, True), ("decided", NOW, None, True), ("decided", None, None, False),
        ("opened", NOW, None, False), ("evaluated", None, None, True), ("evaluated", NOW, None, True),
        ("held", NOW, DRIFT, False), ("held", NOW, FREEZE, False),
        ("held", NOW, dataclasses.replace(DRIFT, target=""), True),
    ],
)  # fmt: skip
def test_it_is_judged_by_the_objectives_once_its_action_took_effect(
    phase: Phase, applied_at: Instant | None, hold: Hold | None, judged: bool
) -> None:
    assert Remediation(P1, phase=phase, applied_at=applied_at, hold=hold).is_judged is judged


def test_it_is_acting_from_its_first_decision_to_its_end() -> None:
    assert not Remediation(P1).acting
    assert Remediation(P1, decided_at=NOW).acting
    assert not Remediation(P1, decided_at=NOW, phase="ended").acting


def test_what_has_no_name_covers_nothing() -> None:
    assert Approvable("scale 1 → 2").covers("scale 1 → 2")
    assert not Approvable("scale 1 → 2").covers("scale 1 → 3")
    assert not Approvable("").covers("")
