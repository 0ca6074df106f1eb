"""The life of a problem: occurrences, deletion, re-opening, and resolution at every moment."""

from __future__ import annotations

import pytest

from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Flag, Workload
from tests.decide.test_decision import hpa
from tests.decide.world import START, World

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time


def test_open_again_is_the_next_occurrence(world: World) -> None:
    for _ in range(3):
        world.open("p1")
        world.tick()
        world.over("p1")
    for name in ("p1", "p1+2", "p1+3"):
        assert world.events(name) == ["opened", "decided", "applied", "evaluated", "remediated"]
    assert world.replicas() == 4


def test_a_deleted_file_is_resolved_and_its_return_is_the_next_occurrence(world: World) -> None:
    world.blind()
    world.open("p1")
    world.tick()
    world.delete("p1")
    world.tick()
    assert world.events("p1") == ["opened", "held", "resolved"]
    assert "by deleting its file" in world.last().body
    world.see_again()
    world.open("p1")
    world.tick()
    assert world.remediation("p1+2").problems[0].occurrence == 2
    world.delete("p1")
    world.waited()
    assert world.events("p1+2")[-2:] == ["evaluated", "remediated"]
    world.open("p1")
    world.tick()
    assert world.remediation("p1+3").problems[0].occurrence == 3


def test_open_once_more_while_it_waits_is_the_same_occurrence(world: World) -> None:
    world.open("p1")
    world.tick()
    world.resolve("p1")
    assert world.tick() == []
    world.open("p1")
    assert world.tick() == []
    world.waited()
    assert world.events("p1")[-2:] == ["evaluated", "escalated"]
    assert world.view().remediations.keys() == {"p1"}


def test_resolved_before_it_was_seen_needs_no_step(world: World) -> None:
    world.resolve("p1")
    assert world.tick() == []
    world.open("p1")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied"]


def test_resolved_before_the_effect_the_claim_is_dropped(world: World) -> None:
    world.open("p1")
    world.tick(apply=False)
    world.resolve("p1")
    world.tick()
    assert world.events("p1") == ["opened", "decided", "resolved", "applied"]
    assert world.around.writes == []
    assert world.desired() == {}


