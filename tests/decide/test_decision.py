"""From a problem's file to the effect: what is decided, committed and applied."""

from __future__ import annotations

import pytest

from reconciler.model.targets import Autoscaler, Target
from tests.decide.files import entry, playbook
from tests.decide.surroundings import NAMESPACE, Flag, Workload
from tests.decide.world import START, World


def test_a_problem_scales_the_primary(world: World) -> None:
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert world.replicas() == 2
    assert world.last("p1").subject == "carts: took effect (Response time degradation)"
    decided = world.steps[1]
    assert decided.subject == "carts: scale 1 → 2 (Response time degradation)"
    assert decided.data["action"] == "scaling +1"
    assert decided.data["changes"][0]["value"] == 2
    assert decided.facts["kubernetes/sockshop-production/Deployment/carts-primary|carts"]["replicas"] == 1
    assert world.values() == {"carts-primary": 2}
    assert world.tick() == []


def test_every_step_says_in_git_what_it_is(world: World) -> None:
    world.open("p1")
    world.tick()
    assert sorted(path for path in world.files if path.startswith("ops/production/carts/remediations/")) == [
        "ops/production/carts/remediations/p1/01-opened.yaml",
        "ops/production/carts/remediations/p1/02-decided.yaml",
        "ops/production/carts/remediations/p1/03-applied.yaml",
    ]
    opened, decided, _ = world.steps
    assert opened.data["entry"] == "Response time degradation"
    assert opened.data["actions"] == [{"action": "scaling", "value": "+1"}]
    assert opened.data["pinned"][0].startswith("carts/remediation.yaml@")
    assert "carts-primary in sockshop-production had 1 replica, bounds 1..10." in decided.body
    assert 'Problem p1 matches "Response time degradation"; action 1 of 1 is `scaling +1`.' in decided.body


def test_the_decision_comes_before_the_effect(world: World) -> None:
    world.open("p1")
    world.tick(apply=False)
    assert world.events("p1") == ["opened", "decided"]
    assert world.around.writes == []
    world.tick()
    assert world.around.writes == [("carts-primary", 2)]


def test_without_a_primary_the_service_itself_is_scaled(world: World) -> None:
    world.around.workloads = {"carts": Workload(replicas=3)}
    world.open("p1")
    world.tick()
    assert world.replicas("carts") == 4


def test_service_yaml_names_another_workload(world: World) -> None:
    world.service_yaml("workload: {kind: StatefulSet, name: carts-db}\n")
    world.around.workloads["carts-db"] = Workload(replicas=2)
    world.open("p1")
    world.tick()
    assert (world.replicas("carts-db"), world.replicas()) == (3, 1)


@pytest.mark.parametrize(
    ("action", "before", "bounds", "after"),
    [
        ("scaling +1", 1, "", 2),
        ("scaling +5", 1, "{max: 4}", 4),
        ("scaling -1", 3, "", 2),
        ("scaling -5", 3, "{min: 2}", 2),
        ("scaling {replicas: 4}", 1, "", 4),
        ("scaling {replicas: 40}", 1, "", 10),
        ("scaling {replicas: 40}", 1, "{max: 60}", 40),
        ("scaling {replicas: 0}", 3, "", 1),
        ("scaling {replicas: 0}", 3, "{min: 0}", 0),
        ("scaling {replicas: 3}", 3, "", 3),
        ("scaling -1", 14, "", 13),
    ],
)
def test_scaling_stays_within_the_bounds(world: World, action: str, before: int, bounds: str, after: int) -> None:
    world.playbook(playbook(entry("slow", action)))
    if bounds:
        world.service_yaml(f"bounds: {{replicas: {bounds}}}\n")
    world.around.workloads["carts-primary"].replicas = before
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert world.replicas() == after
    assert world.values() == {"carts-primary": after}


