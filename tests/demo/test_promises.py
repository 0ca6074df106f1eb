"""The files that the story starts from: the product's own readers take them, and they mean what the story needs."""

from __future__ import annotations

import pytest

from reconciler.decide.evaluation.evaluate import evaluate
from reconciler.decide.evaluation.measured import Measured
from reconciler.decide.evaluation.objectives import load_objectives
from reconciler.demo import promises
from reconciler.demo.acts import ACTS, Scaled, Switched
from reconciler.demo.carts import SERVICE_SECONDS
from reconciler.demo.load import IN_FLIGHT
from reconciler.demo.metrics import BOUNDS, REQUESTS, SECONDS
from reconciler.demo.pace import FAST, FULL, Pace
from reconciler.evidence.scrape.query import read_query
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import LoopGuard, load_stage
from reconciler.model.sli import load_sli


@pytest.mark.parametrize("pace", [FAST, FULL], ids=["fast", "full"])
def test_the_stage_has_the_times_of_the_pace(pace: Pace) -> None:
    config = load_stage(promises.files(pace)["stage.yaml"].encode(), "stage.yaml")
    assert (config.settle, config.wait, config.window) == (pace.settle, pace.wait, pace.window)
    assert config.loop_guard == LoopGuard(10, 3600)


@pytest.mark.parametrize("pace", [FAST, FULL], ids=["fast", "full"])
def test_an_action_is_not_judged_by_the_queue_that_was_there_before(pace: Pace) -> None:
    assert pace.settle > IN_FLIGHT * SERVICE_SECONDS
    assert pace.window <= pace.wait


@pytest.mark.parametrize("pace", [FAST, FULL], ids=["fast", "full"])
def test_monitoring_can_say_that_it_is_over_before_it_is_evaluated_for_the_second_time(pace: Pace) -> None:
    drained = IN_FLIGHT * SERVICE_SECONDS
    assert drained + pace.watch.window + pace.watch.lasting + 2 * pace.watch.every < pace.settle + 2 * pace.wait


@pytest.mark.parametrize(
    ("p90", "failed", "result"),
    [(500.0, 5.0, "pass"), (500.1, 0.0, "fail"), (80.0, 5.1, "fail"), (2000.0, 30.0, "fail")],
)
def test_both_objectives_count(p90: float, failed: float, result: str) -> None:
    objectives = load_objectives(promises.OBJECTIVES.encode(), "slo.yaml")
    values = [Measured("response_time_p90", p90, True), Measured("error_rate", failed, True)]
    assert evaluate(objectives, values, ()).result == result


def test_indicators_are_queries_for_what_the_balancer_shows() -> None:
    indicators = load_sli(promises.INDICATORS.encode(), "sli.yaml").indicators
    assert [indicator.name for indicator in indicators] == ["response_time_p90", "error_rate"]
    queries = [read_query(indicator.query) for indicator in indicators]
    assert [query.factor for query in queries] == [1000, 100]
    assert SECONDS in indicators[0].query
    assert REQUESTS in indicators[1].query
    assert promises.SLOWEST / 1000 in BOUNDS, "so that the estimate is exact at the objective"


def test_the_playbook_has_the_actions_of_the_acts() -> None:
    playbook = load_playbook(promises.PLAYBOOK.encode(), "remediation.yaml")
    entries = {entry.name: [action.action for action in entry.actions] for entry in playbook.entries}
    kinds = {Scaled: "scaling", Switched: "featuretoggle"}
    assert entries == {
        "Response time degradation": ["scaling", "featuretoggle"],
        "Failure rate increase": ["featuretoggle"],
        "default": ["escalate"],
    }
    for act in ACTS:
        assert entries[act.rule.title][: len(act.actions)] == [kinds[type(action)] for action in act.actions]
