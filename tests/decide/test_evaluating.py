"""After the effect: the wait, the evaluation of the very window, and what follows it."""

from __future__ import annotations

import pytest

from reconciler.decide import evaluating
from reconciler.decide.outlook import awaited
from reconciler.model.evaluations import load_evaluations
from tests.decide.files import PLAYBOOK, SLO, entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.world import START, World

SLOW = "Response time degradation"
TWO = playbook(entry(SLOW, "scaling +1", "featuretoggle {EnableItemsCache: on}"))


def applied(world: World, p90: float | None = None) -> World:
    """Bring a remediation to where its action took effect; the service has objectives."""
    world.objectives()
    if p90 is not None:
        world.around.values["response_time_p90"] = p90
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    return world


def evaluations(world: World) -> list[tuple[str, float]]:
    """Return what the service's state file remembers: results and values."""
    content = world.files.get("ops/production/carts/state/evaluations.yaml")
    found = load_evaluations(content, "evaluations.yaml") if content else ()
    return [(each.result, each.values["response_time_p90"]) for each in found]


def test_the_wait_begins_with_the_effect_and_is_a_moment_in_git(world: World) -> None:
    applied(world)
    data = world.last("p1").data
    assert data["until"] == "2026-11-18T11:16:40Z"
    assert data["window"] == {"start": "2026-11-18T11:06:40Z", "end": "2026-11-18T11:16:40Z"}
    assert world.due == START + 600
    world.later(599)
    assert world.tick() == []


def test_objectives_met_and_problem_over_is_remediated(world: World) -> None:
    applied(world, 80.0)
    steps = world.over("p1")
    assert [step.event for step in steps] == ["evaluated", "remediated"]
    assert steps[0].data["evaluation"]["result"] == "pass"
    assert steps[0].data["next"] == "remediated"
    assert world.remediation("p1").outcome == "remediated"
    assert world.remediation("p1").problems[0].resolved
    assert (world.replicas(), world.desired()) == (2, {})
    assert evaluations(world) == [("pass", 80.0)]


def test_the_window_that_is_measured_is_the_one_since_the_effect(world: World) -> None:
    world.stage_yaml("wait: 5m\nsettle: 1m\n")
    applied(world, 80.0)
    world.over("p1")
    (want,) = world.around.asked
    assert (want.start, want.end) == (START + 60, START + 360)
    assert [query.sli for query in want.queries] == ["response_time_p90"]
    assert (want.project, want.stage, want.service) == ("sockshop", "production", "carts")


def test_a_shorter_window_ends_with_the_wait(world: World) -> None:
    world.stage_yaml("wait: 10m\nwindow: 2m\n")
    applied(world, 80.0)
    world.over("p1")
    (want,) = world.around.asked
    assert (want.start, want.end) == (START + 480, START + 600)


def test_met_while_the_problem_is_open_is_looked_at_once_more(world: World) -> None:
    applied(world, 80.0)
    (step,) = world.waited()
    assert (step.event, step.data["next"]) == ("evaluated", "again")
    assert world.tick() == []
    assert [step.event for step in world.over("p1")] == ["evaluated", "remediated"]


def test_met_twice_and_still_firing_is_escalated(world: World) -> None:
    applied(world, 80.0)
    world.waited()
    steps = world.waited()
    assert [step.event for step in steps] == ["evaluated", "escalated"]
    assert "still firing" in steps[1].subject
    assert world.values() == {"carts-primary": 2}


def test_missed_and_over_is_resolved_but_not_healed(world: World) -> None:
    applied(world, 500.0)
    steps = world.over("p1")
    assert [step.event for step in steps] == ["evaluated", "resolved"]
    assert steps[1].data["unhealed"] is True
    assert steps[1].subject == "carts: resolved, but not healed (Response time degradation)"
    assert world.replicas() == 2


def test_missed_takes_the_next_action_and_then_escalates(world: World) -> None:
    world.playbook(TWO)
    world.around.flags["EnableItemsCache"] = Flag()
    applied(world, 500.0)
    steps = world.waited()
    assert [step.event for step in steps] == ["evaluated", "decided", "applied"]
    assert steps[0].data["next"] == "action"
    assert steps[1].data["action"] == "featuretoggle EnableItemsCache:on"
    assert (steps[1].data["index"], steps[1].data["count"]) == (2, 2)
    assert world.flag("EnableItemsCache")
    assert world.replicas() == 2, "what the first action did stays"
    assert [step.event for step in world.waited()] == ["evaluated", "escalated"]
    assert world.last("p1").data["reason"] == "none of 2 actions helped"


