"""What a step records that is neither in Git nor a target's state: with just that it is decided again, exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.draft import Draft
from reconciler.decide.replay import redo, redo_first, unjudged
from reconciler.decide.snapshot import Rewritten, Snapshot
from reconciler.decide.turns import service_turns, stage_turns
from reconciler.model.command import Command
from reconciler.model.names import CommitId, RemediationId, ServicePath
from reconciler.model.step import Step, StepFile, load_step, render_file
from tests.decide.files import entry, playbook
from tests.decide.test_commands_refused import UNSIGNED, file, pushed
from tests.decide.test_foreign import DECIDED, applied
from tests.decide.test_foreign_files import changed
from tests.decide.world import World

CARTS = ServicePath("carts")
HELD = {"commit": "c" * 40, "reason": "the newest cannot be read"}


def made(before: Snapshot, world: World) -> Step:
    """Return the first step that there is to make, of the stage or of the service."""
    draft = Draft(before, {}, world.now)
    stage_turns(draft)
    service_turns(draft, CARTS)
    return draft.steps[0]


def again(before: Snapshot, step: Step) -> list[Step | None]:
    """Return the step decided once more, the long way and the short one."""
    recorded = load_step(render_file(step), step.path)
    short = redo_first(before, step.service, step.remediation, step.now, recorded.data.get("facts", {}))
    return [redo(before, step.service, step.remediation, recorded), short.step if short is not None else None]


def bare(before: Snapshot, step: Step) -> list[Step | None]:
    """Return what is decided where the step had recorded nothing of it."""
    short = redo_first(before, step.service, step.remediation, step.now, {})
    long = redo(before, step.service, step.remediation, StepFile(step.event, step.sequence, step.now, 0, {}))
    return [long, short.step if short is not None else None]


@pytest.mark.parametrize("service", [True, False])
def test_whose_command_does_not_count_is_known_from_the_step(world: World, service: bool) -> None:
    world.open("p1")
    before = pushed(world, file("a", Command("suspend"), UNSIGNED), file("b", Command("resume")), service=service)
    step = made(before, world)
    assert step.event == "refused"
    assert again(unjudged(before), step) == [step, step]
    assert again(before, step) == [step, step]
    assert [each and each.event for each in bare(unjudged(before), step)] == (["opened"] * 2 if service else [None] * 2)


def test_whose_deletion_does_not_count_is_known_from_the_step(world: World) -> None:
    snapshot = applied(world).snapshot()
    before = replace(snapshot, services={CARTS: replace(world.view(), foreign=(changed(DECIDED, unsigned=UNSIGNED),))})
    step = made(before, world)
    assert step.event == "restored"
    assert again(unjudged(before), step) == [step, step]
    assert [each and each.event for each in bare(unjudged(before), step)] == ["reverted", "reverted"]
    assert list(unjudged(before).services) == ["carts"]
    assert len(unjudged(before).services) == 1


def test_that_the_branch_was_rewritten_is_known_from_the_step(world: World) -> None:
    before = world.snapshot()
    seen = replace(before, stage=replace(before.stage, rewritten=Rewritten(CommitId("f" * 40), 20)))
    step = made(seen, world)
    assert (step.event, step.sequence) == ("rewritten", 21)
    assert again(before, step) == [step, step]
    assert bare(before, step) == [None, None]


def test_that_older_files_of_people_were_in_force_is_known_from_the_step(world: World) -> None:
    world.open("p1")
    before = world.snapshot()
    step = made(replace(before, stage=replace(before.stage, held_config=HELD)), world)
    assert step.facts["config"] == HELD
    assert again(before, step) == [step, step]
    assert [each and each.facts for each in bare(before, step)] == [{}, {}]


def test_what_others_do_in_the_same_look_is_passed_over(world: World) -> None:
    world.playbook(playbook(entry("a", "scaling +1"), entry("b", "scaling +1")))
    world.open("p1", "a")
    world.open("p2", "b")
    world.push({"ops/production/carts/commands/1-x.yaml": "verb: [\n"})
    before = world.snapshot()
    for name in ("p1", "p2"):
        found = redo_first(before, CARTS, RemediationId(name), world.now, {})
        assert found is not None
        assert (found.step.event, found.step.remediation, found.step.sequence) == ("opened", name, 1)
        recorded = load_step(render_file(found.step), found.step.path)
        assert redo(before, CARTS, RemediationId(name), recorded) == found.step
