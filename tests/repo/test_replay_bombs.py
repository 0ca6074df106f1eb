"""A replay goes past a tree bomb that was taken away again, and past what was forged in its shadow."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.errors import ReconcilerError
from reconciler.repo import children, engine, offline
from reconciler.repo import reader as reader_module
from reconciler.repo.replay_findings import Kind
from tests.decide.test_golden import STORIES
from tests.repo.bombs import bomb, git
from tests.repo.replaying import PRODUCTION, errors, made, replayed, shown

STORY = "put-back"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are reached within a tenth of a second; they are of the same kind as the real ones."""
    monkeypatch.setattr(children, "DIFF_MEMORY", 10 << 20)
    monkeypatch.setattr(reader_module, "_LISTED", 20_000)
    for module in (engine, offline):
        monkeypatch.setattr(module, "READING", 48 << 20)


@pytest.mark.parametrize("forged", [0, 3])
def test_what_was_before_it_is_exact_and_nothing_forged_on_it_is_a_step(tmp_path: Path, forged: int) -> None:
    path = tmp_path / "past.git"
    steps = [each for each in made(path, STORIES[STORY]) if each.sequence]
    plain = replayed(path)
    good = git(path, "rev-parse", PRODUCTION)
    at = bad = bomb(path, good)
    for number in range(forged):
        said = steps[-1].message.replace(
            f"Sequence: {steps[-1].sequence}", f"Sequence: {steps[-1].sequence + 1 + number}"
        )
        at = git(path, "commit-tree", "-p", at, "-m", said, git(path, "rev-parse", f"{bad}^{{tree}}"))
    mend = git(path, "commit-tree", "-p", at, "-m", "take it away", git(path, "rev-parse", f"{good}^{{tree}}"))
    git(path, "update-ref", PRODUCTION, mend)
    found = replayed(path)
    assert not errors(found), shown(found)
    assert (found.steps, found.exact) == (plain.steps, plain.exact)
    assert found.foreign == plain.foreign + 2
    beyond = [each for each in found.findings if "more than can be looked at" in each.what]
    assert [(each.commit, each.kind, each.error) for each in beyond] == [
        (bad, Kind.FOREIGN, False), (mend, Kind.FOREIGN, False)
    ]  # fmt: skip
    assert beyond[0].by == "Mallory <mallory@example.com>"


def test_a_branch_that_is_one_now_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "past.git"
    made(path, STORIES[STORY])
    git(path, "update-ref", PRODUCTION, bomb(path, git(path, "rev-parse", PRODUCTION)))
    with pytest.raises(ReconcilerError, match="more than 20,000 files and folders"):
        replayed(path)