def test_resolved_during_the_rollout_what_was_written_is_taken_back(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.around.workloads["carts-primary"].slow = False
    world.resolve("p1")
    world.tick()
    assert world.around.writes == [("carts-primary", 2), ("carts-primary", 1)]
    assert world.last().subject == "carts: given back (Response time degradation)"
    assert world.desired() == {}


def test_resolved_after_the_effect_nothing_is_said_before_the_wait_is_over(world: World) -> None:
    world.open("p1")
    world.tick()
    world.resolve("p1")
    assert world.tick() == []
    assert world.waited(599) == []
    assert world.due == START + 600
    assert [step.event for step in world.waited(1)] == ["evaluated", "remediated"]


def test_resolved_after_the_effect_keeps_it_by_default(world: World) -> None:
    world.open("p1")
    world.tick()
    world.over("p1")
    assert world.events("p1") == ["opened", "decided", "applied", "evaluated", "remediated"]
    assert world.last().data["resolved"] == ["p1"]
    assert "carts-primary stays 2 and is no longer held." in world.last().body
    assert world.replicas() == 2
    assert world.desired() == {}


@pytest.mark.parametrize("where", ["stage", "service", "action"])
def test_resolved_after_the_effect_reverts_where_told_to(world: World, where: str) -> None:
    if where == "stage":
        world.stage_yaml("onResolve: revert\n")
    elif where == "service":
        world.stage_yaml("onResolve: keep\n")
        world.service_yaml("onResolve: revert\n")
    else:
        world.playbook(PLAYBOOK + "    onResolve: revert\n")
    world.open("p1")
    world.tick()
    world.resolve("p1")
    world.tick()
    assert world.replicas() == 2, "giving back waits until it is known that it helped"
    world.waited()
    assert world.events("p1") == ["opened", "decided", "applied", "evaluated", "remediated", "applied"]
    assert world.replicas() == 1
    assert world.desired() == {}


def test_a_raised_autoscaler_is_lowered_by_default(world: World) -> None:
    world.around.workloads["carts-primary"] = Workload(1, autoscaler=hpa(1, 8))
    world.open("p1")
    world.tick()
    world.over("p1")
    scaler = world.around.workloads["carts-primary"].autoscaler
    assert scaler is not None
    assert scaler.minimum == 1


def test_a_flag_goes_back_to_what_it_was(world: World) -> None:
    world.playbook(playbook(entry("slow", "featuretoggle F:on")) + "    onResolve: revert\n")
    world.around.flags = {"F": Flag()}
    world.open("p1", "slow")
    world.tick()
    world.over("p1", title="slow")
    assert not world.flag("F")


def test_what_is_not_ours_any_more_is_left_alone_and_told(world: World) -> None:
    world.stage_yaml("onResolve: revert\n")
    world.open("p1")
    world.tick()
    world.resolve("p1")
    world.later(600)
    world.tick(apply=False)
    world.around.workloads["carts-primary"].replicas = 7
    world.tick()
    assert world.replicas() == 7
    assert world.last().body == "carts-primary is 7, not our 2 any more, and is left alone."
    assert world.desired() == {}


def test_what_a_controller_changed_is_repaired_before_it_is_given_back(world: World) -> None:
    world.stage_yaml("onResolve: revert\n")
    world.open("p1")
    world.tick()
    world.around.workloads["carts-primary"].replicas = 7
    world.over("p1")
    assert world.events("p1")[3:] == ["drift", "applied"]
    world.waited()
    assert world.events("p1")[5:] == ["evaluated", "remediated", "applied"]
    assert world.replicas() == 1


def test_giving_back_what_has_gone_ends(world: World) -> None:
    world.stage_yaml("onResolve: revert\n")
    world.open("p1")
    world.tick()
    world.around.workloads.clear()
    world.over("p1")
    assert world.events("p1")[-2:] == ["remediated", "failed"]
    assert world.remediation("p1").outcome == "remediated"
    assert world.desired() == {}
    assert world.tick() == []


def test_giving_back_waits_until_it_can_see(world: World) -> None:
    world.stage_yaml("onResolve: revert\n")
    world.open("p1")
    world.tick()
    world.blind()
    world.over("p1")
    assert world.events("p1")[-1] == "remediated"
    assert world.tick() == []
    world.see_again()
    world.tick()
    assert world.replicas() == 1


def test_an_increment_on_what_is_being_given_back_starts_from_the_base(world: World) -> None:
    world.playbook(playbook(entry("up", "scaling +1"), entry("more", "scaling +3")))
    world.stage_yaml("onResolve: revert\n")
    world.open("p1", "up")
    world.tick()
    world.open("p2", "more")
    world.over("p1", title="up")
    assert world.replicas() == 4
    assert "scale 1 → 4" in next(s.subject for s in world.steps if s.remediation == "p2" and s.event == "decided")
    assert world.tick() == []


def test_escalated_keeps_its_claim_until_the_source_resolves(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.later(300)
    world.tick()
    assert world.values() == {"carts-primary": 2}
    world.resolve("p1")
    world.tick()
    assert world.events("p1")[-2:] == ["escalated", "resolved"]
    assert world.remediation("p1").outcome == "escalated"
    assert world.desired() == {}


def test_titles_are_pinned_when_opened(world: World) -> None:
    world.open("p1")
    world.tick()
    world.open("p1", "Something else")
    assert world.tick() == []


def test_the_playbook_is_pinned_when_opened(world: World) -> None:
    world.blind()
    world.open("p1")
    world.tick()
    world.see_again()
    world.playbook(PLAYBOOK.replace("+1", "+5"))
    world.tick()
    assert world.replicas() == 2


@pytest.mark.parametrize("ending", ["resolve", "delete"])
def test_what_is_held_ends_resolved(world: World, ending: str) -> None:
    world.stage_yaml("mode: suspended\n")
    world.open("p1")
    world.tick()
    getattr(world, ending)("p1")
    world.tick()
    assert world.events("p1") == ["held", "resolved"]


def test_a_removed_service_ends_orphaned(world: World) -> None:
    world.open("p1")
    world.tick()
    world.playbook(None)
    world.tick()
    assert world.events("p1") == ["opened", "decided", "applied", "orphaned"]
    assert world.replicas() == 2
    assert world.desired() == {}
    assert world.tick() == []


@pytest.mark.parametrize("moment", ["at once", "before the write"])
def test_a_service_that_is_back_takes_its_open_problem_up_again(world: World, moment: str) -> None:
    world.open("p1")
    world.tick(apply=moment == "at once")
    world.playbook(None)
    world.tick()
    world.later(7200)
    world.playbook(PLAYBOOK.replace("+1", "+2"))
    world.tick()
    assert world.events("p1")[-4:] == ["orphaned", "reopened", "decided", "applied"]
    reopened = next(step for step in world.steps if step.event == "reopened")
    assert reopened.subject == "carts: taken up again (Response time degradation)"
    assert reopened.data["actions"] == [{"action": "scaling", "value": "+2"}]
    assert reopened.data["pinned"]
    assert world.replicas() == (4 if moment == "at once" else 3)
    assert world.tick() == []
    world.over("p1")
    assert world.events("p1")[-2:] == ["evaluated", "remediated"]
    assert world.remediation("p1").outcome == "remediated"
    assert world.desired() == {}


def test_it_can_go_and_come_back_more_than_once(world: World) -> None:
    world.open("p1")
    for _ in range(3):
        world.tick()
        world.playbook(None)
        world.tick()
        assert world.events("p1")[-1] == "orphaned"
        world.playbook(PLAYBOOK)
    world.tick()
    assert world.events("p1").count("reopened") == 3
    assert world.replicas() == 5


def test_both_problems_of_an_orphan_are_taken_up_together(world: World) -> None:
    world.open("p1")
    world.open("p2")
    world.tick()
    world.playbook(None)
    world.tick()
    world.playbook(PLAYBOOK)
    world.tick()
    assert world.events("p1")[-4:] == ["orphaned", "reopened", "decided", "applied"]
    assert world.events("p2") == []
    world.resolve("p1")
    assert world.tick() == []
    world.over("p2")
    assert world.last().data["resolved"] == ["p1", "p2"]


def test_a_problem_that_went_while_its_service_was_away_is_not_taken_up(world: World) -> None:
    world.open("p1")
    world.tick()
    world.playbook(None)
    world.tick()
    world.resolve("p1")
    world.tick()
    world.playbook(PLAYBOOK)
    assert world.tick() == []
    assert world.events("p1")[-2:] == ["orphaned", "resolved"]


@pytest.mark.parametrize(
    ("text", "event"),
    [("nonsense: [\n", "refused"), (PLAYBOOK.replace("Response time degradation", "other"), "unmatched")],
)
def test_what_stands_against_taking_it_up_is_told_once(world: World, text: str, event: str) -> None:
    world.open("p1")
    world.tick()
    world.playbook(None)
    world.tick()
    world.playbook(text)
    world.tick()
    assert world.events("p1")[-2:] == ["orphaned", event]
    assert world.tick() == []
    world.playbook(PLAYBOOK)
    world.tick()
    again = (
        ["refused", "reopened", "decided", "applied"] if event == "refused" else ["applied", "orphaned", "unmatched"]
    )
    assert world.events("p1")[-len(again) :] == again


def test_an_orphan_joins_what_is_being_done_about_its_entry_by_now(world: World) -> None:
    world.open("p5")
    world.tick()
    world.playbook(None)
    world.tick()
    world.open("p1")
    world.tick()
    world.playbook(PLAYBOOK)
    world.tick()
    assert world.events("p1") == ["refused", "opened", "attached", "decided", "applied"]
    assert world.events("p5")[-1] == "orphaned"
    world.over("p5", "p1")
    assert world.events("p1")[-1] == "remediated"
    assert world.events("p5")[-1] == "resolved"
    assert world.tick() == []


def test_back_without_its_playbook_it_waits_for_that(world: World) -> None:
    world.open("p1")
    world.tick()
    world.playbook(None)
    world.tick()
    world.service_yaml("labels: {team: shop}\n")
    assert world.tick() == []
    world.playbook(PLAYBOOK)
    world.tick()
    assert world.events("p1")[-3:] == ["reopened", "decided", "applied"]


def test_what_a_person_ended_is_not_taken_up_when_the_service_is_back(world: World) -> None:
    world.open("p1")
    world.tick()
    world.command("abort", "p1")
    world.tick()
    world.playbook(None)
    world.tick()
    world.playbook(PLAYBOOK)
    assert world.tick() == []


def test_a_moved_service_starts_anew_at_its_new_path(world: World) -> None:
    world.open("p1")
    world.tick()
    world.push({"carts/remediation.yaml": None, "shop/carts/remediation.yaml": PLAYBOOK})
    world.open("p1", service="shop/carts")
    world.tick()
    assert world.events("p1")[-1] == "orphaned"
    assert world.events("p1", "shop/carts") == ["opened", "decided", "applied"]
    assert world.replicas() == 3


def test_a_removed_service_lets_go_of_what_an_escalated_one_held(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.later(300)
    world.tick()
    world.playbook(None)
    world.tick()
    assert world.events("p1")[-2:] == ["escalated", "orphaned"]
    assert world.desired() == {}


def test_more_than_ninety_nine_steps(world: World) -> None:
    for number in range(102):
        world.open(f"p{number:03d}")
    world.tick()
    assert world.remediation("p000").number == 104
    assert world.events("p000")[-3:] == ["attached", "decided", "applied"]
    world.over(*(f"p{number:03d}" for number in range(102)))
    assert sum(len(step.data["resolved"]) for step in world.steps if "resolved" in step.data) == 102
    assert world.remediation("p000").outcome == "remediated"
    assert all(problem.resolved for problem in world.remediation("p000").problems)
