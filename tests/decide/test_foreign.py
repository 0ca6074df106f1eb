"""What others do to machine-written files and to the branch: a revert is honoured, everything else is put back."""

from __future__ import annotations

import pytest

from reconciler.decide.snapshot import Rewritten
from reconciler.model.instant import Instant
from reconciler.model.names import CommitId
from reconciler.model.targets import Mark
from tests.decide.files import entry, playbook
from tests.decide.world import START, World

DESIRED = "ops/production/carts/state/desired.yaml"
OPENED = "ops/production/carts/remediations/p1/01-opened.yaml"
DECIDED = "ops/production/carts/remediations/p1/02-decided.yaml"


def applied(world: World) -> World:
    world.open("p1")
    world.tick()
    return world


def test_a_git_revert_of_a_decision_is_an_undo(world: World) -> None:
    commit = applied(world).revert("p1", 2)
    world.tick()
    assert world.events("p1") == ["opened", "applied", "reverted", "applied"]
    step = next(step for step in world.steps if step.event == "reverted")
    assert step.subject == "carts: reverted by Ann (Response time degradation)"
    assert (step.data["by"], step.data["commit"], step.data["undone"]) == ("Ann", commit, [2])
    assert world.replicas() == 1
    assert DESIRED not in world.files
    world.later(7200)
    assert world.tick() == []
    world.command("retry", "p1")
    world.tick()
    assert world.replicas() == 2


def test_a_revert_of_one_decision_leaves_the_others(world: World) -> None:
    world.playbook(playbook(entry("a", "scaling +1"), entry("b", "scaling +3")))
    world.open("p1", "a")
    world.tick()
    world.open("p2", "b")
    world.tick()
    world.push({DECIDED: None})
    world.tick()
    assert world.replicas() == 4
    assert world.values() == {"carts-primary": 4}
    assert world.events("p2") == ["opened", "decided", "applied"]


def test_a_reverted_decision_counts_for_the_hour_although_its_file_is_gone(world: World) -> None:
    world.stage_yaml("budgets: {actionsPerHour: 1}\n")
    applied(world).revert("p1", 2)
    world.later(1800)
    world.tick()
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1")[-2:] == ["reopened", "held"]
    assert world.due == START + 3600
    world.later(1800)
    world.tick()
    assert world.events("p1")[-2:] == ["decided", "applied"]


def test_the_decisions_of_two_tries_reverted_at_once_are_one_undo(world: World) -> None:
    world.around.workloads["carts-primary"].slow = True
    applied(world)
    world.later(300)
    world.tick()
    world.around.workloads["carts-primary"].slow = False
    world.command("retry", "p1")
    world.tick()
    again = next(path for path in world.files if path.endswith("-decided.yaml") and path != DECIDED)
    world.push({DECIDED: None, again: None, DESIRED: None})
    world.tick()
    assert world.events("p1")[-2:] == ["reverted", "applied"]
    assert world.stage_events() == []
    assert world.replicas() == 1


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (DESIRED, None),
        (DESIRED, "targets: {}\n"),
        (OPENED, None),
        (OPENED, "event: x\n"),
        (DECIDED, "event: x\n"),
        ("ops/production/carts/remediations/p1/07-applied.yaml", "event: x\n"),
        ("ops/production/carts/remediations/p9/01-opened.yaml", "event: x\n"),
        ("ops/production/carts/state/evaluations.yaml", "[]\n"),
    ],
)
def test_any_other_change_is_put_back_and_told(world: World, path: str, content: str | None) -> None:
    before = dict(applied(world).files)
    commit = world.push({path: content}, "Cid")
    world.tick()
    restored = world.last()
    assert restored.event == "restored"
    assert restored.subject == "carts: put back what Cid changed"
    assert (restored.data["by"], restored.data["paths"], restored.data["commits"]) == (["Cid"], [path], [commit])
    assert {each: held for each, held in world.files.items() if "/steps/" not in each} == before
    assert world.tick() == []
    assert world.around.writes == [("carts-primary", 2)]


