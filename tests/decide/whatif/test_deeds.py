"""What a side would do, in words, and in which way two sides differ."""

from __future__ import annotations

import pytest

from reconciler.decide.actions.protocol import Escalation, Failure, Plan, Wait
from reconciler.decide.whatif.difference import NOT_RECORDED, Deed, Effect, Kind, compared, deed_of
from tests.decide.actions.acting import DEPLOYMENT
from tests.decide.test_claims import FLAG

UP = Effect((DEPLOYMENT, "replicas"), 1, 2)
MORE = Effect((DEPLOYMENT, "replicas"), 1, 3)
ON = Effect(FLAG, False, True)
ONCE = Effect((DEPLOYMENT, "restartedAt"), "", "now", once=True)
ACTS = Deed("acts", "scaling +1", effects=(UP,))
WAITS = Deed("waits", "scaling +1", "a window is open", condition="freeze")
FAILS = Deed("fails", "scaling +1", "it is at the bound")
UNKNOWN = Deed("unknown", "scaling +1")
CALLS = Deed("escalates", "scaling +1", "the loop guard")
NOTHING = Deed("nothing")


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (ACTS, "`scaling +1` (carts-primary 1 → 2)"), (Deed("nothing", reason="no entry"), "no entry"),
        (FAILS, "`scaling +1` fails: it is at the bound"),
        (CALLS, "a person is called: the loop guard"), (WAITS, "`scaling +1` waits for freeze: a window is open"),
        (UNKNOWN, f"`scaling +1` ({NOT_RECORDED})"), (NOTHING, "nothing is done"),
        (Deed("acts", "restart", effects=(ONCE,)), "`restart` (carts-primary restartedAt)"),
    ],
)  # fmt: skip
def test_a_deed_in_one_line(deed: Deed, told: str) -> None:
    assert str(deed) == told


@pytest.mark.parametrize(
    ("base", "head", "kind"),
    [
        (ACTS, ACTS, None), (WAITS, Deed("waits", "scaling +1", "in other words", condition="freeze"), None),
        (NOTHING, NOTHING, None), (NOTHING, Deed("nothing", reason="no entry"), "action"), (ACTS, NOTHING, "action"),
        (NOTHING, ACTS, "action"), (ACTS, Deed("acts", "scaling +2", effects=(UP,)), "action"),
        (ACTS, Deed("acts", "scaling +1", effects=(MORE,)), "bound"), (ACTS, FAILS, "bound"), (FAILS, ACTS, "bound"),
        (ACTS, Deed("acts", "scaling +1", effects=(ON,)), "action"), (ACTS, WAITS, "held"), (WAITS, ACTS, "held"),
        (CALLS, FAILS, "held"), (FAILS, CALLS, "held"), (WAITS, UNKNOWN, "held"), (ACTS, UNKNOWN, "action"),
        (UNKNOWN, FAILS, "action"), (WAITS, Deed("waits", "scaling +1", "", condition="budget"), "held"),
    ],
)  # fmt: skip
def test_in_which_way_two_deeds_differ(base: Deed, head: Deed, kind: Kind | None) -> None:
    assert compared(base, head) == kind


def test_what_the_engine_answers_is_a_deed() -> None:
    assert deed_of(Plan((), "scale", "because"), "scaling +1", (UP,)) == ACTS
    assert deed_of(Failure("it is at the bound"), "scaling +1", (UP,)) == FAILS
    assert deed_of(Escalation("the loop guard"), "scaling +1", (UP,)) == CALLS
    assert deed_of(Wait("freeze", "a window is open", "its end"), "scaling +1", (UP,)) == WAITS
