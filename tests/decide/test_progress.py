"""From the decision to its effect: what is tried again, what is given up and when, and how it is told."""

from __future__ import annotations

import pytest

from reconciler.decide.draft import Draft
from reconciler.decide.progress import progress_turn
from reconciler.model.names import ServicePath
from reconciler.model.targets import NoFact
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag, Workload
from tests.decide.test_decision import hpa
from tests.decide.world import World

CARTS = ServicePath("carts")
SLOW = "Response time degradation"
RETRIED = "    retries: 1\n"


def acting(world: World, *actions: str, options: str = "") -> World:
    world.playbook(playbook(entry(SLOW, *actions) + options))
    world.around.flags = {"A": Flag(), "B": Flag()}
    world.open("p1")
    return world


def reason(world: World, event: str) -> str:
    return str(next(step for step in reversed(world.steps) if step.event == event).data["reason"])


# what is tried again


def test_an_action_that_cannot_be_done_is_not_tried_again(world: World) -> None:
    acting(world, "featuretoggle X:on", options=RETRIED).tick()
    assert world.events("p1") == ["opened", "failed", "escalated"]
    assert reason(world, "escalated") == "the action failed: there is no flag X"


def test_a_change_that_had_no_effect_is_tried_again(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    acting(world, "scaling +1", options=RETRIED).tick()
    world.later(300)
    steps = world.tick()
    assert [(step.event, step.data.get("next"), step.data.get("try")) for step in steps] == [
        ("failed", "retry", None), ("decided", None, 2),
    ]  # fmt: skip
    assert "failed" not in steps[1].subject


@pytest.mark.parametrize(("actions", "told"), [(1, "the action did not help"), (2, "none of 2 actions helped")])
def test_what_did_not_help_is_told_by_how_many_were_tried(world: World, actions: int, told: str) -> None:
    acting(world, *["scaling +1"] * actions).tick()
    for _ in range(actions):
        world.waited()
    assert reason(world, "escalated") == told


def test_of_several_it_is_told_why_the_last_one_failed(world: World) -> None:
    acting(world, "scaling +1", "featuretoggle X:on").tick()
    world.waited()
    assert reason(world, "escalated") == "none of 2 actions helped; the last one failed: there is no flag X"


# when it is given up


def test_nothing_is_given_up_before_all_of_it_was_written_however_long_nobody_looked(world: World) -> None:
    acting(world, "featuretoggle {A: on, B: on}").tick(apply=False)
    first, _ = world._due_effects()
    world.around.apply(first, "c000002")
    world.later(7200)
    assert [step.event for step in world.tick()] == ["applied"]
    assert (world.flag("A"), world.flag("B")) == (True, True)


def test_what_has_its_value_already_and_is_not_ready_is_given_up_when_its_time_is_over(world: World) -> None:
    world.around.workloads["carts-primary"] = Workload(1, settled=False)
    acting(world, "scaling {replicas: 1}").tick(apply=False)
    assert world.due == world.now + 300
    world.later(300)
    assert [step.event for step in world.tick(apply=False)] == ["failed", "escalated"]
    assert reason(world, "failed") == "no effect within 300 s: 0 of 1 replicas are ready"


def test_an_endpoint_that_does_not_answer_is_given_up_when_its_time_is_over(world: World) -> None:
    acting(world, "webhook runbooks").tick(apply=False)
    world.around.troubles["runbooks"] = NoFact("blind", "no answer in time")
    assert world.events("p1") == ["opened", "decided"]
    world.later(300)
    assert [step.event for step in world.tick(apply=False)] == ["failed", "escalated"]
    assert reason(world, "failed") == "no effect within 300 s: runbooks call: no answer in time"


# how it is told


def undone(world: World) -> World:
    """Let what an autoscaler's minimum was raised to be taken back, and not yet written."""
    world.around.workloads["carts-primary"] = Workload(1, autoscaler=hpa(1, 8))
    acting(world, "scaling +1").tick()
    world.command("undo", "p1")
    world.tick(apply=False)
    assert world.events("p1")[-1] == "reverted"
    return world


def test_what_is_gone_by_the_time_it_is_given_back_is_left_alone(world: World) -> None:
    undone(world).around.workloads["carts-primary"].autoscaler = None
    world.tick()
    assert world.last("p1").body.startswith("carts minReplicas is gone, not our 2 any more, and is left alone.")


def test_what_is_another_by_the_time_it_is_given_back_is_left_alone(world: World) -> None:
    undone(world).around.workloads["carts-primary"].autoscaler = hpa(5, 8)
    world.tick()
    assert world.last("p1").subject == f"carts: given back ({SLOW})"
    assert world.last("p1").body.startswith("carts minReplicas is 5, not our 2 any more, and is left alone.")


def test_what_is_given_back_in_part_took_effect(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1", "featuretoggle A:on"), entry("other", "scaling +2")))
    world.around.flags = {"A": Flag()}
    world.open("p1")
    world.tick()
    world.open("p2", "other")
    world.tick()
    world.waited()
    assert world.values() == {"carts-primary": 4, "A": True}
    world.command("undo", "p1", 2)
    world.tick()
    assert (world.replicas(), world.flag("A")) == (3, False)
    assert world.last("p1").subject == f"carts: took effect ({SLOW})"


def test_what_cannot_be_given_back_is_told_by_one_step(world: World) -> None:
    acting(world, "scaling +1").tick()
    world.command("undo", "p1")
    world.tick(apply=False)
    del world.around.workloads["carts-primary"]
    asking = Draft(world.snapshot(), {}, world.now)
    assert progress_turn(asking, CARTS) is False
    facts = {want: world.around.observe(want) for want in asking.wants}
    draft = Draft(world.snapshot(), facts, world.now)
    assert progress_turn(draft, CARTS) is True
    (step,) = draft.steps
    assert (step.event, step.subject) == ("failed", f"carts: what was changed cannot be seen to hold ({SLOW})")
    assert "next" not in step.data
