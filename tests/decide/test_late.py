"""An evaluation that nobody was there to make in time: made once, over the window that was planned, and marked."""

from __future__ import annotations

import pytest

from reconciler.decide.evaluating import LATE
from reconciler.decide.policy import DEFAULT_WAIT
from tests.decide.world import World


def evaluated(world: World, late: int) -> None:
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    world.open("p1")
    world.tick()
    world.resolve("p1")
    assert [step.event for step in world.waited(DEFAULT_WAIT + late)] == ["evaluated", "remediated"]


@pytest.mark.parametrize("late", [0, LATE])
def test_what_is_made_in_time_is_not_marked(world: World, late: int) -> None:
    evaluated(world, late)
    assert "late" not in world.steps[-2].data
    assert "It was due" not in world.steps[-2].body


def test_what_comes_late_is_marked_and_measured_over_the_window_that_was_planned(world: World) -> None:
    evaluated(world, 7200)
    step = world.steps[-2]
    assert step.data["late"] == 7200
    (want,) = world.around.asked
    assert want.end == world.now - 7200
    assert "It was due at 2026-11-18T11:16:40Z; nobody looked until now." in step.body
