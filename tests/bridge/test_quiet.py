"""Trees in which nothing goes on are kept on disk; what is kept changes what a page costs, never what it says."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.bridge.quiet import Over, Quiet, quiet_path
from reconciler.bridge.sources import viewing
from reconciler.bridge.trees import OpsTrees
from reconciler.model.names import StageName
from reconciler.repo.mirror import Mirror
from tests.bridge.test_trees import CLOSED, OPEN, committed
from tests.daemon.site import git

CARTS, ORDERS = "ops/production/carts", "ops/production/shop/orders"
OVER = {
    f"{CARTS}/problems/p1.yaml": CLOSED,
    f"{CARTS}/remediations/p1/01-opened.yaml": "x",
    f"{CARTS}/remediations/p1/02-remediated.yaml": "x",
    f"{ORDERS}/remediations/p2/03-opened.yaml": "x",
    f"{ORDERS}/remediations/p2/04-resolved.yaml": "x",
}
TREES = {"ab" * 20: Over(1, 3), "cd" * 20: Over(2, 0)}


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quiet") / "remote.git"
    git(folder.parent, "init", "-q", "--bare", "-b", "main", str(folder))
    return folder


@pytest.fixture
def mirror(remote: Path) -> Iterator[Mirror]:
    with viewing(str(remote)) as found:
        yield found


class Counting:
    """Objects of which is known how many trees were read."""

    def __init__(self, mirror: Mirror) -> None:
        self.trees_read = 0
        self._mirror = mirror
        self.blobs = mirror.blobs

    def trees(self, trees):  # type: ignore[no-untyped-def]  # as the mirror's
        self.trees_read += len(trees)
        return self._mirror.trees(trees)


def test_what_was_found_quiet_is_not_read_again(remote: Path, mirror: Mirror, tmp_path: Path) -> None:
    first = mirror.tree_id(committed(remote, OVER), "ops/production")
    noting = OpsTrees(mirror)
    noting.found = {}
    noting.going(str(first))
    busy = {**OVER, f"{CARTS}/problems/p9.yaml": OPEN}
    second = str(mirror.tree_id(committed(remote, busy), "ops/production"))
    with Quiet.write(tmp_path / "trees.sqlite") as quiet:
        quiet.add(noting.found, 7)
        plain, kept = Counting(mirror), Counting(mirror)
        told = OpsTrees(kept, lambda: quiet).going(second)
        assert told == OpsTrees(plain).going(second)
    assert [path for path, _ in told.busy] == ["carts"]
    assert (told.reported, told.ended) == (2, 2)
    assert kept.trees_read < plain.trees_read


def test_a_tree_in_which_something_goes_on_is_not_kept(remote: Path, mirror: Mirror) -> None:
    commit = committed(remote, {**OVER, f"{CARTS}/state/desired.yaml": "x"})
    noting = OpsTrees(mirror)
    noting.found = {}
    noting.going(str(mirror.tree_id(commit, "ops/production")))
    assert set(noting.found) == {mirror.tree_id(commit, ORDERS), mirror.tree_id(commit, "ops/production/shop")}


def test_more_than_is_remembered_at_a_time_is_still_told(
    remote: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = str(mirror.tree_id(committed(remote, {**OVER, f"{CARTS}/problems/p9.yaml": OPEN}), "ops/production"))
    whole = OpsTrees(mirror).going(tree)
    monkeypatch.setattr("reconciler.bridge.trees.Remembered.__init__.__defaults__", (1,))
    assert OpsTrees(mirror).going(tree) == whole


def test_what_was_written_is_there_the_next_time(tmp_path: Path) -> None:
    path = quiet_path(tmp_path, StageName("eu/production"))
    assert Quiet.read(path) is None
    with Quiet.write(path) as quiet:
        assert quiet.looked == 0
        quiet.add(TREES, 4096)
    with Quiet.write(path) as quiet:
        quiet.add({"ef" * 20: Over(1, 1)}, 6144)
    opened = Quiet.read(path)
    assert opened is not None
    with opened:
        assert opened.looked == 6144
        assert opened.find([*TREES, "00" * 20]) == TREES
        assert opened.find(["00" * 20] * 1200) == {}


@pytest.mark.parametrize("content", [b"", b"no database " * 1000])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trees.sqlite"
    path.write_bytes(content)
    assert Quiet.read(path) is None
    with Quiet.write(path) as quiet:
        quiet.add(TREES, 1)
        assert quiet.find([*TREES]) == TREES


def test_a_file_of_another_form_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "trees.sqlite"
    Quiet.write(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert Quiet.read(path) is None


def test_what_cannot_be_read_any_more_is_read_from_git(tmp_path: Path) -> None:
    with Quiet.write(tmp_path / "trees.sqlite") as quiet:
        quiet.add(TREES, 1)
        quiet._connection.execute("DROP TABLE quiet")
        assert quiet.find([*TREES]) == {}
