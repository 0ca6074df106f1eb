"""`Durability: mirror` excuses two rows beside each other only where a merge of ours brought one of them home."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.repo.brought import HOME
from reconciler.repo.replay_findings import Kind
from tests.repo.replaying import RECONCILER, Writing, begun, errors, made, replayed, shown
from tests.repo.test_replay_rows import another, healed

PERSON = "Ann <ann@example.org>"


def beside(tmp_path: Path, *, by: str, kept: bool, told: str = "") -> Path:
    """Write two rows, the second one as it is made without the remote, and a merge of both; returns the repository."""
    one, other = made(tmp_path / "one.git", healed), made(tmp_path / "other.git", another)
    common = next(place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a.id != b.id)
    path = tmp_path / "both.git"
    with Writing(path) as writing:
        begun(writing)
        for each in one:
            writing.commit(
                each.files, each.message, each.author, committer=each.committer, when=each.when, parents=each.parents
            )
        last = other[common].parents[0]
        for each in other[common:]:
            said = each.saying(("\nConfig: ", "\nDurability: mirror\nConfig: ")) if kept else each
            last = writing.commit(
                said.files, said.message, said.author, committer=said.committer, when=said.when, parents=[last]
            )
        message = f"merged\n\nas it was\n\n{HOME}: {told or last}\n"
        writing.commit({}, message, by, committer=by, when=each.when, parents=[one[-1].id, last])
    return path


def test_a_row_that_we_brought_home_is_told_and_no_error(tmp_path: Path) -> None:
    found = replayed(beside(tmp_path, by=RECONCILER, kept=True))
    assert not [each for each in errors(found) if each.kind != Kind.FOREIGN], shown(found)
    [told] = [each for each in found.findings if each.kind == Kind.NUMBER]
    assert "kept in a mirror while the remote was away" in told.what
    assert found.exact == found.steps


@pytest.mark.parametrize(
    ("by", "kept", "told"), [(PERSON, True, ""), (RECONCILER, False, ""), (RECONCILER, True, "0" * 40)]
)
def test_a_trailer_that_anybody_can_write_excuses_nothing(tmp_path: Path, by: str, kept: bool, told: str) -> None:
    found = replayed(beside(tmp_path, by=by, kept=kept, told=told))
    [error] = [each for each in errors(found) if each.kind == Kind.NUMBER]
    assert "beside another step that does" in error.what, shown(found)
