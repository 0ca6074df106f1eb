"""How far a past remediation is followed, what counts of it, and why the sides part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.whatif import comparing
from reconciler.decide.whatif.case import Case
from reconciler.decide.whatif.comparing import Comparison, refuse_too_much
from reconciler.model.errors import ConfigError
from reconciler.model.names import RemediationId, ServicePath
from reconciler.model.step import load_step, render_file
from tests.decide.files import PLAYBOOK, entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.whatif.past import Changes, Past
from tests.decide.whatif.test_differences import PLAYBOOK_FILE, SLOW, STAGE_FILE, remediated
from tests.decide.world import World

BROKEN = "remediations: [{name: x, actions: [{action: {a: [b"
LONGER = playbook(entry(SLOW, "scaling +1", "scaling +2", "scaling +3"))


def case(past: Past, head: Changes, base: Changes | None = None, problem: str = "p1") -> Case:
    return past.comparison(head, base).cases[ServicePath("carts"), RemediationId(problem)]


def taken(world: World, comparison: Comparison, *, bare: str = "") -> Comparison:
    """Let it take a world's steps; of the ``bare`` event nothing is told but that it happened."""
    for step in world.steps:
        if step.remediation is not None and step.service is not None:
            file = load_step(render_file(step), step.path)
            file = replace(file, data={}) if step.event == bare else file
            comparison.take(step.service, step.remediation, file)
    comparison.finish()
    return comparison


def timed_out(world: World) -> Past:
    """An action of which no effect was seen, and none is left."""
    world.around.workloads["carts-primary"].slow = True
    world.open("p1")
    world.tick()
    world.later(300)
    world.tick()
    assert world.events("p1")[-2:] == ["failed", "escalated"]
    return Past(world)


# what comes after an action without effect


def test_where_there_is_another_action_it_would_have_been_tried(world: World) -> None:
    past = timed_out(world)
    assert past.result({STAGE_FILE: "onResolve: revert\n"}).groups == ()
    found = past.one({PLAYBOOK_FILE: LONGER})
    assert (found.kind, found.recorded) == ("action", "the action had no effect")
    assert found.base == "no action is left, a person is called"
    assert found.head == "`scaling +2` is tried next (what it would come to is unknown from here)"
    assert found.why == "another number of actions in the playbook"


def test_where_it_may_be_tried_again_it_would_have_been(world: World) -> None:
    found = timed_out(world).one({STAGE_FILE: "retries: 1\n"})
    assert (found.kind, found.base) == ("next", "no action is left, a person is called")
    assert (found.head, found.why) == ("`scaling +1` once more", "`retries`, `onWarning` or the actions that are left")


def test_an_action_that_failed_before_it_was_done_is_compared_and_not_followed(world: World) -> None:
    world.stage_yaml("bounds: {replicas: {max: 1}}\n")
    world.open("p1")
    world.tick()
    past = Past(world)
    found = past.one({STAGE_FILE: "bounds: {replicas: {max: 3}}\n"})
    assert found.kind == "bound"
    assert found.recorded.startswith("`scaling +1` fails: ")
    assert (found.head, found.why) == ("`scaling +1` (carts-primary 1 → 2)", "bounds 1..1 → 1..3")
    assert past.result({PLAYBOOK_FILE: LONGER}).groups == (), "what follows it was tried, or could have been"


def test_a_person_who_was_called_instead_is_what_was_done(world: World) -> None:
    guard = "loopGuard: {times: 1, within: 3h}\n"
    world.stage_yaml(guard)
    remediated(world)
    world.open("p2")
    world.tick()
    assert world.events("p2")[-1] == "escalated"
    (group,) = Past(world).result({STAGE_FILE: ""}).groups
    assert (group.kind, group.ids) == ("held", ["carts/p2"])
    assert group.example.recorded.startswith("a person is called: loop guard")
    assert group.example.base.startswith("a person is called: loop guard")
    assert group.example.head.startswith("`scaling +1` (unknown from here")
    assert group.example.why.startswith("loop guard")


# what counts


def test_an_action_counts_once_and_no_side_strays(world: World) -> None:
    found = case(remediated(world), {})
    assert (found.base_acts.actions, found.head_acts.actions) == ({"scaling": 1}, {"scaling": 1})
    assert (found.tried, found.together, found.strayed, found.differences) == (True, True, False, [])
    assert found.healed == (True, True)


def test_only_more_replicas_are_never_fewer(world: World) -> None:
    totals = remediated(world).result({PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +3"))}).totals
    assert (totals.replicas_most, totals.replicas_least) == (2, 0)


def test_what_is_done_once_has_no_value_to_tell(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "restart")))
    found = case(remediated(world), {STAGE_FILE: "mode: shadow\n"})
    assert [each.base for each in found.differences] == ["`restart` (carts-primary restartedAt)"]
    assert not found.strayed


