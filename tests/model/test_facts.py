"""Facts travel into steps and back, whatever they hold, and the schema of steps knows them all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.model import canonical
from reconciler.model.facts import fact_data, fact_from_data
from reconciler.model.instant import Instant
from reconciler.model.measures import Measure, MeasuresFact, Series
from reconciler.model.schema import load_schema
from reconciler.model.targets import (
    ENDPOINTS,
    ROUTE,
    Autoscaler,
    CallFact,
    Fact,
    FlagFact,
    Mark,
    NoFact,
    RouteFact,
    Target,
    TemplateFact,
    WorkloadFact,
)

STEP = load_schema("step")
SCHEMA = Draft202012Validator({"$ref": "#/$defs/fact", "$defs": STEP["$defs"]})
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAME = st.text("abc-", min_size=1, max_size=5)
COUNT = st.integers(0, 1000)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
MARK = st.none() | st.builds(Mark, NAME, st.integers(0, 10**6), NAME, st.booleans())
MOMENT = st.integers(0, 2**33).map(Instant)


def target(kind: st.SearchStrategy[str]) -> st.SearchStrategy[Target]:
    return st.builds(Target, NAME, NAME, kind, NAME)


WORKLOAD = target(st.sampled_from(["Deployment", "StatefulSet"]))
AUTOSCALER = st.builds(
    Autoscaler, target(st.just("HorizontalPodAutoscaler")), st.just("minReplicas"), COUNT, COUNT, MARK, TEXT
)
SERIES = st.builds(Series, MOMENT, st.integers(1, 3600), st.lists(st.none() | NUMBER, max_size=60).map(tuple))
MEASURE = st.builds(Measure, NAME, st.none() | NUMBER, TEXT, TEXT, st.none() | SERIES)
FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(WorkloadFact, WORKLOAD, COUNT, COUNT, st.booleans(), TEXT, MARK, TEXT, st.none() | AUTOSCALER),
    st.builds(FlagFact, target(st.just("Flag")), st.booleans(), TEXT, MARK, TEXT, st.booleans()),
    st.builds(TemplateFact, WORKLOAD, TEXT, TEXT, TEXT, st.booleans(), TEXT, MARK, TEXT),
    st.builds(
        RouteFact, target(st.just(ROUTE)), st.lists(st.tuples(NAME, TEXT), max_size=3).map(tuple), MARK, TEXT
    ),
    st.builds(CallFact, st.builds(Target, st.just(ENDPOINTS), st.just(""), st.just("Endpoint"), NAME), NAME,
              st.booleans()),
    st.builds(MeasuresFact, st.lists(MEASURE, max_size=3).map(tuple)),
    st.builds(NoFact, st.sampled_from(["missing", "forbidden", "invalid", "blind"]), TEXT, TEXT,
              st.lists(NAME, max_size=2).map(tuple)),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(FACTS)
def test_a_fact_is_read_back_from_the_step_that_records_it(fact: Fact) -> None:
    written = canonical.emit({"facts": {"it": fact_data(fact)}})
    read = canonical.read(written, "step.yaml")["facts"]["it"]
    assert fact_from_data(read) == fact
    assert [error.message for error in SCHEMA.iter_errors(read)] == []


@pytest.mark.parametrize("data", [{"kind": "else"}, {"kind": "flag"}, {}, {"kind": "call", "target": {}}])
def test_what_is_no_fact_is_told_apart(data: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        fact_from_data(data)