def test_a_revert_beside_another_change_is_both(world: World) -> None:
    applied(world).push({DECIDED: None, OPENED: "event: x\n", DESIRED: None})
    world.tick()
    assert world.events("p1") == ["opened", "applied", "reverted", "applied"]
    assert world.stage_events() == ["restored"]
    assert world.replicas() == 1


def test_a_file_where_the_undo_writes_its_own_is_not_put_back_besides(world: World) -> None:
    own = "ops/production/carts/remediations/p1/04-reverted.yaml"
    applied(world).push({DECIDED: None, DESIRED: None, OPENED: "event: x\n", own: "event: x\n"})
    world.tick()
    assert [step.path for step in world.steps if step.event == "reverted"] == [own]
    assert [step.data["paths"] for step in world.steps if step.event == "restored"] == [[OPENED]]
    assert b'event: "reverted"' in world.files[own]
    assert world.tick() == []


def test_a_file_where_the_next_step_of_the_stage_lies_is_overwritten_by_it(world: World) -> None:
    applied(world)
    own = f"ops/production/steps/{world.last().sequence + 1:06}-restored.yaml"
    many = {f"ops/production/steps/000000-{number:03}.yaml": "event: x\n" for number in range(100)}
    world.push({own: "event: x\n", **many})
    world.tick()
    assert b'event: "restored"' in world.files[own]
    assert not [path for path in world.files if "/000000-" in path]
    assert world.tick() == []


def test_steps_of_the_stage_are_put_back(world: World) -> None:
    world.command("undo", "p1", service="")
    world.tick()
    path = world.last().path
    content = world.files[path]
    world.push({path: None})
    world.tick()
    assert world.files[path] == content
    assert world.last().subject == "production: put back what Ann changed"


def test_a_decision_that_was_kept_cannot_be_reverted_any_more(world: World) -> None:
    applied(world).over("p1")
    world.push({DECIDED: None})
    world.tick()
    assert world.stage_events() == ["restored"]
    assert world.replicas() == 2


def test_a_rewritten_branch_is_told_and_sequences_go_on_above(world: World) -> None:
    applied(world)
    world.rewritten = Rewritten(CommitId("f" * 40), 20)
    world.tick()
    step = world.last()
    assert (step.event, step.sequence) == ("rewritten", 21)
    assert step.data["seen"] == 20
    assert "no longer contains ffff" in step.body


def lost(world: World) -> World:
    """Rewind the branch to before the first step, and let the world be as the lost steps left it."""
    files = dict(world.files)
    applied(world)
    world.files = {**files, world.problem_path("p1"): world.files[world.problem_path("p1")]}
    world.trusted, world.steps, world.sequence, world.floor = {}, [], 0, Instant(0)
    return world


def test_what_a_rewritten_branch_lost_is_not_done_again(world: World) -> None:
    lost(world).tick()
    assert world.events("p1") == ["opened", "held"]
    assert world.stage_events() == ["rewritten"]
    assert [step.sequence for step in world.steps] == [1, 3, 4]
    hold = world.remediation("p1").hold
    assert hold is not None
    assert (hold.condition, hold.reason) == (
        "drift",
        "carts-primary was last changed by step 2, which the branch does not have",
    )
    assert world.replicas() == 2
    assert world.tick() == []


def test_a_person_lifts_that_by_retry(world: World) -> None:
    lost(world).tick()
    world.command("retry", "p1")
    world.tick()
    assert world.events("p1") == ["opened", "held", "released", "decided", "applied"]
    assert world.replicas() == 3


def test_a_mark_of_another_owner_raises_no_sequence(world: World) -> None:
    world.around.workloads["carts-primary"].mark = Mark("elsewhere/production/carts", 900, "abc")
    world.open("p1")
    world.tick()
    assert world.stage_events() == []
    assert world.sequence == 2
