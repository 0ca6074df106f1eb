"""Claims: what they make of a base within bounds, and what is left when some of them are taken back."""

from __future__ import annotations

import pytest

from reconciler.decide.actions.protocol import Wish
from reconciler.decide.claims import (
    Dropping,
    finished,
    fitted,
    label,
    live_value,
    mark_of,
    settle,
    show,
    standing,
    want_of,
    with_wish,
    without_claims,
)  # fmt: skip
from reconciler.model.desired import Claim, Held, Key
from reconciler.model.names import RemediationId
from reconciler.model.policy import Bounds
from reconciler.model.targets import (
    ENDPOINTS,
    FieldValue,
    Mark,
    NoFact,
    RouteFact,
    Target,
    WantFlag,
    WantRoute,
    WantWorkload,
    WorkloadFact,
)  # fmt: skip
from tests.decide.actions.acting import DEPLOYMENT, MARK, SCALER, SPACE, VIRTUAL_SERVICE

P1, P2 = RemediationId("p1"), RemediationId("p2")
REPLICAS: Key = (DEPLOYMENT, "replicas")
FLAG: Key = (Target("flags", "default/production", "Flag", "A"), "enabled")
WIDE = Bounds(1, 20)


def by(amount: int, remediation: RemediationId = P1, step: int = 2) -> Claim:
    return Claim(remediation, step, step, by=amount)


def to(value: FieldValue, remediation: RemediationId = P1, step: int = 2) -> Claim:
    return Claim(remediation, step, step, set=value)


# what claims make of a base


@pytest.mark.parametrize(
    ("base", "claims", "least", "most", "value", "left"),
    [
        (1, (by(1), by(2)), 1, 9, 4, (1, 2)),
        (1, (by(1), by(-1)), 1, 9, 1, (1, -1)),
        (1, (by(2), by(2), by(2)), 1, 6, 6, (2, 2, 1)),  # the newest gives way first
        (1, (by(2), by(2), by(2)), 1, 2, 2, (1, 0, 0)),  # and then the one before it
        (1, (by(2), by(0)), 1, 2, 2, (1, 0)),  # what has given way already has nothing more to give
        (1, (by(5), by(-1)), 1, 3, 3, (3, -1)),  # what lowers does not give way to a bound above
        (5, (by(-3), by(2), by(-3)), 2, 9, 2, (-3, 2, -2)),  # nor what raises to one below
        (5, (by(1),), 1, 3, 5, (0,)),  # no bound pushes beyond the base
        (1, (by(-1),), 3, 9, 1, (0,)),
        (1, (by(3),), None, None, 1, (0,)),  # without bounds nothing is added to what is there
        (1, (by(2), to(4), by(3)), 1, 9, 7, (2, 4, 3)),  # what is set counts, and what was added after it
        (1, (by(2), to(4), by(3)), 1, 5, 5, (2, 4, 1)),
        (1, (to(9), by(2)), 1, 5, 5, (5, 0)),
        (1, (to(0),), 1, 5, 1, (1,)),
        (0, (to(0), by(2)), 0, 5, 2, (0, 2)),
    ],
)
def test_the_value_is_the_base_and_what_was_added_within_bounds(
    base: int, claims: tuple[Claim, ...], least: int | None, most: int | None, value: int, left: tuple[int, ...]
) -> None:
    found, after = fitted(base, claims, Bounds(least, most))
    assert (found, tuple(each.by if each.set is None else each.set for each in after)) == (value, left)


def test_a_switch_is_as_the_newest_claim_sets_it() -> None:
    assert fitted(False, (to(True), to(False)), WIDE)[0] is False
    assert fitted(True, (), WIDE)[0] is True
    assert fitted("", (to("503 50%"),), WIDE)[0] == "503 50%"


def test_the_next_claim_is_made_on_what_is_held_whatever_stands_there() -> None:
    held = Held(1, 4, 7, P1, (by(3),))
    assert standing(held, 9) == (1, 4)
    assert standing(None, 9) == (9, 9)


