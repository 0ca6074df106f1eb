"""Bounds that became narrower: the decision that brings a field back within them, and when there is none."""

from __future__ import annotations

from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.world import World


def narrowed(world: World, most: int) -> None:
    world.service_yaml(f"bounds: {{replicas: {{max: {most}}}}}\n")


def test_the_decision_says_from_what_to_what_and_is_the_one_that_the_field_carries(world: World) -> None:
    world.playbook(PLAYBOOK.replace("+1", "+5"))
    world.open("p1")
    world.tick()
    narrowed(world, 3)
    (step,) = world.tick(apply=False)
    (target,) = (str(key[0]) for key in world.desired())
    assert step.data == {
        "action": "bounds 1..3",
        "index": 1,
        "count": 1,
        "bound": 3,
        "changes": [{"target": target, "field": "replicas", "base": 1, "before": 6, "value": 3}],
    }
    (held,) = world.desired().values()
    assert (held.value, held.sequence, held.by) == (3, step.sequence, "p1")


def test_a_field_of_several_waits_while_one_of_them_was_asked_about_it(world: World) -> None:
    world.playbook(playbook(entry("a", "scaling +2"), entry("b", "scaling +2")))
    world.open("p1", "a")
    world.open("p2", "b")
    world.tick()
    assert world.replicas() == 5
    world.around.workloads["carts-primary"].replicas = 8
    world.around.workloads["carts-primary"].manager = "kubectl-edit"
    world.sweep()
    held = [world.remediation(name).hold for name in ("p1", "p2")]
    assert [each is not None and each.condition == "drift" for each in held].count(True) == 1
    narrowed(world, 3)
    assert world.tick() == []
    assert world.replicas() == 8


def test_nothing_is_brought_within_bounds_while_the_stage_is_suspended(world: World) -> None:
    world.playbook(PLAYBOOK.replace("+1", "+5"))
    world.open("p1")
    world.tick()
    world.stage_yaml("mode: suspended\n")
    narrowed(world, 3)
    assert world.tick() == []
    world.stage_yaml("mode: automated\n")
    assert [step.event for step in world.tick()] == ["decided", "applied"]
