"""Commands that are refused: each by one step, whoever it is that does not count, and what is told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.decide.commands import commands_turn, stage_commands_turn
from reconciler.decide.draft import Draft
from reconciler.decide.remediation import Remediation
from reconciler.decide.snapshot import CommandFile, FileRef, Snapshot
from reconciler.model.command import Command
from reconciler.model.errors import UserError
from reconciler.model.names import BlobId, CommitId, RemediationId, ServicePath
from tests.decide.files import entry, playbook
from tests.decide.world import World

CARTS = ServicePath("carts")
UNSIGNED = "nobody has signed it"
BROKEN = UserError("this is no mapping", hint="write a mapping")


def file(name: str, command: Command | UserError, unsigned: str = "") -> CommandFile:
    return CommandFile(FileRef(name, BlobId("b" * 40)), command, "Eve", CommitId("0123456789abcdef" * 2), unsigned)


def pushed(world: World, *files: CommandFile, service: bool) -> Snapshot:
    snapshot = world.snapshot()
    if not service:
        return replace(snapshot, stage=replace(snapshot.stage, commands=files))
    return replace(snapshot, services={CARTS: replace(world.view(), commands=files)})


@pytest.mark.parametrize("service", [True, False])
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            file("a", Command("suspend"), UNSIGNED),
            "it came by 0123456789ab, which does not count: nobody has signed it",
        ),
        (file("a", BROKEN), "this is no mapping"),
    ],
)
def test_what_does_not_count_or_cannot_be_read_is_refused_one_step_each(
    world: World, service: bool, wrong: CommandFile, told: str
) -> None:
    other = replace(wrong, file=replace(wrong.file, path="b"))
    draft = Draft(pushed(world, wrong, other, service=service), {}, world.now)

    def turn() -> bool:
        return commands_turn(draft, CARTS) if service else stage_commands_turn(draft)

    assert turn() is True
    assert [step.event for step in draft.steps] == ["refused"]
    assert draft.steps[0].data["error"] == told
    assert draft.steps[0].data["by"] == "Eve"
    assert ("signatures" in draft.steps[0].facts) == bool(wrong.unsigned)
    assert turn() is True
    assert turn() is False
    assert [step.data["file"].partition("@")[0] for step in draft.steps] == ["a", "b"]


def test_of_many_remediations_ten_are_named(world: World) -> None:
    named = {RemediationId(f"p{number:02d}"): Remediation(RemediationId(f"p{number:02d}")) for number in range(12)}
    snapshot = pushed(world, file("a", Command("undo", "p99")), service=True)
    view = replace(snapshot.services[CARTS], remediations=named)
    draft = Draft(replace(snapshot, services={CARTS: view}), {}, world.now)
    assert commands_turn(draft, CARTS)
    assert "one of: p00, p01, p02, p03, p04, p05, p06, p07, p08, p09 and 2 more" in draft.steps[0].body


def test_retry_of_what_no_entry_is_about_any_more_is_refused_by_one_step(world: World) -> None:
    world.open("p1")
    world.tick()
    world.waited()
    assert world.remediation("p1").outcome == "escalated"
    world.playbook(playbook(entry("something else", "scaling +1")))
    world.command("retry", "p1")
    draft = Draft(world.snapshot(), {}, world.now)
    assert commands_turn(draft, CARTS) is True
    assert "No entry of carts/remediation.yaml matches" in draft.steps[0].data["error"]


def test_retry_of_a_problem_whose_file_was_just_deleted_is_refused(world: World) -> None:
    world.open("p1")
    world.tick()
    world.waited()
    world.delete("p1")
    world.command("retry", "p1")
    steps = world.tick()
    assert [step.event for step in steps] == ["refused", "resolved"]
    assert steps[0].data["error"] == "there is nothing to retry about p1: its problems are resolved"


# what undo and retry are about


def twice(world: World) -> World:
    """Let two actions be done one after the other."""
    world.playbook(playbook(entry("slow", "scaling +1", "scaling +2")))
    world.open("p1", "slow")
    world.tick()
    world.waited()
    assert world.replicas() == 4
    return world


@pytest.mark.parametrize(("step", "undone", "after"), [(0, [5], 2), (5, [5], 2), (2, [2, 5], 1), (3, [5], 2)])
def test_undo_takes_back_a_decision_and_those_after_it_by_itself_the_newest(
    world: World, step: int, undone: list[int], after: int
) -> None:
    twice(world).command("undo", "p1", step)
    steps = world.tick()
    assert steps[0].data["undone"] == undone
    assert world.replicas() == after


def test_undo_of_what_was_never_decided_is_refused(world: World) -> None:
    twice(world).command("undo", "p1", 6)
    (step,) = world.tick()
    assert (step.event, step.data["error"]) == ("refused", "there is nothing of p1 to undo")


def test_what_is_set_again_carries_the_step_that_sets_it(world: World) -> None:
    world.open("p1")
    world.tick()
    world.around.workloads["carts-primary"].replicas = 5
    world.around.workloads["carts-primary"].manager = "kubectl-edit"
    world.sweep()
    world.command("retry", "p1")
    (step,) = world.tick(apply=False)
    assert step.event == "released"
    assert [(held.sequence, held.by) for held in world.desired().values()] == [(step.sequence, "p1")]
