"""What files of problems say and what comes of it: refused by one step each, over by their source, known before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.draft import Draft
from reconciler.decide.problems import problems_turn
from reconciler.model.names import ServicePath
from reconciler.model.step import Step
from tests.decide.files import entry, playbook
from tests.decide.test_archived_again import gone
from tests.decide.world import World

__all__ = ["gone"]
CARTS = ServicePath("carts")
PROBLEMS = "ops/production/carts/problems"
SLOW = "Response time degradation"


def turned(world: World) -> Step:
    """Return the one step that one turn makes."""
    draft = Draft(world.snapshot(), {}, world.now)
    assert problems_turn(draft, CARTS) is True
    (step,) = draft.steps
    return step


def test_a_problem_that_comes_back_unreadable_is_refused_by_one_step(world: World) -> None:
    world.open("p1")
    world.tick()
    world.over("p1")
    world.push({world.problem_path("p1"): "title: [\n"})
    step = turned(world)
    assert (step.event, step.subject) == ("refused", "carts: cannot read problem p1")
    assert "It is taken as it was before." in step.body


def test_a_late_repeat_is_refused_by_one_step(gone: World) -> None:
    gone.open("p1")
    assert turned(gone).subject == "carts: problem p1 was reported long ago"


def test_what_was_archived_counts_as_much_as_what_lies_there(gone: World) -> None:
    archived = gone.snapshot().shelves.closed
    gone.open("p1")
    again = gone.snapshot()
    known = World()
    known.open("p1")
    known.tick()
    known.over("p1")
    view = replace(again.services[CARTS], remediations=known.view().remediations)
    shelves = replace(again.shelves, closed=archived)
    draft = Draft(replace(again, services={CARTS: view}, shelves=shelves), {}, gone.now)
    assert problems_turn(draft, CARTS)
    assert draft.steps[0].subject == "carts: problem p1 was reported long ago"


@pytest.mark.parametrize("second", ["title: x\nstate: open\n", "title: [\n"])
def test_of_two_files_for_one_problem_the_second_is_refused_by_one_step(world: World, second: str) -> None:
    world.open("p1")
    world.tick()
    world.push({f"{PROBLEMS}/z/p1.yaml": second})
    step = turned(world)
    assert step.subject == "carts: two files for problem p1"
    assert step.data["other"] == world.problem_path("p1")


def test_a_file_whose_name_is_no_id_is_refused_by_one_step(world: World) -> None:
    world.push({f"{PROBLEMS}/{'a' * 250}.yaml": "title: x\nstate: open\n"})
    assert turned(world).subject == "carts: a problem file with an unusable name"


# over by their source


def frozen(world: World, *problems: str) -> World:
    world.stage_yaml("freeze:\n- {schedule: '* * * * *', duration: 1h}\n")
    for problem in problems:
        world.open(problem)
    world.tick()
    return world


def test_how_a_problem_was_resolved_is_told(world: World) -> None:
    frozen(world, "p1").resolve("p1")
    assert turned(world).body == "Problem p1 was resolved by its source."
    world.delete("p1")
    assert turned(world).body == "Problem p1 was resolved by deleting its file."


def test_how_several_were_resolved_is_told(world: World) -> None:
    frozen(world, "a", "b")
    world.resolve("a")
    world.resolve("b")
    assert turned(world).body == "Problems a, b were resolved by their source."
    world.delete("b")
    assert turned(world).body == "Problems a, b were resolved, some of them by deleting their files."


def test_one_that_is_over_after_an_action_that_did_not_help_is_not_healed(world: World) -> None:
    world.playbook(playbook(entry(SLOW, "scaling +1", "scaling +1")))
    world.objectives()
    world.around.values["response_time_p90"] = 400.0
    world.open("p1")
    world.tick()
    frozen(world)
    world.waited()
    assert world.remediation("p1").hold is not None
    world.resolve("p1")
    step = turned(world)
    assert step.subject == f"carts: resolved, but not healed ({SLOW})"
    assert step.data["unhealed"] is True
    assert step.data["reason"] == "resolved by its source, but the objectives were not met"


def test_one_that_had_ended_already_is_only_over(world: World) -> None:
    world.objectives()
    world.around.values["response_time_p90"] = 400.0
    world.open("p1")
    world.tick()
    world.waited()
    assert world.remediation("p1").outcome == "escalated"
    world.resolve("p1")
    step = turned(world)
    assert step.subject == f"carts: resolved ({SLOW})"
    assert "unhealed" not in step.data