@pytest.mark.parametrize(
    ("action", "before", "bounds"),
    [("scaling +1", 4, "{max: 4}"), ("scaling -1", 2, "{min: 2}"), ("scaling +1", 12, "")],
)
def test_at_the_bound_the_action_fails_and_a_person_is_told(
    world: World, action: str, before: int, bounds: str
) -> None:
    world.playbook(playbook(entry("slow", action)))
    if bounds:
        world.service_yaml(f"bounds: {{replicas: {bounds}}}\n")
    world.around.workloads["carts-primary"].replicas = before
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "failed", "escalated"]
    assert f"has {before} replicas and may not have" in world.steps[1].data["reason"]
    assert world.around.writes == []
    assert world.desired() == {}


def test_a_service_narrows_the_bounds_of_its_stage(world: World) -> None:
    world.stage_yaml("bounds: {replicas: {min: 2, max: 8}}\n")
    world.service_yaml("bounds: {replicas: {max: 3}}\n")
    world.playbook(playbook(entry("slow", "scaling +9")))
    world.open("p1", "slow")
    world.tick()
    assert world.replicas() == 3


def test_a_minimum_above_the_maximum_gives_way(world: World) -> None:
    world.stage_yaml("bounds: {replicas: {max: 3}}\n")
    world.service_yaml("bounds: {replicas: {min: 5}}\n")
    world.playbook(playbook(entry("slow", "scaling +9")))
    world.open("p1", "slow")
    world.tick()
    assert world.replicas() == 3


def test_a_missing_workload_fails(world: World) -> None:
    world.around.workloads.clear()
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "failed", "escalated"]
    assert world.steps[1].data["reason"] == "no Deployment carts-primary or carts"


def hpa(minimum: int, maximum: int) -> Autoscaler:
    target = Target("kubernetes", NAMESPACE, "HorizontalPodAutoscaler", "carts")
    return Autoscaler(target, "minReplicas", minimum, maximum)


@pytest.mark.parametrize(
    ("minimum", "current", "action", "after"),
    [(1, 1, "scaling +1", 2), (1, 4, "scaling +1", 5), (3, 3, "scaling +2", 5), (4, 5, "scaling -1", 3)],
)
def test_an_autoscalers_minimum_is_claimed(world: World, minimum: int, current: int, action: str, after: int) -> None:
    world.playbook(playbook(entry("slow", action)))
    world.around.workloads["carts-primary"] = Workload(current, autoscaler=hpa(minimum, 8))
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    scaler = world.around.workloads["carts-primary"].autoscaler
    assert scaler is not None
    assert scaler.minimum == after
    assert world.values() == {"carts": after}
    ((_, held),) = world.desired().items()
    assert (held.base, held.through) == (minimum, Target("kubernetes", NAMESPACE, "Deployment", "carts-primary"))


@pytest.mark.parametrize("action", ["scaling +1", "scaling +3", "scaling {replicas: 9}"])
def test_beyond_an_autoscalers_maximum_the_action_fails(world: World, action: str) -> None:
    world.playbook(playbook(entry("slow", action)))
    world.around.workloads["carts-primary"] = Workload(4, autoscaler=hpa(1, 4))
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "failed", "escalated"]
    assert "Raise the autoscaler's maximum" in world.steps[1].body


def test_flags_are_switched(world: World) -> None:
    world.playbook(playbook(entry("Failure rate increase", "featuretoggle {EnablePromotion: off}")))
    world.around.flags = {"EnablePromotion": Flag(enabled=True, caveat="It is at 30 % of users.")}
    world.open("p1", "Failure rate increase")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert not world.flag("EnablePromotion")
    assert world.steps[1].subject == "carts: switch EnablePromotion on → off (Failure rate increase)"
    assert "It is at 30 % of users." in world.steps[1].body
    assert "In default/production on the flag server." in world.steps[1].body


def test_several_flags_are_one_decision(world: World) -> None:
    world.playbook(playbook(entry("slow", "featuretoggle {A: on, B: off}")))
    world.around.flags = {"A": Flag(), "B": Flag(enabled=True)}
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert (world.flag("A"), world.flag("B")) == (True, False)


def test_a_flag_that_is_so_already_is_held_without_a_write(world: World) -> None:
    world.playbook(playbook(entry("slow", "featuretoggle A:on")))
    world.around.flags = {"A": Flag(enabled=True)}
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert world.around.writes == []
    assert world.values() == {"A": True}


