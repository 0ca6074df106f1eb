"""What cannot be read is refused with what is wrong, where, and what to write; and tried again when it changes."""

from __future__ import annotations

import pytest

from tests.decide.files import PLAYBOOK
from tests.decide.world import World

BROKEN = "title: [\n"


def test_a_broken_problem_is_refused_and_tried_again_when_mended(world: World) -> None:
    path = world.problem_path("p1")
    world.push({path: "titel: slow\nstate: open\n"})
    world.tick()
    assert world.events("p1") == ["refused"]
    step = world.last("p1")
    assert step.data["at"].startswith(path + ":1")
    assert step.data["error"]
    assert step.data["expected"]
    assert step.data["offence"].startswith(path + "@")
    assert "Tried again when that changes." in step.body
    assert world.tick() == []
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["refused", "opened", "decided", "applied"]


def test_another_mistake_is_refused_anew(world: World) -> None:
    world.push({world.problem_path("p1"): BROKEN})
    world.tick()
    world.push({world.problem_path("p1"): BROKEN + "#\n"})
    world.tick()
    assert world.events("p1") == ["refused", "refused"]


@pytest.mark.parametrize("path", ["carts/remediation.yaml", "carts/service.yaml", "stage.yaml"])
def test_broken_configuration_refuses_what_is_new(world: World, path: str) -> None:
    before = world.files.get(path)
    world.push({path: "nonsense: [\n"})
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["refused"]
    assert world.last().data["at"].startswith(path)
    world.push({path: before})
    world.tick()
    assert world.events("p1") == ["refused", "opened", "decided", "applied"]


@pytest.mark.parametrize("path", ["carts/service.yaml", "stage.yaml"])
def test_nothing_is_decided_on_configuration_that_cannot_be_read(world: World, path: str) -> None:
    world.push({path: "bounds: {replicas: {max: 20}}\n"})
    world.playbook(PLAYBOOK.replace("+1", "+14"))
    world.open("p1")
    world.tick()
    assert world.replicas() == 15
    world.push({path: "bounds: {replicas: {max: \n"})
    world.around.workloads["carts-primary"].manager = "hpa-controller"
    world.around.workloads["carts-primary"].replicas = 3
    assert world.sweep() == [], "neither bounds nor drift count while nobody knows what the file says"
    world.resolve("p1")
    world.tick()
    world.open("p2")
    world.tick()
    assert world.events("p2") == ["refused"]


def test_what_waits_is_held_while_its_configuration_cannot_be_read(world: World) -> None:
    world.blind()
    world.open("p1")
    world.tick()
    world.see_again()
    world.push({"carts/service.yaml": "workload: [\n"})
    assert world.tick() == []
    world.push({"carts/service.yaml": "workload: {name: carts-primary}\n"})
    world.tick()
    assert world.events("p1") == ["opened", "held", "released", "decided", "applied"]


def test_a_problem_that_becomes_unreadable_is_taken_as_it_was(world: World) -> None:
    world.open("p1")
    world.tick()
    world.push({world.problem_path("p1"): BROKEN})
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert world.stage_events() == ["refused"]
    assert world.last().subject == "carts: cannot read problem p1"
    assert world.tick() == []
    world.over("p1")
    assert world.events("p1") == ["opened", "decided", "applied", "evaluated", "remediated"]


def test_a_problem_without_a_service_is_refused_until_there_is_one() -> None:
    world = World(None)
    world.open("p1", service="orders")
    world.tick()
    assert world.events("p1", "orders") == ["refused"]
    assert "There is no service at orders/" in world.last().body
    world.playbook(PLAYBOOK.replace("Response time degradation", "other"), "orders")
    world.tick()
    assert world.events("p1", "orders") == ["refused", "unmatched"]


def test_two_services_of_one_name_are_both_refused(world: World) -> None:
    world.playbook(PLAYBOOK, "shop/carts")
    world.open("p1")
    world.open("p2", service="shop/carts")
    world.tick()
    assert world.events("p1") == ["refused"]
    assert world.events("p2", "shop/carts") == ["refused"]
    world.playbook(None, "shop/carts")
    world.tick()
    assert world.events("p1") == ["refused", "opened", "decided", "applied"]


def test_a_name_clash_holds_what_waits(world: World) -> None:
    world.blind()
    world.open("p1")
    world.tick()
    world.see_again()
    world.playbook(PLAYBOOK, "shop/carts")
    world.tick()
    assert world.remediation("p1").hold.condition == "conflict"  # type: ignore[union-attr]  # fails if there is none
    assert world.around.writes == []


def test_duplicate_ids_the_second_file_is_refused_once(world: World) -> None:
    world.open("p1")
    path = "ops/production/carts/problems/2026-11-21/p1.yaml"
    world.push({path: "title: Response time degradation\nstate: open\n"})
    world.tick()
    assert world.stage_events() == ["refused"]
    refused = next(step for step in world.steps if step.event == "refused")
    assert refused.data["other"] in {path, world.problem_path("p1")}
    assert world.tick() == []


def test_however_many_files_a_problem_has_each_but_the_first_is_refused(world: World) -> None:
    world.open("p1")
    for name in "abcd":
        world.push({f"ops/production/carts/problems/{name}/p1.yaml": "title: Response time degradation\nstate: open\n"})
    world.tick()
    assert world.stage_events() == ["refused"] * 4


def test_a_refused_problem_that_is_resolved_ends(world: World) -> None:
    world.push({world.problem_path("p1"): BROKEN})
    world.tick()
    world.resolve("p1")
    world.tick()
    assert world.events("p1") == ["refused", "resolved"]


def test_a_refused_problem_attaches_once_it_can_be_read(world: World) -> None:
    world.push({world.problem_path("p2"): BROKEN})
    world.open("p1")
    world.tick()
    world.open("p2")
    world.tick()
    assert world.events("p1")[-1] == "attached"
    assert world.events("p2") == ["refused"]
    assert world.replicas() == 2
    world.over("p1", "p2")
    assert world.events("p1")[-1] == "remediated"
    assert world.events("p2") == ["refused", "resolved"]


def test_refused_while_suspended_is_held_and_released_after(world: World) -> None:
    world.push({world.problem_path("p1"): BROKEN})
    world.tick()
    world.stage_yaml("mode: suspended\n")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["refused", "held"]
    world.stage_yaml(None)
    world.tick()
    assert world.events("p1") == ["refused", "held", "released", "decided", "applied"]
