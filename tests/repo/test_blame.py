"""Who wrote a line, and by which merge it came to the branch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model.names import CommitId
from reconciler.repo.blame import merged_by, written
from reconciler.repo.local import LocalRepository
from reconciler.repo.offline import Offline, whole
from tests.repo.conftest import git
from tests.repo.told_history import Told, told


@pytest.fixture
def past(tmp_path: Path) -> Told:
    return told(tmp_path)


@pytest.fixture
def source(past: Told) -> Iterator[Offline]:
    with LocalRepository.open(past.remote) as local, whole(local) as offline:
        yield offline


def merge(past: Told, side: CommitId, message: str) -> CommitId:
    tree = git(past.remote, "merge-tree", "--write-tree", past.tip(), side)
    past.point(git(past.remote, "commit-tree", tree, "-p", past.tip(), "-p", side, "-m", message))
    return past.tip()


def test_each_line_has_its_author(past: Told, source: Offline) -> None:
    past.people({"[carts]/a file.yaml": "one: 1\ntwo: 2\n"}, "Both", "Ada")
    changed = past.people({"[carts]/a file.yaml": "one: 1\ntwo: 3\n"}, "Three is better", "Grace")
    past.people({"README.md": "x"}, "Something else")
    one, two = (written(source, past.tip(), "[carts]/a file.yaml", line) for line in (1, 2))
    assert one is not None
    assert two is not None
    assert (one.author, one.subject, one.text) == ("Ada <ada@example.com>", "Both", "one: 1")
    assert (two.author, two.commit, two.when) == ("Grace <grace@example.com>", changed, past.now)
    assert written(source, past.tip(), "[carts]/a file.yaml", 3) is None
    assert written(source, past.tip(), "carts/slo.yaml", 1) is None


def test_the_merge_that_brought_it_is_found_among_many(past: Told, source: Offline) -> None:
    start = past.tip()
    past.point(start, "side")
    for number in range(3):
        past.people({f"before-{number}.md": "x"}, "Meanwhile")
    written_by = past.people({"carts/service.yaml": "bounds: {}\n"}, "Bounds", "Grace", branch="side")
    side = past.people({"carts/slo.yaml": "objectives: []\n"}, "More", "Grace", branch="side")
    brought = merge(past, side, "Merge side (#1)")
    for number in range(5):
        past.people({f"after-{number}.md": "x"}, "Later")
    past.point(past.tip(), "other")
    merge(past, past.people({"other.md": "x"}, "Other", branch="other"), "Merge other (#2)")
    found = merged_by(source, written_by, past.tip())
    assert found is not None
    assert (found.id, found.message.strip()) == (brought, "Merge side (#1)")


def test_what_was_committed_on_the_branch_itself_came_by_no_merge(past: Told, source: Offline) -> None:
    commit = past.people({"carts/service.yaml": "bounds: {}\n"}, "Bounds")
    assert merged_by(source, commit, past.tip()) is None
    past.people({"README.md": "x"}, "Later")
    assert merged_by(source, commit, past.tip()) is None
