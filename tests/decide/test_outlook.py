"""Remediations in a person's words: how one stands, what it waits for, and what somebody can do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.outlook import (
    awaited,
    can_be_tried_again,
    holds_claims,
    is_left_open,
    is_running,
    is_unhealed,
    listed,
    newest_about,
    next_step,
    standing,
    still_open,
    waits_for_approval,
)
from reconciler.decide.remediation import Attached, Hold, Remediation, Waiting
from reconciler.model.errors import Place, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import ProblemId, RemediationId
from reconciler.model.step import Event
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.world import World

P1 = RemediationId("p1")
UNTIL = Instant(1_795_000_600)
WAITING = Waiting(UNTIL, Instant(1_795_000_000), UNTIL)
WHEN = "2026-11-18T11:16:40Z"
BUDGET = Hold("budget", "all is used", "the hour going by", "opened", 2)
APPROVAL = Hold("approval", "a person has to say", "`reconciler approve`", "opened", 2)
DRIFT = Hold("drift", "it was changed", "it being as it was", "applied", 4, "carts-primary")
LOST = Hold("drift", "the branch was rewritten", "`reconciler retry`", "opened", 2)
RETRY = "reconciler retry --stage production --remediation p1"
APPLIED = Remediation(P1, phase="applied", waiting=WAITING)
OPEN = (Attached(ProblemId("p1"), 1, "slow"),)


def ended(outcome: Event | None, reason: str = "", then: str = "") -> Remediation:
    return Remediation(P1, phase="ended", outcome=outcome, problems=OPEN, reason=reason, then=then)


@pytest.mark.parametrize(
    ("remediation", "stands", "waits"),
    [
        (Remediation(P1), "opened", "opened"),
        (Remediation(P1, phase="decided"), "decided", "decided, and not yet seen to have taken effect"),
        (
            Remediation(P1, phase="held", hold=BUDGET),
            "held: budget", "held: budget: all is used, lifted by the hour going by",
        ),
        (APPLIED, f"waits until {WHEN} (first evaluation)", f"evaluated at {WHEN} (first evaluation)"),
        (
            replace(APPLIED, passed=1),
            f"waits until {WHEN} (looked at once more, since the problem is open)",
            f"evaluated at {WHEN} (looked at once more, since the problem is open)",
        ),
        (
            replace(APPLIED, passed=1, unmeasured=1),
            f"waits until {WHEN} (measured again for want of data)",
            f"evaluated at {WHEN} (measured again for want of data)",
        ),
        (replace(APPLIED, waiting=None), "applied", "applied, until its source resolves it"),
        (replace(APPLIED, phase="decided"), "decided", "decided, and not yet seen to have taken effect"),
        (ended("escalated"), "escalated", "ended"),
        (ended("resolved", then="resolved"), "resolved, not healed", "ended"),
        (ended(None), "ended", "ended"),
    ],
)  # fmt: skip
def test_how_it_stands_and_what_it_waits_for(remediation: Remediation, stands: str, waits: str) -> None:
    assert (standing(remediation), awaited(remediation)) == (stands, waits)


def test_it_is_not_healed_where_its_source_resolved_it_although_the_objectives_were_missed() -> None:
    assert is_unhealed(ended("resolved", then="resolved"))
    assert not is_unhealed(ended("resolved"))
    assert not is_unhealed(ended("escalated", then="resolved"))


def test_of_many_the_newest_are_listed() -> None:
    many = [Remediation(RemediationId(f"p{number}"), opened_by=number) for number in (3, 1, 2)]
    assert listed(many) == "p1 (opened), p2 (opened), p3 (opened)"
    assert listed(many, 2) == "p2 (opened), p3 (opened) and 1 older"
    six = [Remediation(RemediationId(f"p{number}"), opened_by=number) for number in range(6)]
    assert listed(six).endswith("p5 (opened) and 1 older")


@pytest.fixture
def escalated(world: World) -> World:
    """`p1` escalated while its problem is open, and holds what it did."""
    world.open("p1")
    world.tick()
    world.waited()
    assert world.remediation("p1").outcome == "escalated"
    return world


def test_a_problem_is_open_while_its_file_says_so_or_says_nothing(escalated: World) -> None:
    def is_open() -> bool:
        return still_open(escalated.view(), escalated.remediation("p1"))

    assert is_open()
    escalated.push({escalated.problem_path("p1"): "title: [\n"})
    assert is_open(), "nobody has said that it is over"
    escalated.resolve("p1")
    assert not is_open()
    escalated.delete("p1")
    assert not is_open()
    escalated.tick()
    escalated.open("p1")
    assert not is_open(), "a step has recorded its end; what is open is its next occurrence"


def test_a_problem_that_is_over_does_not_hide_another_that_is_open(world: World) -> None:
    world.open("a")
    world.open("b")
    world.tick()
    both = world.remediation("a")
    assert [each.id for each in both.problems] == ["a", "b"]
    for over in ("a", "b"):
        known = replace(both, problems=tuple(replace(each, resolved=each.id == over) for each in both.problems))
        assert still_open(world.view(), known)
        assert can_be_tried_again(world.view(), replace(known, phase="ended"))
    world.delete("a")
    assert still_open(world.view(), both)
    assert not still_open(world.view(), replace(both, problems=both.problems[:1]))


def test_what_can_be_taken_back_is_what_it_claims(escalated: World) -> None:
    escalated.playbook(playbook(entry("Response", "scaling +1"), entry("other", "featuretoggle A:on")))
    escalated.around.flags = {"A": Flag()}
    escalated.open("p3", "other")
    escalated.tick()
    view = escalated.view()
    assert len(view.desired) == 2
    assert holds_claims(view, escalated.remediation("p1"))
    assert holds_claims(view, escalated.remediation("p3"))
    assert not holds_claims(view, Remediation(RemediationId("p2")))


def test_what_can_be_tried_again(escalated: World) -> None:
    view, known = escalated.view(), escalated.remediation("p1")
    assert can_be_tried_again(view, known)
    assert not can_be_tried_again(view, replace(known, phase="opened"))
    assert not can_be_tried_again(view, replace(known, problems=(replace(OPEN[0], resolved=True),)))
    assert not can_be_tried_again(view, replace(known, problems=(replace(OPEN[0], id=ProblemId("p9")),)))
    for hold, can in ((DRIFT, True), (LOST, True), (BUDGET, False), (APPROVAL, False)):
        assert can_be_tried_again(view, Remediation(P1, phase="held", hold=hold)) is can, hold
    assert (is_running(view, known), is_running(view, Remediation(P1))) == (False, True)
    held = [Remediation(P1, phase="held", hold=hold) for hold in (APPROVAL, BUDGET)]
    assert [waits_for_approval(view, each) for each in (*held, known)] == [True, False, False]


@pytest.mark.parametrize(
    ("remediation", "next_one"),
    [
        (ended("escalated"), f"look at the service, then `{RETRY}`"),
        (ended("escalated", "no action is left"), f"no action is left; look at the service, then `{RETRY}`"),
        (ended("orphaned", "gone"), "gone; bring carts/ back, or resolve the problem"),
        (ended("remediated", "it helped"), ""),
        (Remediation(P1, phase="refused"), "mend the file that is named in its step; it is then tried again by itself"),
        (
            Remediation(P1, phase="refused", offence=f"carts/a b.yaml@{'0' * 40} carts/slo.yaml@{'1' * 40}"),
            "mend carts/a b.yaml or carts/slo.yaml; it is then tried again by itself",
        ),
        (Remediation(P1), ""),
        (Remediation(P1, phase="held", hold=BUDGET), "all is used; lifted by the hour going by"),
        (Remediation(P1, phase="held", hold=DRIFT), f"it was changed: `{RETRY}` once that is looked at"),
        (
            Remediation(P1, phase="held", hold=APPROVAL),
            "`reconciler approve --stage production --remediation p1`, or `decline`",
        ),
    ],
)
def test_what_a_person_does_about_it(escalated: World, remediation: Remediation, next_one: str) -> None:
    assert next_step("production", escalated.view(), remediation) == next_one


def test_the_line_of_a_refused_file_is_named(escalated: World) -> None:
    wrong = UserError("no such key", place=Place("carts/remediation.yaml", 3, 5))
    view = replace(escalated.view(), playbook=wrong)
    refused = Remediation(P1, phase="refused", offence=f"carts/remediation.yaml@{'0' * 40}")
    said = "mend carts/remediation.yaml:3:5; it is then tried again by itself"
    assert next_step("production", view, refused) == said


def test_once_its_problem_is_over_nobody_has_to_do_anything(escalated: World) -> None:
    escalated.resolve("p1")
    assert next_step("production", escalated.view(), ended("escalated", "no action is left")) == ""


def test_a_problem_belongs_to_the_newest_that_is_about_it(escalated: World) -> None:
    escalated.resolve("p1")
    escalated.tick()
    escalated.open("p1")
    escalated.tick()
    view = escalated.view()
    newest = newest_about(view)
    assert newest == {"p1": "p1+2"}
    first = replace(view.remediations[P1], problems=OPEN)
    assert still_open(view, first)
    assert not is_left_open(view, first, newest)
    assert is_left_open(view, view.remediations[RemediationId("p1+2")], newest)
    assert is_left_open(view, first, {ProblemId("p1"): P1})
    both = replace(first, problems=(*OPEN, Attached(ProblemId("p9"), 1, "slow")))
    assert is_left_open(view, both, {ProblemId("p1"): P1, ProblemId("p9"): RemediationId("p9")})
    assert not is_left_open(view, replace(first, problems=()), {ProblemId("p1"): P1})