def test_the_next_claim_is_made_on_what_is_being_given_back_unless_somebody_changed_it() -> None:
    back = Held(1, 1, 8, P1, (), None, 4)
    assert standing(back, 4) == (1, 1)
    assert standing(back, 1) == (1, 1)
    assert standing(back, 9) == (9, 9)


def test_a_first_claim_changes_the_value_and_a_second_of_the_same_only_joins() -> None:
    target, field = FLAG
    wish = Wish(target, field, base=False, before=False, set=True)
    once = with_wish({}, wish, to(True), WIDE)
    assert once == {FLAG: Held(False, True, 2, P1, (to(True),))}
    twice = with_wish(once, wish, to(True, P2, 5), WIDE)
    assert twice == {FLAG: Held(False, True, 2, P1, (to(True), to(True, P2, 5)))}
    stays = Wish(target, field, base=True, before=True, set=True)
    assert with_wish({}, stays, to(True, P2, 5), WIDE) == {FLAG: Held(True, True, 5, P2, (to(True, P2, 5),))}


def test_a_claim_on_what_is_being_given_back_begins_anew() -> None:
    back = {REPLICAS: Held(1, 1, 8, P1, (), None, 4)}
    wish = Wish(DEPLOYMENT, "replicas", base=1, before=1, by=2)
    assert with_wish(back, wish, by(2, P2, 9), WIDE) == {REPLICAS: Held(1, 3, 9, P2, (by(2, P2, 9),))}


# what is left when some are taken back


def test_kept_its_part_moves_into_the_base_while_others_hold() -> None:
    desired = {REPLICAS: Held(1, 6, 3, P2, (by(2), by(3, P2, 3)))}
    settled = settle(desired, Dropping(P1, "keep", WIDE, 9))
    assert settled.desired == {REPLICAS: Held(3, 6, 3, P2, (by(3, P2, 3),))}
    assert settled.told == ("carts-primary stays 6; other claims hold it.",)
    assert settled.data == {}


def test_kept_what_it_set_beside_another_that_sets_the_same_leaves_the_base() -> None:
    desired = {REPLICAS: Held(1, 4, 3, P1, (to(4), to(4, P2, 3)))}
    settled = settle(desired, Dropping(P1, "keep", WIDE, 9))
    assert settled.desired == {REPLICAS: Held(1, 4, 3, P1, (to(4, P2, 3),))}


def test_taken_back_beside_another_that_sets_the_same_it_stays() -> None:
    desired = {FLAG: Held(False, True, 3, P1, (to(True), to(True, P2, 3)))}
    settled = settle(desired, Dropping(P1, "revert", WIDE, 9))
    assert settled.desired == {FLAG: Held(False, True, 3, P1, (to(True, P2, 3),))}
    assert settled.told == ("Flag A stays on; other claims hold it.",)
    assert settled.changes == ()


def test_taken_back_beside_another_the_value_is_what_is_left() -> None:
    desired = {REPLICAS: Held(1, 6, 3, P2, (by(2), by(3, P2, 3)))}
    settled = settle(desired, Dropping(P1, "revert", WIDE, 9))
    assert settled.desired == {REPLICAS: Held(1, 4, 9, P1, (by(3, P2, 3),))}
    assert settled.told == ("carts-primary 6 → 4; other claims hold it.",)
    assert settled.changes == ({"target": str(DEPLOYMENT), "field": "replicas", "before": 6, "value": 4},)


def test_the_last_one_taken_back_gives_the_base_back() -> None:
    desired = {REPLICAS: Held(1, 3, 3, P1, (by(2),)), FLAG: Held(True, True, 3, P1, (to(True),))}
    settled = settle(desired, Dropping(P1, "revert", WIDE, 9))
    assert settled.desired == {
        REPLICAS: Held(1, 1, 9, P1, (), None, 3),
        FLAG: Held(True, True, 9, P1, (), None, True),
    }
    assert settled.told == ("Flag A stays on, as it was before.", "carts-primary 3 → 1, as it was before.")


