"""Several problems, entries and services: attached, added up, or held because of a conflict."""

from __future__ import annotations

from reconciler.model.targets import Mark
from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Flag, Workload
from tests.decide.world import World

BOTH_WAYS = playbook(entry("up", "scaling +1"), entry("down", "scaling -1"), entry("more", "scaling +3"))
SETS = playbook(
    entry("four", "scaling {replicas: 4}"),
    entry("also four", "scaling {replicas: 4}"),
    entry("six", "scaling {replicas: 6}"),
    entry("up", "scaling +1"),
)


def test_a_second_problem_of_the_entry_attaches(world: World) -> None:
    world.open("p1")
    world.tick()
    world.open("p2")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied", "attached"]
    assert world.events("p2") == []
    assert world.replicas() == 2
    assert [problem.id for problem in world.remediation("p1").problems] == ["p1", "p2"]


def test_resolved_waits_for_every_attached_problem(world: World) -> None:
    world.open("p1")
    world.open("p2")
    world.tick()
    world.resolve("p1")
    assert world.tick() == []
    world.over("p2")
    assert world.events("p1")[-1] == "remediated"
    assert world.last().data["resolved"] == ["p1", "p2"]


def test_one_of_several_problems_that_stays_open_is_not_healed(world: World) -> None:
    world.open("p1")
    world.open("p2")
    world.tick()
    world.over("p1")
    assert world.events("p1")[-3:] == ["evaluated", "escalated", "resolved"]
    assert world.last().data["resolved"] == ["p1"]
    assert world.values() == {"carts-primary": 2}
    world.resolve("p2")
    world.tick()
    assert world.last().data["resolved"] == ["p2"]
    assert world.remediation("p1").outcome == "escalated"
    assert world.desired() == {}


def test_a_problem_attaches_to_what_is_held(world: World) -> None:
    world.stage_yaml("mode: shadow\n")
    world.open("p1")
    world.tick()
    world.open("p2")
    world.tick()
    assert world.events("p1") == ["held", "attached"]
    world.stage_yaml(None)
    world.tick()
    assert world.events("p1") == ["held", "attached", "released", "decided", "applied"]


def test_entries_run_side_by_side_and_their_claims_add_up(world: World) -> None:
    world.playbook(BOTH_WAYS)
    world.open("p1", "up")
    world.open("p2", "more")
    world.tick()
    assert world.replicas() == 5
    assert world.values() == {"carts-primary": 5}
    assert world.events("p1") == world.events("p2") == ["opened", "decided", "applied"]


def test_claims_add_up_within_the_bounds(world: World) -> None:
    world.playbook(BOTH_WAYS)
    world.service_yaml("bounds: {replicas: {max: 4}}\n")
    world.open("p1", "more")
    world.tick()
    world.open("p2", "up")
    world.tick()
    assert world.replicas() == 4
    assert world.events("p2") == ["opened", "failed", "escalated"]


def test_plus_one_and_minus_one_is_nothing(world: World) -> None:
    world.playbook(BOTH_WAYS)
    world.around.workloads["carts-primary"].replicas = 3
    world.open("p1", "up")
    world.tick()
    world.open("p2", "down")
    world.tick()
    assert world.around.writes == [("carts-primary", 4), ("carts-primary", 3)]
    assert world.values() == {"carts-primary": 3}


def test_decided_on_one_field_at_once_both_are_applied(world: World) -> None:
    world.playbook(BOTH_WAYS)
    world.open("p1", "up")
    world.open("p2", "more")
    world.tick(apply=False)
    assert world.remediation("p1").pending
    assert world.remediation("p2").pending
    world.tick()
    assert world.events("p1")[-1] == world.events("p2")[-1] == "applied"
    assert world.around.writes == [("carts-primary", 5)]


def test_what_a_claim_could_not_have_weighs_on_nobody(world: World) -> None:
    """+3 and -1 make 3; without the +3 the -1 is at the bound, so that the next +1 is one more than there is."""
    world.playbook(BOTH_WAYS)
    world.stage_yaml("onResolve: revert\n")
    world.open("p1", "more")
    world.tick()
    world.open("p2", "down")
    world.tick()
    assert world.replicas() == 3
    world.over("p1", title="more")
    assert world.replicas() == 1
    world.open("p3", "up")
    world.tick()
    assert world.replicas() == 2
    assert world.steps[-2].subject == "carts: scale 1 → 2 (up)"


