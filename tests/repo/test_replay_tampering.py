"""One change of a history leads to one finding, and to no more than follow from it; see tests/cli/test_tampering.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.repo.replay_findings import Kind
from tests.decide.world import World
from tests.repo.conftest import git
from tests.repo.replaying import Written, errors, made, replayed, rewritten
from tests.repo.tampering import DESIRED, pushed, saying, step, story


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    return made(tmp_path_factory.mktemp("past") / "past.git", story)


def test_a_history_that_was_written_anew_is_one_finding_for_all_steps_that_show_it(
    history: list[Written], tmp_path: Path
) -> None:
    """Later steps still name commits of the old branch, each of which is gone; their content is what had to come."""
    became = rewritten(tmp_path / "past.git", history, saying(1, ("carts: opened", "carts: Opened")), follow=False)
    found = replayed(tmp_path / "past.git")
    first, others = errors(found)
    assert (first.commit, first.kind) == (became[step(history, 1).id], Kind.MESSAGE)
    assert (others.kind, others.where, others.until) == (Kind.BASE, "Config", became[step(history, 14).id])
    assert others.count > 3


def test_what_is_right_after_a_forgery_is_still_called_right(history: list[Written], tmp_path: Path) -> None:
    """A changed subject leads to nothing else: all other steps are what had to come."""
    rewritten(tmp_path / "past.git", history, saying(2, ("carts: scale 1", "carts: scale 0")))
    found = replayed(tmp_path / "past.git")
    assert found.exact == found.steps - 1


def begun(world: World) -> None:
    world.open("p1")
    world.tick()


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("+0000\ncommitter", "+0200\ncommitter", "the commit's author"),
        ("reconciler <", "reconciler  <", "the commit's author"),
        ("+0000\n\n", "+0000\nencoding UTF-8\n\n", "the commit's encoding"),
    ],
    ids=["another zone", "a space more", "a header more"],
)
def test_a_commit_is_compared_to_the_last_byte(old: str, new: str, where: str, tmp_path: Path) -> None:
    path = tmp_path / "past.git"
    made(path, begun)
    raw = git(path, "cat-file", "commit", "production") + "\n"
    assert old in raw
    (tmp_path / "commit").write_text(raw.replace(old, new, 1))
    forged = git(path, "hash-object", "-t", "commit", "-w", str(tmp_path / "commit"))
    git(path, "update-ref", "refs/heads/production", forged)
    (wrong,) = errors(replayed(path))
    assert (wrong.kind, wrong.commit, wrong.where) == (Kind.FORM, forged, where)


def test_what_was_taken_back_is_not_to_be_taken_back_again(history: list[Written], tmp_path: Path) -> None:
    """It stays an error, for no step answered it; what is left to be done is another thing."""
    rewritten(tmp_path / "past.git", history, pushed(2, {DESIRED: b"desired: {}\n"}, back=True))
    both = [each for each in errors(replayed(tmp_path / "past.git")) if each.kind == Kind.FOREIGN]
    assert len(both) == 2
    assert all("is as it was again" in each.todo and "git revert" not in each.todo for each in both)


def test_what_is_still_there_is_to_be_taken_back(history: list[Written], tmp_path: Path) -> None:
    rewritten(tmp_path / "past.git", history, pushed(14, {DESIRED: b"desired: {}\n"}))
    (still,) = errors(replayed(tmp_path / "past.git"))
    assert "git revert" in still.todo
