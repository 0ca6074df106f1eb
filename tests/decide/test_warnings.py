"""A warning that is accepted is said to be one: the objectives are not met with it, and another action may be left."""

from __future__ import annotations

import pytest

from tests.decide.files import entry, playbook
from tests.decide.surroundings import Flag
from tests.decide.world import World

SLOW = "Response time degradation"
HINT = "`onWarning: next` would take the next action"


@pytest.fixture
def warned(world: World) -> World:
    """Two actions, and objectives that are met with a warning after the first."""
    world.around.flags["EnableItemsCache"] = Flag()
    world.playbook(playbook(entry(SLOW, "scaling +1", "featuretoggle {EnableItemsCache: on}")))
    world.objectives()
    world.around.values["response_time_p90"] = 150.0
    world.open("p1")
    world.tick()
    return world


def test_while_the_problem_is_open_it_is_told_what_was_accepted_and_what_is_left(warned: World) -> None:
    (first,) = warned.waited()
    assert f"A warning was accepted; {HINT}. It is measured again at " in first.body
    second, end = warned.waited()
    assert f"A warning was accepted; {HINT}. The problem is still open." in second.body
    assert end.event == "escalated"
    assert "a warning was accepted and the problem is still open" in end.body
    assert end.data["reason"] == f"still firing, and a warning was accepted ({HINT})"
    assert not any("objectives are met" in step.body or "good" in step.body for step in (first, second, end))


def test_with_that_the_next_action_is_taken(warned: World) -> None:
    warned.stage_yaml("onWarning: next\n")
    steps = warned.waited()
    assert [step.event for step in steps] == ["evaluated", "decided", "applied"]
    assert "accepted" not in steps[0].body


def test_where_no_action_is_left_nothing_is_hinted_at(warned: World) -> None:
    warned.stage_yaml("onWarning: next\n")
    warned.waited()
    warned.stage_yaml("onWarning: accept\n")
    bodies = [step.body for step in (*warned.waited(), *warned.waited())]
    assert all("onWarning" not in body for body in bodies)
    assert warned.remediation("p1").reason == "still firing, and a warning was accepted"


def test_what_passes_at_last_is_good(warned: World) -> None:
    warned.waited()
    warned.around.values["response_time_p90"] = 80.0
    evaluated, end = warned.waited()
    assert "The problem is still open although the objectives are met." in evaluated.body
    assert "evaluated as good twice" in end.body
    assert end.data["reason"] == "still firing although the objectives are met"