def test_the_second_action_helps(world: World) -> None:
    world.playbook(TWO)
    world.around.flags["EnableItemsCache"] = Flag()
    applied(world, 500.0)
    world.waited()
    world.around.values["response_time_p90"] = 20.0
    assert [step.event for step in world.over("p1")] == ["evaluated", "remediated"]
    assert evaluations(world) == [("fail", 500.0), ("pass", 20.0)]


def test_an_action_that_did_not_help_is_taken_back_where_told_to(world: World) -> None:
    world.playbook(TWO)
    world.around.flags["EnableItemsCache"] = Flag()
    world.stage_yaml("onFail: revert\n")
    applied(world, 500.0)
    steps = world.waited()
    assert [step.event for step in steps] == ["evaluated", "applied", "decided", "applied"]
    assert (world.replicas(), world.flag("EnableItemsCache")) == (1, True)
    assert world.values() == {"EnableItemsCache": True}


def test_retries_do_the_same_action_again(world: World) -> None:
    world.playbook(PLAYBOOK.replace("value: +1", "value: +1\n    retries: 2"))
    applied(world, 500.0)
    assert [step.event for step in world.waited()] == ["evaluated", "decided", "applied"]
    assert world.last("p1").remediation == "p1"
    assert world.replicas() == 3
    assert [step.data["next"] for step in world.waited() if step.event == "evaluated"] == ["retry"]
    assert world.replicas() == 4
    assert [step.event for step in world.waited()] == ["evaluated", "escalated"]


@pytest.mark.parametrize(
    ("answer", "events"), [("accept", ["evaluated", "remediated"]), ("next", ["evaluated", "resolved"])]
)
def test_a_warning_is_accepted_unless_told_otherwise(world: World, answer: str, events: list[str]) -> None:
    world.stage_yaml(f"onWarning: {answer}\n")
    applied(world, 150.0)
    steps = world.over("p1")
    assert [step.event for step in steps] == events
    assert steps[0].data["evaluation"]["result"] == "warning"


def test_no_data_is_measured_again_and_then_unverified(world: World) -> None:
    applied(world)
    windows = []
    for pause in (600, 60, 120):
        assert world.waited(pause - 1) == []
        (step,) = world.waited(1)
        assert (step.event, step.data["next"], step.data["evaluation"]["result"]) == ("evaluated", "again", "no data")
        windows.append(step.data["window"])
    assert len({str(window) for window in windows}) == 1, "it is the same window that is measured again"
    steps = world.waited(240)
    assert [step.event for step in steps] == ["evaluated", "unverified"]
    assert evaluations(world) == [], "no data is nothing to compare with"
    assert [want.attempt for want in world.around.asked] == [1, 2, 3, 4]
    assert world.values() == {"carts-primary": 2}


def test_data_that_comes_late_counts(world: World) -> None:
    applied(world)
    world.waited()
    world.around.values["response_time_p90"] = 80.0
    world.resolve("p1")
    assert [step.event for step in world.waited(60)] == ["evaluated", "remediated"]


def test_a_provider_that_cannot_be_asked_is_no_data(world: World) -> None:
    applied(world)
    world.blind("evidence")
    (step,) = world.waited()
    assert step.data["evaluation"]["result"] == "no data"
    assert step.data["evaluation"]["indicators"][0]["message"] == "evidence does not answer"
    because = "response_time_p90: evidence does not answer"
    assert awaited(world.remediation("p1")).endswith(f"(measured again for want of data: {because})")
    steps = [step for pause in (60, 120, 240) for step in world.waited(pause)]
    assert steps[-1].data["reason"] == f"there is no data that says whether it helped: {because}"


@pytest.mark.parametrize("name", ["slo.yaml", "prometheus/sli.yaml"])
def test_a_problem_that_could_not_be_judged_is_refused_until_it_can(world: World, name: str) -> None:
    world.objectives()
    world.push({f"carts/{name}": "objectives: [\n"})
    world.open("p1")
    assert [step.event for step in world.tick()] == ["refused"]
    assert world.last("p1").data["at"].startswith(f"carts/{name}:")
    assert world.replicas() == 1
    world.push({f"carts/{name}": SLO if name == "slo.yaml" else "indicators: {response_time_p90: p90}\n"})
    assert [step.event for step in world.tick()] == ["opened", "decided", "applied"]


