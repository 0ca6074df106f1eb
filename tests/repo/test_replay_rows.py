"""Two rows of steps beside each other, of a branch that was pushed back and merged again, are replayed each alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reconciler.decide.snapshot import Rewritten
from reconciler.model.names import CommitId
from reconciler.repo.replay_findings import Kind
from tests.decide.world import World
from tests.repo.replaying import Writing, Written, WrittenWorld, begun, errors, made, replayed, shown


def begun_with(world: World) -> None:
    """What both rows go on from."""
    world.open("p1")
    world.tick()


def healed(world: World) -> None:
    """How it goes on: the problem is over."""
    begun_with(world)
    world.over("p1")
    world.later(90_000)


def another(world: World) -> None:
    """How it goes on otherwise: nobody can tell what the next problem is about."""
    begun_with(world)
    world.open("x1", "nothing like it")
    world.tick()


def first_of_all(world: World) -> None:
    """A row that begins with the branch's first step."""
    world.open("p1")
    world.tick()


def another_first(world: World) -> None:
    """Another that does."""
    world.open("x1", "nothing like it")
    world.tick()


def behind_a_merge(world: World) -> None:
    """Another that does, behind a merge of people."""
    assert isinstance(world, WrittenWorld)
    world.open("x1", "nothing like it")
    services, opened = [each.id for each in world.writing.written][-2:]
    note = {"NOTES": b"x"}
    side = world.writing.commit(note, "by a person\n", when=world.now, ref="refs/heads/side", parents=[services])
    world.writing.commit(note, "merged\n", when=world.now, parents=[opened, side])
    world.tick()


def merged_before(world: World) -> None:
    """What both rows go on from is a merge: a person's change on an earlier step, and the steps after that one."""
    assert isinstance(world, WrittenWorld)
    begun_with(world)
    steps = [each.id for each in world.writing.written if each.sequence]
    note = {"NOTES": b"x"}
    side = world.writing.commit(note, "by a person\n", when=world.now, ref="refs/heads/side", parents=steps[:1])
    world.writing.commit(note, "merged\n", when=world.now, parents=[steps[-1], side])


def healed_behind(world: World) -> None:
    """How it goes on behind that merge."""
    merged_before(world)
    world.over("p1")


def another_behind(world: World) -> None:
    """How it goes on otherwise."""
    merged_before(world)
    world.open("x1", "nothing like it")
    world.tick()


def merged(path: Path, one: Sequence[Written], other: Sequence[Written]) -> tuple[list[Written], list[CommitId]]:
    """Write both, merge the other into the one, and keep what the one has. Returns what the other has for itself."""
    common = next(place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a.id != b.id)
    with Writing(path) as writing:
        begun(writing)
        for each in (*one, *other[common:]):
            made = writing.commit(
                each.files, each.message, each.author, committer=each.committer, when=each.when,
                parents=each.parents or [],
            )  # fmt: skip
            assert made == each.id
        tips = [one[-1].id, other[-1].id]
        # Against its first parent a merge that keeps what was there changes nothing.
        writing.commit({}, "merged\n", when=max(one[-1].when, other[-1].when), parents=tips)
    return list(other[common:]), tips


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (healed, another), (another, healed), (first_of_all, another_first), (another_first, first_of_all),
        (first_of_all, behind_a_merge), (behind_a_merge, first_of_all),
        (healed_behind, another_behind), (another_behind, healed_behind),
    ],
)  # fmt: skip
def test_each_step_of_two_rows_is_exact_and_the_second_row_is_told_of(
    first: Callable[[World], None], second: Callable[[World], None], tmp_path: Path
) -> None:
    one, other = made(tmp_path / "one.git", first), made(tmp_path / "other.git", second)
    aside, _ = merged(tmp_path / "both.git", one, other)
    found = replayed(tmp_path / "both.git")
    assert found.exact == found.steps == len({each.id for each in (*one, *other) if each.sequence}), shown(found)
    told = [each for each in errors(found) if each.kind != Kind.FOREIGN]
    steps = [each for each in aside if each.sequence]
    assert [(each.kind, each.commit) for each in told] == [(Kind.NUMBER, steps[0].id)], shown(found)
    # No step has put back what the row that is not in force changed.
    assert {each.commit for each in errors(found)} <= {each.id for each in steps}


@pytest.mark.parametrize("turned", [False, True])
def test_after_a_merge_the_step_that_tells_of_a_rewritten_branch_stands_on_the_longer_row(
    turned: bool, tmp_path: Path
) -> None:
    """It stands on whatever came before: which of the rows it went on from shows in the step after it."""
    other = made(tmp_path / "other.git", another_first)
    with Writing(tmp_path / "both.git") as writing:
        world = WrittenWorld(writing)
        first_of_all(world)
        ours = writing.written[2:]
        for each in other[1:]:
            writing.commit(each.files, each.message, each.author, when=each.when, parents=each.parents)
        rows = [(ours, ours[-1].id), (other[1:], other[-1].id)]
        rows = rows[::-1] if turned else rows
        brought = {path: content for each in rows[1][0] for path, content in each.files.items()}
        writing.commit(brought, "merged\n", "Ann <ann@example.org>", when=world.now, parents=[tip for _, tip in rows])
        theirs = {path: each for each in other[1:] for path in each.files}
        World.push(world, {path: each.files[path] for path, each in theirs.items()})
        who = "somebody" if turned else "Ann"  # a merge brought what it did not have from its first parent
        world._blobs.authors |= {path: (who, each.id) for path, each in theirs.items()}
        world.rewritten = Rewritten(ours[-1].id, 3)
        world.tick()
    found = replayed(tmp_path / "both.git")
    assert found.exact == found.steps, shown(found)


def test_a_forged_step_of_a_row_beside_is_found(tmp_path: Path) -> None:
    one, other = made(tmp_path / "one.git", healed), made(tmp_path / "other.git", another)
    common = next(place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a.id != b.id)
    with Writing(tmp_path / "both.git") as writing:
        begun(writing)
        for each in one:
            writing.commit(
                each.files, each.message, each.author, committer=each.committer, when=each.when, parents=each.parents
            )
        last = other[common].parents[0]
        for each in other[common:]:
            said = each.saying(("nothing like it", "something like it")) if each.sequence else each
            last = writing.commit(
                said.files, said.message, said.author, committer=said.committer, when=said.when, parents=[last]
            )
        writing.commit({}, "merged\n", when=each.when, parents=[one[-1].id, last])
    found = replayed(tmp_path / "both.git")
    assert found.exact < found.steps
    assert last in {each.commit for each in errors(found) if each.kind in (Kind.FILE, Kind.MESSAGE)}, shown(found)
