"""A step decided once more: the short way, which stops at the first step, comes to what the long one does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.replay import redo, redo_first
from reconciler.decide.snapshot import Snapshot
from reconciler.model.step import Step, StepFile, load_step, render_file
from tests.decide.test_golden import STORIES
from tests.decide.world import World


class Remembering(World):
    """Keeps what each step was decided on."""

    def check_step(self, before: Snapshot, step: Step) -> None:
        self.decided.append((before, step))
        super().check_step(before, step)

    def __init__(self) -> None:
        self.decided: list[tuple[Snapshot, Step]] = []
        super().__init__()


def recorded(step: Step) -> StepFile:
    return load_step(render_file(step), step.path)


@pytest.fixture(params=STORIES)
def decided(request: pytest.FixtureRequest) -> list[tuple[Snapshot, Step]]:
    world = Remembering()
    STORIES[request.param](world)
    return world.decided


def test_both_ways_come_to_the_recorded_step(decided: list[tuple[Snapshot, Step]]) -> None:
    for before, step in decided:
        file = recorded(step)
        long = redo(before, step.service, step.remediation, file)
        short = redo_first(before, step.service, step.remediation, step.now, file.data.get("facts", {}))
        assert short is not None
        assert long is not None
        assert short.step == long
        assert render_file(short.step) == render_file(step)


def test_what_a_step_leads_to_is_told_with_it(decided: list[tuple[Snapshot, Step]]) -> None:
    for before, step in decided:
        found = redo_first(before, step.service, step.remediation, step.now, recorded(step).data.get("facts", {}))
        assert found is not None
        if step.remediation is None:
            assert found.view is None
            continue
        assert found.view is not None
        after = found.view.remediations[step.remediation]
        assert (after.number, after.sequence) == (step.number, step.sequence)
        assert found.view.path == step.service


def test_where_nothing_is_to_be_decided_there_is_no_step(decided: list[tuple[Snapshot, Step]]) -> None:
    before, step = decided[-1]
    calm = replace(before, services={path: replace(view, problems={}, remediations={}, commands=(), foreign=())
                                     for path, view in before.services.items()})  # fmt: skip
    assert redo_first(calm, step.service, None, step.now, {}) is None
