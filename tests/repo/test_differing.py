"""What differs between commits that anybody may have made: the same as git says, and never more than can be held."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.errors import BlindError, UserError
from reconciler.model.names import CommitId
from reconciler.repo import differing as module
from reconciler.repo import reader as reader_module
from reconciler.repo.differing import differing, items_of
from reconciler.repo.local import LocalRepository
from tests.repo.bombs import bomb, deep, git

FOLDERS = st.lists(st.sampled_from(["a", "a-b", "b", "carts"]), max_size=3).map("/".join)
PATHS = st.tuples(FOLDERS, st.sampled_from(["x.yaml", "y", "é", "a b"])).map(lambda pair: "/".join(filter(None, pair)))
TREES = st.dictionaries(PATHS, st.sampled_from(["1", "2"]), max_size=12)


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("differing")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def commit(where: Path, files: dict[str, str]) -> CommitId:
    git(where, "read-tree", "--empty")
    for content in set(files.values()):
        git(where, "hash-object", "-w", "--stdin", given=content.encode())
    blobs = {content: git(where, "hash-object", "--stdin", given=content.encode()) for content in set(files.values())}
    lines = "".join(f"100644 {blobs[content]}\t{path}\0" for path, content in files.items())
    git(where, "update-index", "-z", "--index-info", given=lines.encode())
    return CommitId(git(where, "commit-tree", "-m", "files", git(where, "write-tree")))


@settings(max_examples=25, deadline=None)
@given(TREES, TREES)
def test_it_is_what_git_says(where: Path, before: dict[str, str], after: dict[str, str]) -> None:
    old, new = commit(where, before), commit(where, after)
    with LocalRepository.open(where) as repository:
        expected = sorted(
            repository.reader.diff(old, new), key=lambda change: (change.raw, change.new_blob is not None)
        )
        found = repository.reader.changes(old, new)
        assert sorted(found, key=lambda change: (change.raw, change.new_blob is not None)) == expected
        assert [change.raw for change in found] == sorted(change.raw for change in found)
        assert {change.path for change in repository.reader.changes(None, new)} == set(after)


def test_a_thousand_million_paths_are_refused_before_they_are_held(
    where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLDERS", 20_000)
    head = CommitId(git(where, "rev-parse", "HEAD"))
    bad = CommitId(bomb(where, head))
    with LocalRepository.open(where) as repository:
        for old, new in ((head, bad), (bad, head), (None, bad)):
            with pytest.raises(UserError, match=r"more than 300,000 files or 20,000 folders differ") as caught:
                repository.reader.changes(old, new)
            assert "`bomb/d" in caught.value.message
            assert "take out what is no configuration" in caught.value.hint
        assert repository.reader.changes(bad, bad) == []


def test_a_bomb_on_both_sides_costs_nothing(where: Path) -> None:
    bad = bomb(where, git(where, "rev-parse", "HEAD"))
    worse = bomb(where, bad, levels=1, name="another")
    with LocalRepository.open(where) as repository:
        found = repository.reader.changes(CommitId(bad), CommitId(worse))
    assert len(found) == 100


def test_folders_without_end_are_refused(where: Path) -> None:
    head = git(where, "rev-parse", "HEAD")
    with LocalRepository.open(where) as repository:
        assert len(repository.reader.changes(CommitId(head), CommitId(deep(where, head, 64)))) == 1
        with pytest.raises(UserError, match="more than 64 folders deep"):
            repository.reader.changes(CommitId(head), CommitId(deep(where, head, 65)))


def test_folders_that_are_large_themselves_are_refused_unread(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = commit(where, {"a/x": "1"}), commit(where, {f"a/{number:050}": "1" for number in range(100)})
    monkeypatch.setattr(module, "BYTES", 5000)
    with LocalRepository.open(where) as repository, pytest.raises(UserError, match="MiB of names"):
        repository.reader.changes(old, new)


def test_a_listing_has_a_bound_too(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = CommitId(bomb(where, git(where, "rev-parse", "HEAD")))
    monkeypatch.setattr(reader_module, "_LISTED", 5_000)
    with LocalRepository.open(where) as repository:
        for under in ("", "bomb"):
            with pytest.raises(UserError, match="more than 5,000 files"):
                list(repository.reader.entries(bad, under))
        assert len(list(repository.reader.entries(bad, "bomb/d0/d0/d0/d0/d0/d0"))) == 1000


def test_what_git_would_not_make_is_refused() -> None:
    twice = b"100644 x\0" + b"1" * 20 + b"100644 x\0" + b"2" * 20
    with pytest.raises(UserError, match="stands twice"):
        differing(lambda ids, _: [twice for _ in ids], "a" * 40, "")
    with pytest.raises(BlindError):
        items_of(twice[:-1])
    with pytest.raises(BlindError):
        items_of(b"rubbish")