def test_only_what_came_from_a_step_on_is_taken_back() -> None:
    desired = {REPLICAS: Held(1, 6, 6, P1, (by(2, step=2), by(3, step=6)))}
    settled = settle(desired, Dropping(P1, "revert", WIDE, 9, from_step=6))
    assert settled.desired == {REPLICAS: Held(1, 3, 9, P1, (by(2, step=2),))}


def test_what_never_came_to_be_is_dropped_without_writing() -> None:
    twice = Held(1, 6, 6, P1, (by(2, step=2), by(3, step=6)))
    desired = {REPLICAS: twice, FLAG: Held(False, True, 6, P1, (to(True, step=6),))}
    left = without_claims(desired, (REPLICAS, FLAG), Dropping(P1, "revert", WIDE, 9, from_step=6))
    assert left == {REPLICAS: Held(1, 3, 6, P1, (by(2, step=2),))}


# what is seen of a field


def test_where_an_autoscaler_is_claimed_its_mark_and_minimum_count_and_else_the_workloads_own() -> None:
    own = Mark("sockshop/production/carts", 2, "abc")
    fact = WorkloadFact(DEPLOYMENT, 3, 3, settled=True, mark=own, autoscaler=SCALER)
    scaler: Key = (SCALER.target, "minReplicas")
    assert (mark_of(scaler, fact), live_value(scaler, fact)) == (MARK, 1)
    assert (mark_of(REPLICAS, fact), live_value(REPLICAS, fact)) == (own, 3)
    assert live_value(scaler, WorkloadFact(DEPLOYMENT, 3, 3, settled=True)) is None
    assert mark_of(REPLICAS, NoFact("blind", "no answer")) is None


def test_of_a_route_a_field_is_its_fault_and_empty_where_there_is_none() -> None:
    fact = RouteFact(VIRTUAL_SERVICE, (("abort", "503 50%"),), MARK)
    assert live_value((VIRTUAL_SERVICE, "abort"), fact) == "503 50%"
    assert live_value((VIRTUAL_SERVICE, "delay"), fact) == ""
    assert mark_of((VIRTUAL_SERVICE, "delay"), fact) == MARK


def test_what_is_asked_for_to_see_a_field() -> None:
    assert want_of((VIRTUAL_SERVICE, "abort"), Held("", "503", 2, P1)) == WantRoute("kubernetes", SPACE, ("carts",))
    assert want_of(FLAG, Held(False, True, 2, P1)) == WantFlag("flags", "default", "production", "A")
    through = Held(1, 2, 2, P1, (), DEPLOYMENT)
    want = WantWorkload("kubernetes", SPACE, "Deployment", ("carts-primary",))
    assert want_of((SCALER.target, "minReplicas"), through) == want


# how it is told


def test_how_a_field_and_its_value_are_spoken_of() -> None:
    assert [label(key) for key in (REPLICAS, FLAG, (SCALER.target, "minReplicas"))] == [
        "carts-primary", "flag A", "carts minReplicas",
    ]  # fmt: skip
    assert [show(value) for value in (True, False, 3, "", "503 50%")] == ["on", "off", "3", "none", "503 50%"]


def test_what_was_done_once_is_told_by_what_it_was() -> None:
    assert finished((DEPLOYMENT, "restartedAt"), "2026-11-18T06:26:40Z") == "carts-primary was restarted."
    assert finished((DEPLOYMENT, "revision"), "r1") == "carts-primary runs r1 again."
    assert finished((Target(ENDPOINTS, "", "Endpoint", "runbooks"), "call"), "k") == "Endpoint runbooks has answered."
    assert finished(REPLICAS, 3) == "carts-primary is 3."
