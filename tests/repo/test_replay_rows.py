"""Two rows of steps beside each other, of a branch that was pushed back and merged again, are replayed each alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reconciler.model.names import CommitId
from reconciler.repo.replay_findings import Kind
from tests.decide.world import World
from tests.repo.replaying import Writing, Written, begun, errors, made, replayed, shown


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


@pytest.mark.parametrize(("first", "second"), [(healed, another), (another, healed)])
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