def test_a_file_of_the_whole_stage_that_cannot_be_read_makes_no_service_pass(world: World) -> None:
    world.push({"prometheus/sli.yaml": "indicators: [\n"})
    applied(world, 80.0)
    steps = world.over("p1")
    assert [step.event for step in steps] == ["evaluated", "unverified"]
    assert "prometheus/sli.yaml:" in steps[0].data["evaluation"]["message"]


def test_objectives_are_those_of_the_opening(world: World) -> None:
    applied(world, 150.0)
    world.objectives(None)
    steps = world.over("p1")
    assert steps[0].data["evaluation"]["result"] == "warning"


def test_without_objectives_the_problem_is_the_evidence(world: World) -> None:
    world.open("p1")
    world.tick()
    steps = world.over("p1")
    assert [step.event for step in steps] == ["evaluated", "remediated"]
    assert steps[0].data["evaluation"]["evidence"] == "problem"
    assert world.around.asked == []


def test_without_objectives_still_open_is_a_failure(world: World) -> None:
    world.open("p1")
    world.tick()
    assert [step.event for step in world.waited()] == ["evaluated", "escalated"]


def test_resolved_during_the_wait_is_evaluated_at_the_planned_time(world: World) -> None:
    applied(world, 80.0)
    world.later(100)
    world.resolve("p1")
    assert world.tick() == []
    world.later(499)
    assert world.tick() == []
    world.later(1)
    assert [step.event for step in world.tick()] == ["evaluated", "remediated"]


def test_every_attached_problem_must_be_over(world: World) -> None:
    applied(world, 80.0)
    world.open("p2")
    world.tick()
    (step,) = world.over("p1")
    assert step.data["next"] == "again"
    world.over("p2")
    assert all(problem.resolved for problem in world.remediation("p1").problems)


def test_relative_criteria_compare_with_what_is_remembered(world: World) -> None:
    slo = 'objectives:\n- sli: response_time_p90\n  pass:\n  - criteria: ["<=+10%"]\ntotal_score: {pass: "100%"}\n'
    world.objectives(slo)
    for number, (value, end) in enumerate([(100.0, "remediated"), (109.0, "remediated"), (130.0, "resolved")]):
        world.around.values["response_time_p90"] = value
        world.open(f"p{number}")
        world.tick()
        assert world.over(f"p{number}")[-1].event == end
        world.later(7200)
    assert [result for result, _ in evaluations(world)] == ["pass", "pass", "fail"]


def test_the_memory_of_evaluations_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "REMEMBERED", 3)
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    for number in range(5):
        world.open(f"p{number}")
        world.tick()
        world.over(f"p{number}")
        world.around.workloads["carts-primary"].replicas = 1
        world.later(7200)
    assert len(evaluations(world)) == 3


def test_a_clock_in_doubt_lets_no_wait_be_over(world: World) -> None:
    applied(world, 80.0)
    world.timers = False
    assert world.waited() == []
    world.timers = True
    assert [step.event for step in world.tick()] == ["evaluated"]


def test_the_wait_of_an_action_goes_before_that_of_its_stage(world: World) -> None:
    world.stage_yaml("wait: 1h\n")
    world.playbook(PLAYBOOK.replace("value: +1", "value: +1\n    wait: 20s"))
    applied(world, 80.0)
    assert [step.event for step in world.waited(20)] == ["evaluated"]


def test_an_action_that_fails_is_followed_by_the_next(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "featuretoggle {Missing: on}", "scaling +1")))
    world.open("p1")
    steps = world.tick()
    assert [step.event for step in steps] == ["opened", "failed", "decided", "applied"]
    assert steps[1].data["next"] == "action"


def test_an_action_without_effect_is_followed_by_the_next(world: World) -> None:
    world.playbook(TWO)
    world.around.flags["EnableItemsCache"] = Flag()
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.later(300)
    assert [step.event for step in world.tick()] == ["failed", "decided", "applied"]
    assert world.flag("EnableItemsCache")


