"""What people read in commits: every subject says what it is about, every body is made of sentences."""

from __future__ import annotations

import pytest

from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Flag, Workload
from tests.decide.world import World


def test_at_the_bound_it_says_what_to_do_next(world: World) -> None:
    world.around.workloads["carts-primary"].replicas = 10
    world.open("p1")
    world.tick()
    failed = next(step for step in world.steps if step.event == "failed")
    assert failed.body.splitlines() == [
        "`scaling +1` failed: carts-primary has 10 replicas and may not have 11 (bounds 1..10).",
        "Widen `bounds` in service.yaml or stage.yaml, then `reconciler retry`",
    ]
    world.stage_yaml("bounds: {replicas: {max: 11}}\n")
    world.command("retry", "p1")
    world.tick()
    assert world.replicas() == 11


@pytest.mark.parametrize(
    ("reported", "service", "hint"),
    [
        ("crats", "carts", "Did you mean carts? Move the problem to ops/production/carts/problems/."),
        ("carts", "shop/carts", "Did you mean shop/carts? Move the problem to ops/production/shop/carts/problems/."),
        ("shop/crats", "carts", "Did you mean carts? Move the problem to ops/production/carts/problems/."),
        ("payment", "carts", "Add payment/remediation.yaml, or move the problem to the service that it is about"),
    ],
)
def test_a_problem_of_no_service_names_the_one_that_may_be_meant(reported: str, service: str, hint: str) -> None:
    world = World(None)
    world.playbook(PLAYBOOK, service)
    world.open("p1", service=reported)
    world.open("p2", service="cratss")
    world.tick()
    assert world.events("p1", reported) == ["refused"]
    step = next(step for step in world.steps if step.service == reported)
    assert step.body.startswith(f"There is no service at {reported}/\n")
    assert hint in step.body.splitlines()
    assert world.tick() == []
    world.playbook(PLAYBOOK, "another")
    assert world.tick() == [], "what it is near to is looked up once"


def test_released_tells_what_it_waited_for(world: World) -> None:
    world.blind()
    world.open("p1")
    world.tick()
    assert world.last().body == ("It waits (blind): kubernetes does not answer.\nLifted by: the server answers again.")
    world.see_again()
    world.tick()
    released = next(step for step in world.steps if step.event == "released")
    assert released.body == "It waited for: blind (kubernetes does not answer)."


def test_a_remediation_whose_problem_could_never_be_read_is_named_by_it(world: World) -> None:
    world.push({world.problem_path("p1"): "title: [\n"})
    world.tick()
    world.delete("p1")
    world.tick()
    assert [step.subject for step in world.steps] == ["carts: refused (p1)", "carts: resolved (p1)"]


def test_several_problems_match(world: World) -> None:
    world.blind()
    world.open("q1")
    world.open("q2")
    world.tick()
    world.see_again()
    world.tick()
    decided = next(step for step in world.steps if step.event == "decided")
    assert decided.body.startswith('Problems q1, q2 match "Response time degradation"; action 1 of 1 is')
    world.delete("q2")
    world.over("q1")
    assert world.last().body.startswith("Problems q1, q2 are over. The objectives are met.")


def test_several_problems_are_resolved(world: World) -> None:
    world.blind()
    world.open("q1")
    world.open("q2")
    world.tick()
    world.resolve("q1")
    world.delete("q2")
    world.tick()
    assert world.last().body.startswith("Problems q1, q2 were resolved, some of them by deleting their files.")


def test_bodies_are_sentences(world: World) -> None:
    """A line begins with a capital, or with a name, a path or a command as it is spelled."""
    world.playbook(
        playbook(entry("flags", "featuretoggle F:on"), entry("up", "scaling +1"), entry("late", "escalate ask them"))
    )
    world.around.flags = {"F": Flag()}
    world.around.workloads["orders"] = Workload(10)
    world.playbook(playbook(entry("up", "scaling +1")), "orders")
    world.open("p1", "flags")
    world.open("p2", "up")
    world.open("p3", "late")
    world.open("p4", "nothing like it")
    world.open("p5", "up", "orders")
    world.open("p6", "up", "nowhere")
    world.tick()
    world.around.flags["F"].enabled = False
    world.sweep()
    for verb, about in (("undo", "p9"), ("abort", "p4"), ("retry", "p1"), ("retry", "p2"), ("approve", "p2")):
        world.command(verb, about)
    world.tick()
    world.command("undo", "p1")
    world.command("undo", "p2")
    world.tick()
    spelled = ("carts", "orders", "nowhere", "`", "ops/")
    lines = [line for step in world.steps for line in step.body.splitlines()]
    assert len(lines) > 25
    assert [line for line in lines if not line[0].isupper() and not line.startswith(spelled)] == []