def test_a_misspelt_flag_fails_with_the_right_name(world: World) -> None:
    world.playbook(playbook(entry("slow", "featuretoggle EnableItemCache:on")))
    world.around.near = {"EnableItemCache": ("EnableItemsCache",)}
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "failed", "escalated"]
    assert world.steps[1].data["hint"] == "did you mean EnableItemsCache?"


def test_the_playbook_asks_for_a_person(world: World) -> None:
    world.playbook(playbook(entry("slow", "escalate ask the database team")))
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "escalated"]
    assert world.last().data["reason"] == "ask the database team"


def test_an_entry_without_actions_fails(world: World) -> None:
    world.playbook("remediations:\n- name: slow\n  actions: []\n")
    world.open("p1", "slow")
    world.tick()
    assert world.events("p1") == ["opened", "failed", "escalated"]


def test_nothing_matched_is_an_outcome(world: World) -> None:
    world.open("p1", "Something else")
    world.tick()
    assert world.events("p1") == ["unmatched"]
    assert 'No entry of carts/remediation.yaml matches "Something else"; it has "Response' in world.steps[0].body
    assert world.tick() == []


def test_no_playbook_is_unmatched() -> None:
    world = World(None)
    world.service_yaml("")
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["unmatched"]
    assert world.steps[0].body == "carts has no remediation.yaml."


def test_a_rollout_that_never_gets_ready_fails_at_its_deadline(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "decided"]
    assert world.due == START + 300
    world.later(299)
    assert world.tick() == []
    world.later(1)
    world.tick()
    assert world.events("p1") == ["opened", "decided", "failed", "escalated"]
    assert world.steps[2].data["reason"] == "no effect within 300 s: 0 of 2 replicas are ready"
    assert world.values() == {"carts-primary": 2}, "what came about stays until the source resolves"


def test_the_rollouts_trouble_is_told(world: World) -> None:
    world.stage_yaml("rollout: 60s\n")
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.around.workloads["carts-primary"].trouble = "carts-primary-x: CrashLoopBackOff"
    world.later(60)
    world.tick()
    assert "CrashLoopBackOff" in world.steps[2].data["reason"]


def test_a_change_that_did_not_last_is_not_claimed(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.around.workloads["carts-primary"].replicas = 1
    world.later(300)
    world.tick(apply=False)
    assert world.events("p1") == ["opened", "decided", "failed", "escalated"]
    assert world.steps[2].data["reason"] == "no effect within 300 s: carts-primary is 1, not 2"
    assert world.desired() == {}
    assert world.sweep() == []


def test_a_decision_that_nobody_was_there_to_carry_out_is_carried_out_late(world: World) -> None:
    world.open("p1")
    world.tick(apply=False)
    world.later(7200)
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]
    assert world.around.writes == [("carts-primary", 2)]


def test_on_fail_revert_gives_back(world: World) -> None:
    world.playbook(playbook(entry("slow", "scaling +1")) + "    onFail: revert\n")
    world.around.workloads["carts-primary"].slow = True
    world.open("p1", "slow")
    world.tick()
    world.later(300)
    world.around.workloads["carts-primary"].slow = False
    world.tick()
    assert world.events("p1") == ["opened", "decided", "failed", "escalated", "applied"]
    assert world.replicas() == 1
    assert world.desired() == {}


def test_a_target_that_goes_away_during_the_rollout_fails(world: World) -> None:
    world.open("p1")
    world.tick(apply=False)
    world.around.workloads.clear()
    world.tick()
    assert world.events("p1") == ["opened", "decided", "failed", "escalated"]


def test_delivered_again_a_problem_changes_nothing(world: World) -> None:
    world.open("p1")
    world.tick()
    before = dict(world.files)
    world.open("p1")
    assert world.tick() == []
    assert world.files == before


def test_long_and_odd_titles_fit_a_subject(world: World) -> None:
    world.playbook(playbook(entry("default", "scaling +1")))
    world.open("p1", "slow\nSigned-off-by: x " + "y" * 480)
    world.tick()
    for step in world.steps:
        assert "\n" not in step.subject
        assert len(step.subject) < 140
    assert len(world.steps[0].data["problem"]["title"]) > 480
