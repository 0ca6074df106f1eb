"""A true history replays exactly; what others did to it is told, and whether a step answered it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.decide.draft import RULES
from reconciler.model.names import CommitId
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import whole
from reconciler.repo.replay_chunks import Wish, replay
from reconciler.repo.replay_findings import Kind, Replayed
from tests.decide.files import STAGE
from tests.decide.test_golden import STORIES
from tests.decide.world import World
from tests.repo.branch import SETTINGS
from tests.repo.conftest import Hub, OpenMirror
from tests.repo.deciding import PLAYBOOK, Deciding, Remote, problem
from tests.repo.replaying import (
    PRODUCTION,
    Writing,
    Written,
    WrittenWorld,
    errors,
    made,
    replayed,
    rewritten,
    shown,
)

DESIRED = "ops/production/carts/state/desired.yaml"


def healed(world: World) -> None:
    world.open("p1")
    world.tick()
    world.over("p1")


@pytest.mark.parametrize("name", STORIES)
def test_every_golden_history_replays_exactly(name: str, tmp_path: Path) -> None:
    commits = made(tmp_path / "past.git", STORIES[name])
    found = replayed(tmp_path / "past.git")
    assert not errors(found), shown(found)
    steps = [each.sequence for each in commits if each.sequence]
    assert found.steps == found.exact == len(steps) > 1
    assert (found.first, found.last) == (steps[0], steps[-1])


def test_what_others_changed_is_told_with_the_step_that_answered_it(tmp_path: Path) -> None:
    made(tmp_path / "past.git", STORIES["put-back"])
    found = replayed(tmp_path / "past.git")
    edit, undo = found.findings
    assert found.foreign == 2
    assert (edit.kind, edit.by, edit.error) == (Kind.FOREIGN, "Ann <ann@example.org>", False)
    assert "put back by step 4" in edit.what
    assert "taken as an undo by step 5" in undo.what


@pytest.mark.parametrize(
    "files",
    [
        {DESIRED: b"targets: {}\n"},
        {"ops/production/carts/remediations/p1/01-opened.yaml": None},
        {"ops/production/carts/state/evaluations.yaml": b"evaluations: []\n"},
        {"ops/production/steps/000009-refused.yaml": b'event: "refused"\n'},
    ],
    ids=["the desired state", "a step deleted", "the evaluations", "a step of the stage"],
)
def test_what_no_step_answered_is_an_error(files: dict[str, bytes | None], tmp_path: Path) -> None:
    with Writing(tmp_path / "past.git") as writing:
        healed(WrittenWorld(writing))
        foreign = writing.commit(files, "a change\n")
    found = replayed(tmp_path / "past.git")
    (wrong,) = errors(found)
    assert (wrong.kind, wrong.commit, wrong.by) == (Kind.FOREIGN, foreign, "Ann <ann@example.org>")
    assert wrong.where == next(iter(files))
    assert "no step answers it" in wrong.what
    assert found.exact == found.steps


def test_what_somebody_changed_and_took_back_is_told_all_the_same(tmp_path: Path) -> None:
    with Writing(tmp_path / "past.git") as writing:
        world = WrittenWorld(writing)
        world.open("p1")
        world.tick()
        before = world.files[DESIRED]
        writing.commit({DESIRED: b"targets: {}\n"}, "a change\n")
        writing.commit({DESIRED: before}, "and back\n")
        world.over("p1")
    found = replayed(tmp_path / "past.git")
    assert found.exact == found.steps
    assert [(each.kind, each.error) for each in found.findings] == [(Kind.FOREIGN, True)] * 2


def test_a_true_step_that_somebody_else_made_is_named_and_gone_on_from(tmp_path: Path) -> None:
    commits = made(tmp_path / "past.git", healed)

    def picked(known: list[Written]) -> list[Written]:
        return [replace(each, committer="Ann <ann@example.org>") if each.sequence == 3 else each for each in known]

    rewritten(tmp_path / "other.git", commits, picked)
    found = replayed(tmp_path / "other.git")
    (wrong,) = errors(found)
    assert (wrong.kind, wrong.sequence, wrong.by) == (Kind.BY, 3, "Ann <ann@example.org>")
    assert wrong.where == "the commit's committer"
    assert found.exact == found.steps - 1


@pytest.mark.parametrize("rules", [RULES - 1, RULES + 1])
def test_steps_of_other_rules_are_told_and_never_passed(rules: int, tmp_path: Path) -> None:
    commits = made(tmp_path / "past.git", healed)
    words = ((f"Rules: {RULES}\n", f"Rules: {rules}\n"), (f"rules: {RULES}\n", f"rules: {rules}\n"))
    rewritten(tmp_path / "other.git", commits, lambda known: [each.saying(*words) for each in known])
    found = replayed(tmp_path / "other.git")
    assert found.exact == 0
    assert {each.kind for each in errors(found)} == {Kind.RULES}
    assert sum(each.count for each in errors(found)) == found.steps
    assert f"rules {rules}" in found.findings[0].what


def test_a_forgery_that_a_daemon_put_back_is_told_as_that(tmp_path: Path) -> None:
    """It came as the next step, and the step after it says that it was put back."""
    with Writing(tmp_path / "past.git") as writing:
        world = WrittenWorld(writing)
        world.open("p1")
        world.tick()
        last = next(each for each in reversed(writing.written) if each.sequence == 3)
        forged = last.saying(
            ("Sequence: 3\n", "Sequence: 4\n"), ("sequence: 3\n", "sequence: 4\n"), ("03-applied", "04-applied")
        )
        path = "ops/production/carts/remediations/p1/04-applied.yaml"
        commit = writing.commit({path: next(iter(forged.files.values()))}, forged.message, when=forged.when)
        world.files[path] = next(iter(forged.files.values())) or b""
        world._version += 1
        world._blobs.authors[path] = ("Ann", commit)
        world.tick()
        world.over("p1")
    found = replayed(tmp_path / "past.git")
    assert not errors(found), shown(found)
    assert {each.commit for each in found.findings} == {commit}
    assert all("put back by step 4" in each.what for each in found.findings)
    assert found.exact == found.steps - 1


def test_steps_on_the_second_parent_of_a_merge_are_replayed_as_well(tmp_path: Path) -> None:
    """Somebody worked on a branch of theirs meanwhile and merged ours into it, as `git pull` does."""
    with Writing(tmp_path / "past.git") as writing:
        world = WrittenWorld(writing)
        begin = writing.tips[PRODUCTION]
        world.open("p1")
        world.tick()
        side = writing.commit({"carts/slo.yaml": b"x: 1\n"}, "mine\n", ref="refs/heads/mine", parents=[begin])
        merge = {path: content for path, content in world.files.items() if path.startswith("ops/")}
        writing.commit(merge, "Merge\n", parents=[side, writing.tips[PRODUCTION]])
        super(WrittenWorld, world).push({"carts/slo.yaml": "x: 1\n"})
        world.over("p1")
    found = replayed(tmp_path / "past.git")
    assert not found.findings, shown(found)
    assert found.steps == found.exact == len(world.steps)


def test_a_merge_that_chose_an_older_state_is_a_change_of_others(tmp_path: Path) -> None:
    with Writing(tmp_path / "past.git") as writing:
        world = WrittenWorld(writing)
        begin = writing.tips[PRODUCTION]
        world.open("p1")
        world.tick()
        side = writing.commit({"carts/slo.yaml": b"x: 1\n"}, "mine\n", ref="refs/heads/mine", parents=[begin])
        merge = {path: content for path, content in world.files.items() if path.startswith("ops/") and path != DESIRED}
        writing.commit(merge, "Merge\n", parents=[side, writing.tips[PRODUCTION]])
    found = replayed(tmp_path / "past.git")
    (wrong,) = errors(found)
    assert (wrong.kind, wrong.where) == (Kind.FOREIGN, DESIRED)


def test_a_range_begins_in_the_middle_with_what_is_there(tmp_path: Path) -> None:
    commits = made(tmp_path / "past.git", STORIES["several"])
    whole_history = replayed(tmp_path / "past.git")
    for position in (1, 5, 9, 14):
        since = commits[position].id
        found = replayed(tmp_path / "past.git", since=since)
        assert not errors(found), shown(found)
        later = [each for each in commits[position + 1 :] if each.sequence]
        assert found.exact == found.steps >= len(later)
    assert found.steps < whole_history.steps


def test_steps_on_a_branch_of_their_own_name_commits_of_the_other(hub: Hub, open_mirror: OpenMirror) -> None:
    project = hub.land({"project.yaml": b"name: sockshop\nopsBranch: ops/{stage}\nstages: [production]\n"}, "main")
    first = hub.land({"carts/remediation.yaml": PLAYBOOK})
    hub.point(first, "ops/production")
    remote = Remote(hub, apart=True, projects={project: SETTINGS}, project=project)
    daemon = Deciding(remote, open_mirror("daemon"))
    hub.land(problem("p1"), "ops/production")
    daemon.tick(apply=False)
    hub.land({"carts/slo.yaml": b"objectives: []\n"})
    daemon.tick()

    def found(config: CommitId) -> Replayed:
        with LocalRepository.open(hub.path) as repository, whole(repository) as offline:
            return replay(repository, offline, Wish(STAGE, hub.tip("ops/production"), project, None, config))

    true = found(hub.tip())
    assert [each.kind for each in errors(true)] == [Kind.BY] * 3, shown(true)
    behind = found(first)
    wrong = [each for each in errors(behind) if each.kind != Kind.BY]
    assert [(each.kind, each.where) for each in wrong] == [(Kind.BASE, "Config")]