def test_the_kind_of_a_problem_is_its_entry_or_else_its_title(world: World) -> None:
    world.playbook(playbook(entry("Response", "scaling +1")))
    world.open("p1")
    world.open("p2", "Nothing like it")
    world.tick()
    kinds = [each.type for each in Past(world).comparison({}).cases.values()]
    assert sorted(kinds) == ["Nothing like it", "Response"]


def test_where_nothing_changed_problems_are_only_counted(world: World) -> None:
    past = remediated(world)
    world.open("p2", "Nothing like it")
    world.tick()
    changed = {PLAYBOOK_FILE: LONGER.replace("+1", "+5")}
    comparison = taken(world, Comparison(past.side({}), past.side(changed), lambda _: False))
    assert [[each.id for each in found.problems] for found in comparison.cases.values()] == [["p1"], ["p2"]]
    assert [found.differences for found in comparison.cases.values()] == [[], []]
    assert (comparison.unusable, comparison.work) == ({}, 0)


def test_what_is_judged_is_counted_and_bounded(world: World) -> None:
    assert remediated(world).comparison({}).work == 2 * 3, "an objective and its two criteria, on either side"
    refuse_too_much(comparing.WORK)
    with pytest.raises(ConfigError):
        refuse_too_much(comparing.WORK + 1)


def test_a_second_problem_may_differ_alone(world: World) -> None:
    world.playbook(playbook(entry("slow", "scaling +1")))
    world.open("p1", "slow shop")
    world.tick()
    world.open("p2", "slow cart")
    world.tick()
    head = playbook(entry("slow cart", "scaling +1"), entry("slow", "scaling +1"))
    found = case(Past(world), {PLAYBOOK_FILE: head})
    assert [(each.id, [other.head for other in each.own]) for each in found.problems] == [
        ("p1", []), ("p2", ['entry "slow cart"']),
    ]  # fmt: skip


# what neither side can read


def test_where_neither_side_can_be_read_nothing_differs(world: World) -> None:
    past = remediated(world)
    assert past.result({PLAYBOOK_FILE: BROKEN}, {PLAYBOOK_FILE: BROKEN}).groups == ()


def test_what_can_be_read_again_says_so(world: World) -> None:
    (group,) = remediated(world).result({}, {PLAYBOOK_FILE: BROKEN}).groups
    assert (group.kind, group.example.why, group.example.head) == ("refused", "it can be read", f'entry "{SLOW}"')
    assert group.example.recorded == f'entry "{SLOW}"'


def test_what_matched_no_entry_was_none(world: World) -> None:
    world.open("p1", "Nothing like it")
    world.tick()
    found = case(Past(world), {PLAYBOOK_FILE: PLAYBOOK + entry("Nothing", "scaling +2")})
    assert [each.recorded for each in found.differences] == ["no entry", "nothing was tried"]


# why


def test_why_they_part_is_said(world: World) -> None:
    past = remediated(world)
    bounds = "bounds: {replicas: {max: 9}}\n"
    more = {PLAYBOOK_FILE: playbook(entry(SLOW, "scaling +2"))}
    assert past.one({**more, STAGE_FILE: bounds}).why == "`scaling +1` → `scaling +2`"
    shadowed = {STAGE_FILE: "mode: shadow\n"}
    assert past.one(shadowed).why == "would scale 1 → 2 (scaling +1)"
    (back,) = past.result({}, shadowed).groups
    assert (back.kind, back.example.why) == ("held", "would scale 1 → 2 (scaling +1)")
    elsewhere = past.one({"carts/service.yaml": "workload: {name: another}\n"})
    assert (elsewhere.kind, elsewhere.why) == ("action", "another target, of which nothing was recorded")


def test_a_cooldown_of_one_side_looks_back_for_both(world: World) -> None:
    remediated(world)
    world.later(2 * 3600)
    world.open("p2")
    world.tick()
    (group,) = Past(world).result({STAGE_FILE: "cooldown: 4h\n"}).groups
    assert (group.kind, group.ids) == ("held", ["carts/p2"])
    assert "cooldown" in group.example.head


def test_who_has_ended_acts_no_more_for_the_side_that_counts_it(world: World) -> None:
    world.playbook(PLAYBOOK, "orders")
    world.around.workloads["orders-primary"] = Workload()
    world.objectives(service="orders")
    world.around.values["response_time_p90"] = 80.0
    world.open("o1", service="orders")
    world.tick()
    world.over("o1", service="orders")
    assert world.events("o1", "orders")[-1] == "remediated"
    past = remediated(world)
    head = past.side({STAGE_FILE: "budgets: {servicesAtOnce: 1}\n"})
    for sides in ((past.side({}), head), (head, past.side({}))):
        comparison = taken(world, Comparison(*sides, lambda _: True), bare="remediated")
        assert [each.differences for each in comparison.cases.values()] == [[], []]