def test_reverting_one_leaves_the_others_part(world: World) -> None:
    world.playbook(BOTH_WAYS)
    world.stage_yaml("onResolve: revert\n")
    world.open("p1", "up")
    world.tick()
    world.later(300)
    world.open("p2", "more")
    world.tick()
    assert world.replicas() == 5
    world.resolve("p1", "up")
    world.waited(300)
    assert world.replicas() == 4
    world.resolve("p2", "more")
    world.waited(300)
    assert world.replicas() == 1
    assert world.desired() == {}


def test_keeping_one_moves_its_part_into_the_base(world: World) -> None:
    world.playbook(BOTH_WAYS)
    world.open("p1", "up")
    world.tick()
    world.later(300)
    world.open("p2", "more")
    world.tick()
    world.resolve("p1", "up")
    world.waited(300)
    ((_, held),) = world.desired().items()
    assert (held.base, held.value) == (2, 5)
    assert world.replicas() == 5


def test_two_different_sets_are_a_conflict_until_the_first_ends(world: World) -> None:
    world.playbook(SETS)
    world.open("p1", "four")
    world.tick()
    world.open("p2", "six")
    world.open("p3", "also four")
    world.tick()
    assert world.events("p2") == ["opened", "held"]
    assert world.last("p2").data["condition"] == "conflict"
    assert "is claimed otherwise by p1" in world.last("p2").data["reason"]
    assert world.events("p3") == ["opened", "decided", "applied"]
    world.resolve("p3", "also four")
    assert [step.event for step in world.over("p1", title="four")] == ["evaluated", "remediated"] * 2 + [
        "released", "decided", "applied",
    ]  # fmt: skip
    assert world.events("p2") == ["opened", "held", "released", "decided", "applied"]
    assert world.replicas() == 6


def test_a_set_beside_an_increment_is_a_conflict(world: World) -> None:
    world.playbook(SETS)
    world.open("p1", "up")
    world.tick()
    world.open("p2", "four")
    world.tick()
    assert world.events("p2") == ["opened", "held"]
    assert world.replicas() == 2


def test_opposite_flags_are_a_conflict(world: World) -> None:
    world.playbook(playbook(entry("a", "featuretoggle F:on"), entry("b", "featuretoggle F:off")))
    world.around.flags = {"F": Flag()}
    world.open("p1", "a")
    world.open("p2", "b")
    world.tick()
    assert world.flag("F")
    assert world.last("p2").data["condition"] == "conflict"


def test_another_owners_target_is_a_conflict(world: World) -> None:
    world.around.workloads["carts-primary"].mark = Mark("elsewhere/production/carts", 3, "abc")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "held"]
    assert world.last().data["reason"] == "carts-primary belongs to elsewhere/production/carts"
    assert world.around.writes == []
    world.around.workloads["carts-primary"].mark = None
    world.tick()
    assert world.events("p1") == ["opened", "held", "released", "decided", "applied"]


def test_a_claim_of_another_service_is_a_conflict_until_it_ends(world: World) -> None:
    world.service_yaml("workload: {name: shared}\n", "orders")
    world.playbook(PLAYBOOK, "orders")
    world.service_yaml("workload: {name: shared}\n")
    world.around.workloads["shared"] = Workload()
    world.open("p1")
    world.open("p2", service="orders")
    world.tick(apply=False)
    assert world.events("p2", "orders") == ["opened", "held"]
    assert world.last("p2").data["reason"] == "shared is claimed by carts"
    world.resolve("p1")
    steps = [(step.remediation, step.event) for step in world.tick(apply=False)]
    assert steps == [("p1", "resolved"), ("p1", "applied"), ("p2", "released"), ("p2", "decided")]


def test_the_target_taken_by_another_before_the_write_fails(world: World) -> None:
    world.open("p1")
    world.tick(apply=False)
    world.around.workloads["carts-primary"].mark = Mark("elsewhere/production/carts", 3, "abc")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "failed", "escalated"]
    assert "belongs to elsewhere/production/carts" in world.steps[2].data["reason"]


def test_two_given_back_at_once_are_both_given_back(world: World) -> None:
    world.playbook(playbook(entry("a", "featuretoggle A:on"), entry("b", "featuretoggle B:on")))
    world.stage_yaml("onResolve: revert\n")
    world.around.flags = {"A": Flag(), "B": Flag()}
    world.open("p1", "a")
    world.open("p2", "b")
    world.tick()
    world.blind("B")
    world.resolve("p1", "a")
    world.over("p2", title="b")
    assert (world.flag("A"), world.flag("B")) == (False, True)
    world.see_again()
    world.tick()
    assert (world.flag("A"), world.flag("B")) == (False, False)
    assert world.desired() == {}
