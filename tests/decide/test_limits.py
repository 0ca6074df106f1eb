"""What a step may hold is bounded, whatever people and monitoring push; what is cut says how much more there was."""

from __future__ import annotations

import pytest

from reconciler.decide.actions.featuretoggle import FLAGS
from reconciler.decide.actions.registry import check_playbook
from reconciler.decide.draft import LINE, TEXT, Draft, Note
from reconciler.decide.foreign import PATHS
from reconciler.decide.planning import VALUES
from reconciler.decide.resolution import ENDS
from reconciler.model.playbook import load_playbook
from reconciler.model.step import Step, trailers
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.world import World

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time


def flags(count: int, start: int = 0) -> str:
    return "{" + ", ".join(f"Flag{number:03d}: on" for number in range(start, start + count)) + "}"


def step(world: World, event: str) -> Step:
    return next(each for each in reversed(world.steps) if each.event == event)


def test_an_action_switches_at_most_fifty_flags() -> None:
    text = playbook(entry("a", f"featuretoggle {flags(FLAGS)}"), entry("b", f"featuretoggle {flags(FLAGS + 1)}"))
    (error,) = check_playbook(load_playbook(text.encode(), "carts/remediation.yaml"))
    assert error.message == "featuretoggle with 51 flags"
    assert error.place is not None
    assert error.place.line == 9
    assert error.expected == "at most 50 flags"
    assert "several actions" in error.hint


def test_many_flags_are_cut_in_the_subject_and_told_in_the_body(world: World) -> None:
    world.playbook(playbook(entry("many", f"featuretoggle {flags(FLAGS)}")))
    world.around.flags = {f"Flag{number:03d}": Flag() for number in range(FLAGS)}
    world.open("p1", "many")
    world.tick()
    decided = step(world, "decided")
    assert decided.subject == ("carts: switch Flag000 off → on, Flag001 off → on, Flag002 off → on and 47 more (many)")
    assert trailers(decided)["Action"] == "featuretoggle Flag000:on, Flag001:on, Flag002:on and 47 more"
    assert "Flag049 off → on" in decided.body
    assert len(decided.data["changes"]) == FLAGS
    assert all(world.flag(name) for name in world.around.flags)


def test_an_action_is_told_in_one_short_line(world: World) -> None:
    world.playbook(playbook(entry("late", 'escalate "' + "word\\n" * 90 + '"')))
    world.open("p1", "late")
    world.tick()
    action = trailers(step(world, "escalated"))["Action"]
    assert "\n" not in action
    assert len(action) < 120


def test_a_service_holds_a_bounded_number_of_values(world: World) -> None:
    count = VALUES // FLAGS + 1
    world.playbook(
        playbook(*(entry(f"e{each}", f"featuretoggle {flags(FLAGS, each * FLAGS)}") for each in range(count)))
    )
    world.around.flags = {f"Flag{number:03d}": Flag() for number in range(count * FLAGS)}
    for each in range(count):
        world.open(f"p{each}", f"e{each}")
    world.tick()
    last = f"p{count - 1}"
    assert world.events(last) == ["opened", "held"]
    assert world.last(last).data["condition"] == "budget"
    assert world.last(last).data["reason"] == f"carts holds {VALUES} values, and with 50 more it would be over {VALUES}"
    world.over("p0", title="e0")
    assert world.events(last) == ["opened", "held", "released", "decided", "applied"]


def many(world: World, count: int) -> None:
    for number in range(count):
        world.open(f"p{number:03d}")
    world.tick()


def test_many_problems_that_are_over_after_the_wait_end_in_several_steps(world: World) -> None:
    count = 2 * ENDS + 1
    many(world, count)
    assert f"Problems p000, p001, p002 and {count - 3} more match" in step(world, "decided").body
    world.over(*(f"p{number:03d}" for number in range(count)))
    ends = [(each.event, len(each.data["resolved"])) for each in world.steps if "resolved" in each.data]
    assert ends == [("remediated", ENDS), ("resolved", ENDS), ("resolved", 1)]
    assert step(world, "remediated").body.startswith(f"Problems p000, p001, p002 and {ENDS - 3} more are over.")
    assert world.remediation("p000").outcome == "remediated"
    assert world.desired() == {}
    assert world.tick() == []


def test_many_problems_are_cut_in_bodies_and_end_in_several_steps(world: World) -> None:
    count = 2 * ENDS + 1
    world.blind()
    many(world, count)
    for number in range(count):
        world.resolve(f"p{number:03d}")
    world.tick()
    ends = [each for each in world.steps if each.event == "resolved"]
    assert [len(each.data["resolved"]) for each in ends] == [ENDS, ENDS, 1]
    assert ends[0].body.startswith(f"Problems p000, p001, p002 and {ENDS - 3} more were resolved by their source.")
    assert world.remediation("p000").outcome == "resolved"
    assert all(problem.resolved for problem in world.remediation("p000").problems)
    assert world.tick() == []


@pytest.mark.parametrize("under", ["ops/production/carts/remediations/p9", "ops/production/steps"])
def test_many_foreign_files_are_put_back_in_several_steps(world: World, under: str) -> None:
    world.open("p1")
    world.tick()
    before = {path for path in world.files if "/steps/" not in path}
    paths = [f"{under}/{number:03d}-opened.yaml" for number in range(PATHS + 5)]
    for number, path in enumerate(paths):
        world.push({path: "event: x\n"}, f"person {number % 7}")
    world.tick()
    restored = [each for each in world.steps if each.event == "restored"]
    assert [len(each.data["paths"]) for each in restored] == [PATHS, 5]
    assert [path for each in restored for path in each.data["paths"]] == paths
    assert restored[0].subject.endswith("put back what person 0, person 1, person 2 and 4 more changed")
    assert len(restored[0].body.splitlines()) < 15
    assert "and 90 more" in restored[0].body
    assert {path for path in world.files if "/steps/" not in path} == before
    assert not set(paths) & world.files.keys()


def test_a_playbook_of_many_entries_is_cut_where_nothing_matches(world: World) -> None:
    world.playbook(playbook(*(entry(f"entry {number}", "scaling +1") for number in range(40))))
    world.open("p1", "strange")
    world.tick()
    assert 'it has "entry 0", "entry 1", "entry 2" and 37 more.' in world.last("p1").body


def test_a_persons_long_name_makes_no_long_message(world: World) -> None:
    world.open("p1")
    world.tick()
    world.command("undo", "p1", author="Bea " * 20_000)
    world.tick()
    undone = step(world, "reverted")
    assert len(undone.subject) <= LINE
    assert " Bea ... (Response time degradation)" in undone.subject
    assert len(undone.body) <= 300
    assert len(undone.data["by"]) <= 80


def test_bodies_and_subjects_are_cut_at_last(world: World) -> None:
    draft = Draft(world.snapshot(), {}, world.now)
    draft.add_to_stage(Note("rewritten", "word " * 1000, "line\n" * 10_000))
    (step,) = draft.steps
    assert LINE - 8 < len(step.subject) <= LINE
    assert len(step.body) == TEXT
    assert step.subject.endswith(" ...")
    assert step.body.endswith("\n...")