def test_resolved_before_the_second_action_took_effect_takes_back_that_one_alone(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1", "scaling +2")))
    world.stage_yaml("onResolve: revert\n")
    applied(world, 500.0)
    world.around.workloads["carts-primary"].slow = True
    world.waited()
    assert world.replicas() == 4
    world.resolve("p1")
    world.around.workloads["carts-primary"].slow = False
    world.tick()
    assert world.replicas() == 2
    assert world.remediation("p1").outcome == "resolved"


def test_undone_during_the_wait_nothing_is_evaluated(world: World) -> None:
    applied(world, 80.0)
    world.command("undo", "p1")
    world.tick()
    assert world.replicas() == 1
    assert world.waited() == []
    assert world.events("p1")[-2:] == ["reverted", "applied"]


def test_a_moment_that_passes_while_the_clock_is_in_doubt_is_asked_about_again(world: World) -> None:
    applied(world, 80.0)
    world.timers = False
    assert world.waited() == []
    assert world.due == world.now + 15


def test_what_was_interrupted_is_waited_for_anew(world: World) -> None:
    applied(world, 80.0)
    world.later(60)
    world.around.workloads["carts-primary"].replicas = 1
    world.around.workloads["carts-primary"].manager = "kubectl-edit"
    world.sweep()
    assert world.events("p1")[-1] == "held"
    world.later(3000)
    world.around.workloads["carts-primary"].replicas = 2
    world.sweep()
    assert world.last("p1").event == "released"
    assert world.tick() == []
    lifted = world.now
    assert [step.event for step in world.over("p1")] == ["evaluated", "remediated"]
    (want,) = world.around.asked
    assert (want.start, want.end) == (lifted, lifted + 600)


def test_after_a_persons_retry_of_what_was_changed_the_wait_begins_anew(world: World) -> None:
    applied(world, 80.0)
    world.around.workloads["carts-primary"].replicas = 1
    world.around.workloads["carts-primary"].manager = "kubectl-edit"
    world.sweep()
    world.later(3000)
    world.command("retry", "p1")
    assert [step.event for step in world.tick()] == ["released", "applied"]
    assert world.due == world.now + 600


def test_a_file_that_cannot_be_read_when_the_wait_is_over_holds_until_it_can(world: World) -> None:
    applied(world, 80.0)
    world.stage_yaml("mode: [\n")
    assert [step.event for step in world.waited()] == ["held"]
    hold = world.remediation("p1").hold
    assert hold is not None
    assert hold.condition == "blind"
    assert "stage.yaml" in hold.reason
    world.resolve("p1")
    assert world.tick() == []
    world.stage_yaml("mode: automated\n")
    assert [step.event for step in world.tick()] == ["released", "evaluated", "remediated"]


def test_an_effect_of_the_first_rules_whose_step_names_no_wait_is_evaluated_all_the_same(world: World) -> None:
    applied(world, 80.0)
    path = next(path for path in world.files if path.endswith("-applied.yaml"))
    old = world.files[path].decode().replace("rules: 1", "rules: 0")
    kept = [line for line in old.splitlines() if not line.startswith(("until:", "window:", "  start:", "  end:"))]
    world.files[path] = world.trusted[path] = ("\n".join(kept) + "\n").encode()
    world.push({"README.md": "anything\n"})
    assert world.remediation("p1").waiting is None
    assert world.tick() == []
    assert world.due == START + 600
    assert [step.event for step in world.over("p1")] == ["evaluated", "remediated"]


def test_a_second_look_is_over_a_window_that_can_be_measured(world: World) -> None:
    world.stage_yaml("wait: 0s\n")
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.open("p1")
    world.tick()
    world.waited(60)
    assert [want.end - want.start for want in world.around.asked] == [60, 60]


def test_no_data_is_counted_anew_after_a_pass(world: World) -> None:
    applied(world)
    for pause in (600, 60, 120):
        world.waited(pause)
    world.around.values["response_time_p90"] = 80.0
    world.waited(240)
    world.around.values.clear()
    (step,) = world.waited()
    assert (step.data["evaluation"]["result"], step.data["next"]) == ("no data", "again")


def test_a_warning_beside_values_that_are_missing_is_accepted_by_nobody(world: World) -> None:
    two = SLO.replace("objectives:\n", 'objectives:\n- sli: error_rate\n  pass:\n  - criteria: ["<=5"]\n')
    world.objectives(two)
    world.around.values["error_rate"] = 0.0
    world.open("p1")
    world.tick()
    world.resolve("p1")
    (step,) = world.waited()
    assert (step.data["evaluation"]["result"], step.data["next"]) == ("warning", "again")
    assert "accepted" not in step.body
    for pause in (60, 120, 240):
        steps = world.waited(pause)
    assert [step.event for step in steps] == ["evaluated", "unverified"]
