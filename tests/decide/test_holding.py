"""A hold is told once, and once more where something else is proposed than a person is asked for."""

from __future__ import annotations

import pytest

from reconciler.decide.actions.protocol import Wait
from reconciler.decide.holding import held_note, is_new
from reconciler.decide.remediation import Approvable, Hold
from reconciler.model.instant import Instant

ASKED = {"effect": "abc", "expires": "2026-11-18T12:00:00Z", "subject": "scale 1 → 2"}


def hold(proposal: Approvable | None) -> Hold:
    return Hold("approval", "a person has to say", "`reconciler approve`", "opened", 2, "", proposal)


def wait(**more: str) -> Wait:
    return Wait("approval", "a person has to say", "`reconciler approve`", {**ASKED, **more}, "Proposed.\n")


@pytest.mark.parametrize(
    ("more", "new"),
    [({}, False), ({"subject": "a"}, False), ({"effect": "abd"}, True), ({"expires": "2026-11-19T00:00:00Z"}, True)],
)  # fmt: skip
def test_what_is_proposed_is_new_where_the_effect_or_its_time_is_another(more: dict[str, str], new: bool) -> None:
    assert is_new(hold(Approvable("abc", Instant(1), ASKED)), wait(**more)) is new


def test_what_is_proposed_for_the_first_time_is_new_and_what_proposes_nothing_is_not() -> None:
    nothing = Wait("freeze", "a window is open", "its end")
    assert is_new(hold(None), wait()) is True
    assert is_new(hold(None), nothing) is False
    assert is_new(hold(Approvable("abc", Instant(1), ASKED)), nothing) is False


def test_what_is_proposed_stands_in_the_step_and_is_told_first() -> None:
    note = held_note(wait(), "slow", "It came.\n", {"entry": "slow"})
    assert note.data == {
        "entry": "slow", "condition": "approval", "reason": "a person has to say", "lifts": "`reconciler approve`",
        "proposal": ASKED,
    }  # fmt: skip
    told = "It came.\nProposed.\nIt waits (approval): a person has to say.\nLifted by: `reconciler approve`."
    assert (note.event, note.subject, note.body) == ("held", "held: approval (slow)", told)
    assert "proposal" not in (held_note(Wait("freeze", "open", "its end"), "slow").data or {})
