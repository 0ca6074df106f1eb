"""A step as it is told: the same words as its file and its commit, and every key always there."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import CommitId, ProblemId, ProjectName, RemediationId, ServicePath, StageName
from reconciler.model.notice import Notice, is_wanted, may_be_wanted, notice
from reconciler.model.notifications import FOR_PEOPLE
from reconciler.model.step import Event, Step, log_fields, trailers

COMMIT = CommitId("3f2c9d1a5b6c7d8e9f0a1b2c3d4e5f6071829304")
NOW = Instant(1_795_000_000)


def step(event: Event, **data: Any) -> Step:
    return Step(
        event, StageName("production"), 7, NOW, 0, f"carts: {event}", "Said at length.", data,
        ServicePath("shop/carts"), RemediationId("p1"), 3,
    )  # fmt: skip


def told(event: Event, **data: Any) -> Notice:
    return notice(ProjectName("sockshop"), step(event, **data), COMMIT, [(ProblemId("p1"), "Slow")])


def test_a_hold() -> None:
    made = told("held", condition="approval", reason="needs a person", lifts="`reconciler approve p1`")
    assert made.document() == {
        "key": COMMIT, "project": "sockshop", "stage": "production", "service": "carts", "remediation": "p1",
        "event": "held", "unhealed": False, "subject": "carts: held", "body": "Said at length.", "action": "",
        "reason": "needs a person", "condition": "approval", "lifts": "`reconciler approve p1`",
        "problems": [{"id": "p1", "title": "Slow"}], "time": format_instant(NOW), "sequence": 7, "commit": COMMIT,
    }  # fmt: skip


def test_it_says_what_trailers_and_log_say() -> None:
    made, same = told("decided", action="scaling +1", index=1, count=2).document(), step("decided")
    line, written = log_fields(same), trailers(step("decided", action="scaling +1", index=1, count=2))
    assert {key: made[key] for key in ("stage", "service", "remediation", "sequence")} == {
        key: line[key] for key in ("stage", "service", "remediation", "sequence")
    }
    assert (made["event"], made["time"], made["action"]) == (written["Event"], written["Now"], written["Action"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, ""),
        ({"reason": "three times in an hour"}, "three times in an hour"),
        ({"error": "rollout timed out"}, "rollout timed out"),
        ({"at": "carts/slo.yaml:3:1", "error": "unknown operator"}, "carts/slo.yaml:3:1: unknown operator"),
        ({"reason": None}, ""),
    ],
)
def test_why(data: dict[str, Any], reason: str) -> None:
    assert told("escalated", **data).reason == reason


def test_a_step_of_the_stage_has_no_service_and_no_remediation() -> None:
    made = notice(
        ProjectName("sockshop"), Step("restored", StageName("production"), 7, NOW, 0, "put back", "", {}), COMMIT
    ).document()
    assert (made["service"], made["remediation"], made["problems"]) == ("", "", [])


@pytest.mark.parametrize(
    ("made", "events", "wanted"),
    [
        (step("held"), FOR_PEOPLE, True),
        (step("applied"), FOR_PEOPLE, False),
        (step("resolved"), FOR_PEOPLE, False),
        (step("resolved", unhealed=True), FOR_PEOPLE, True),
        (step("resolved", unhealed=True), frozenset({"held"}), False),
        (step("resolved", unhealed=False), frozenset({"unhealed"}), False),
        (step("resolved"), frozenset({"resolved"}), True),
    ],
)
def test_who_wants_it(made: Step, events: frozenset[str], wanted: bool) -> None:
    assert is_wanted(made, events) == wanted
    assert may_be_wanted(made.event, events) >= wanted


def test_what_nobody_can_want_is_not_read() -> None:
    assert not may_be_wanted("applied", FOR_PEOPLE)
    assert not may_be_wanted("resolved", FOR_PEOPLE - {"unhealed"})
