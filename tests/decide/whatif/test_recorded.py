"""What one recorded step says: facts by their wants, what was held and done, what was measured and came of it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.decide.evaluation.measured import Earlier, Measured
from reconciler.decide.whatif.difference import Deed, Effect
from reconciler.decide.whatif.recorded import (
    RecordedFacts,
    deed_then,
    earlier_then,
    held_then,
    over_then,
    problem_then,
    values_then,
)
from reconciler.model.desired import Claim, Held
from reconciler.model.facts import fact_data
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, Query, WantMeasures
from reconciler.model.names import RemediationId
from reconciler.model.problem import Problem
from reconciler.model.step import Event, StepFile
from reconciler.model.targets import FlagFact, NoFact, Target, WantFlag
from tests.decide.actions.acting import DEPLOYMENT

NOW = Instant(1_795_000_000)
P1 = RemediationId("p1")
FLAG = Target("flags", "default/production", "Flag", "A")
VALUES = [
    {"sli": "a", "value": 1.5, "message": ""}, {"sli": "b", "value": None, "message": "no answer"},
]  # fmt: skip


def step(event: Event, **data: Any) -> StepFile:
    return StepFile(event, 70, NOW, 7, data)


def evaluated(result: str, then: str = "again", **more: Any) -> StepFile:
    return step("evaluated", evaluation={"result": result, "indicators": VALUES}, next=then, **more)


# facts


def test_a_fact_is_found_by_what_asked_for_it() -> None:
    want, other = (WantFlag("flags", "default", "production", name) for name in "AB")
    fact = FlagFact(FLAG, enabled=True)
    facts = RecordedFacts(step("decided", facts={str(want): fact_data(fact), "clock": {"doubt": True}}))
    assert (facts[want], len(facts)) == (fact, 1)
    assert other not in facts
    assert len(RecordedFacts(None)) == 0
    with pytest.raises(TypeError):
        iter(facts)


def test_of_what_was_measured_that_is_given_which_is_asked_for() -> None:
    measures = tuple(Measure(sli, float(number), "") for number, sli in enumerate("abc"))
    want = WantMeasures("p", "production", "carts", NOW, NOW, (Query("c", ()), Query("a", ())))
    facts = RecordedFacts(step("evaluated", facts={str(want): fact_data(MeasuresFact(measures))}))
    for _ in range(2):
        assert facts[want] == MeasuresFact((measures[2], measures[0]))
    unseen = NoFact("blind", "no answer")
    assert RecordedFacts(step("evaluated", facts={str(want): fact_data(unseen)}))[want] == unseen


# what was held and done


def test_what_was_held_before_a_decision_is_one_claim_on_each_field_that_was() -> None:
    def change(field: str, **told: Any) -> dict[str, Any]:
        return {"target": str(DEPLOYMENT), "field": field, "value": 9, **told}

    desired = held_then(
        step(
            "decided",
            changes=[
                change("replicas", base=2, before=5), change("minReplicas", base=2, before=2), change("a", before=2),
                change("b", base=2), change("enabled", base=False, before=True), change("delay", base="", before="5s"),
            ],
        ),
        P1,
    )  # fmt: skip
    assert desired == {
        (DEPLOYMENT, "replicas"): Held(2, 5, 0, P1, (Claim(P1, 0, 0, by=3),)),
        (DEPLOYMENT, "enabled"): Held(False, True, 0, P1, (Claim(P1, 0, 0, set=True),)),
        (DEPLOYMENT, "delay"): Held("", "5s", 0, P1, (Claim(P1, 0, 0, set="5s"),)),
    }
    assert held_then(step("opened"), P1) == {}


@pytest.mark.parametrize(
    ("done", "deed"),
    [
        (step("failed", action="scaling +1", reason="at the bound"), Deed("fails", "scaling +1", "at the bound")),
        (step("escalated", action="escalate", reason="loop"), Deed("escalates", "escalate", "loop")),
        (
            step("held", action="restart", reason="a window", condition="freeze"),
            Deed("waits", "restart", "a window", (), "freeze"),
        ),
        (step("held", condition="blind"), Deed("waits", "the action", "", (), "blind")),
        (step("opened"), Deed("nothing")),
    ],
)
def test_what_was_done_is_what_the_step_says(done: StepFile, deed: Deed) -> None:
    assert deed_then(done) == deed


def test_a_decision_changes_fields_and_does_things_once() -> None:
    target = str(DEPLOYMENT)
    done = step(
        "decided",
        action="many things",
        changes=[
            {"target": target, "field": "replicas", "before": 1, "value": 2},
            {"target": target, "field": "minReplicas", "value": 3},
        ],
        once=[{"target": target, "field": "restartedAt", "value": "now"}],
    )
    assert deed_then(done) == Deed(
        "acts", "many things", "",
        (
            Effect((DEPLOYMENT, "replicas"), 1, 2), Effect((DEPLOYMENT, "minReplicas"), "", 3),
            Effect((DEPLOYMENT, "restartedAt"), "", "now", once=True),
        ),
    )  # fmt: skip


def test_a_problem_is_what_its_step_pinned_where_it_could_be_read() -> None:
    assert problem_then({"title": "slow", "rootCause": "io"}) == Problem("slow", "open", root_cause="io")
    assert problem_then({"title": "slow"}) == Problem("slow", "open")
    assert problem_then({"id": "p1"}) is None


# what was measured


def test_what_was_measured_is_known_and_what_was_not_is_told() -> None:
    told = {"indicators": [*VALUES, {"sli": "c", "value": 0.0}]}
    assert values_then(told) == {
        "a": Measured("a", 1.5), "b": Measured("b", 0.0, success=False, message="no answer"), "c": Measured("c", 0.0),
    }  # fmt: skip
    assert values_then({}) == {}


@pytest.mark.parametrize(
    ("then", "result", "over"),
    [
        ("remediated", "pass", True), ("resolved", "fail", True), ("escalated", "pass", False),
        ("retry", "fail", False), ("action", "fail", False), ("none", "fail", False), ("again", "pass", False),
        ("again", "warning", False), ("again", "no data", None), ("unverified", "no data", None),
    ],
)  # fmt: skip
def test_whether_the_problem_was_over_follows_from_what_followed(then: str, result: str, over: bool | None) -> None:
    assert over_then(evaluated(result, then)) is over


def test_where_values_were_missing_nothing_follows_from_another_look() -> None:
    assert over_then(evaluated("warning", unmeasured=True)) is None


def test_an_evaluation_is_remembered_with_the_values_that_it_had() -> None:
    for result in ("pass", "warning", "fail"):
        assert earlier_then(evaluated(result), P1) == Earlier(result, (Measured("a", 1.5),), "p1/7")


@pytest.mark.parametrize(
    "done",
    [
        evaluated("no data"), evaluated("warning", unmeasured=True),
        step("evaluated", evaluation={"result": "pass"}, next="remediated"),
    ],
)  # fmt: skip
def test_one_without_values_is_not_remembered(done: StepFile) -> None:
    assert earlier_then(done, P1) is None
