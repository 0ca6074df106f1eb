"""Which commit brought a file: found near the tip without a process, and always the one that git names."""

from __future__ import annotations

import random

import pytest

from reconciler.model.names import CommitId
from reconciler.repo import lastchange as lastchange_module
from reconciler.repo.faults import TooMuchError
from reconciler.repo.lastchange import LastChanges
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import Change
from tests.repo.conftest import Hub, OpenMirror, fetched

PATH = "ops/production/carts/problems/p1.yaml"


@pytest.fixture
def mirror(open_mirror: OpenMirror) -> Mirror:
    return open_mirror()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that git itself was asked about."""
    found: list[str] = []
    true_ask = Mirror.last_change

    def counted(self: Mirror, tip: CommitId, path: str) -> object:
        found.append(path)
        return true_ask(self, tip, path)

    monkeypatch.setattr(Mirror, "last_change", counted)
    return found


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The directories in which two commits were compared; empty for all of it."""
    found: list[str] = []
    diff = Mirror.diff

    def counted(self: Mirror, old: CommitId | None, new: CommitId, under: str = "") -> list[Change]:
        found.append(under)
        return diff(self, old, new, under)

    monkeypatch.setattr(Mirror, "diff", counted)
    return found


def found(changes: LastChanges, mirror: Mirror, path: str = PATH) -> CommitId | None:
    info = changes.find(fetched(mirror), path)
    return info.id if info is not None else None


def test_a_file_that_has_just_come_is_found_at_the_tip(mirror: Mirror, hub: Hub, asked: list[str]) -> None:
    changes = LastChanges(mirror)
    first = hub.land({PATH: b"1"})
    assert found(changes, mirror) == first, "the very first commit"
    second = hub.land({PATH: b"2", "README.md": b"x"})
    assert found(changes, mirror) == second
    hub.land({"README.md": b"y"})
    assert found(changes, mirror) == second
    gone = hub.land({PATH: None})
    assert found(changes, mirror) == gone
    back = hub.land({PATH: b"2"})
    assert found(changes, mirror) == back
    assert found(changes, mirror, "ops/production/carts/problems/never.yaml") is None
    assert asked == []


def test_a_file_that_went_and_came_back_unseen_is_new(mirror: Mirror, hub: Hub) -> None:
    changes = LastChanges(mirror)
    hub.land({PATH: b"1"})
    found(changes, mirror)
    hub.land({PATH: None})
    back = hub.land({PATH: b"1"})
    assert found(changes, mirror) == back


def test_what_lies_further_back_is_asked_of_git_once(mirror: Mirror, hub: Hub, asked: list[str]) -> None:
    changes = LastChanges(mirror)
    first = hub.land({PATH: b"1"})
    for number in range(20):
        hub.land({"README.md": b"%d" % number})
    assert found(changes, mirror) == first
    assert asked == [PATH]
    for number in range(20, 25):
        hub.land({"README.md": b"%d" % number})
        assert found(changes, mirror) == first
    assert asked == [PATH]


def test_it_is_the_commit_that_git_names(mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a history with merges of all kinds, contents and modes, from every commit of it."""
    monkeypatch.setattr(lastchange_module, "_WALKED", 1000)
    chance = random.Random(20261121)
    blobs = [hub.blob(b"%d" % number) for number in range(2)]
    commits: list[CommitId] = []
    for number in range(60):
        items = [
            (chance.choice(["100644", "100644", "100755"]), "blob", name, chance.choice(blobs))
            for name in (b"a", b"b")
            if chance.random() < 0.8
        ]
        tree = hub.tree(("040000", "tree", b"d", hub.tree(*items))) if items else hub.tree()
        if commits and chance.random() < 0.4:
            tree = hub.git("rev-parse", f"{chance.choice(commits[-6:])}^{{tree}}")
        parents = chance.sample(commits[-6:], min(len(commits[-6:]), chance.choice([1, 1, 2, 2, 3])))
        dates = f"{1_800_000_000 + chance.randrange(100)} +0000"
        commits.append(hub.commit_tree(tree, *parents, message=str(number), dates=dates))
        hub.point(commits[-1], f"c{number}")
    changes = LastChanges(mirror)
    answers = {(tip, path): changes.find(tip, path) for tip in commits for path in ("d/a", "d/b")}
    assert answers == {(tip, path): mirror.last_change(tip, path) for tip, path in answers}
    assert len({info.id for info in answers.values() if info is not None}) > 15


def test_pushes_of_ours_are_leapt_over_but_for_what_they_changed(
    mirror: Mirror, hub: Hub, asked: list[str], compared: list[str]
) -> None:
    changes = LastChanges(mirror)
    brought = hub.land({PATH: b"1", "ops/production/carts/state/desired.yaml": b"1"})
    mine = [hub.land({"ops/production/carts/state/desired.yaml": b"%d" % number}) for number in range(2, 60)]
    tip = fetched(mirror)
    changes.pass_by([mirror.commit(each) for each in mine], ["ops/production/carts/state/desired.yaml"])
    compared.clear()
    assert (info := changes.find(tip, PATH)) is not None
    assert info.id == brought
    assert (asked, len(compared)) == ([], 1)
    assert (info := changes.find(tip, "ops/production/carts/state/desired.yaml")) is not None
    assert info.id == mine[-1]


def test_what_came_in_one_push_is_found_together_however_often_others_push(
    mirror: Mirror, hub: Hub, asked: list[str], compared: list[str]
) -> None:
    paths = [f"ops/production/service-{number:03}/problems/p.yaml" for number in range(120)]
    changes = LastChanges(mirror)
    hub.land({"README.md": b"x"})
    storm = hub.land(dict.fromkeys(paths, b"1"))
    for number, path in enumerate(paths):
        if number % 4 == 0:
            hub.land({f"notes/{number}.md": b"x"})
        info = changes.find(fetched(mirror), path)
        assert info is not None
        assert info.id == storm
    commits = 2 + len(paths) // 4
    assert (asked, len(compared) <= 5 * commits) == ([], True), len(compared)


def test_what_is_too_much_to_compare_is_compared_directory_by_directory(
    mirror: Mirror, hub: Hub, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []
    diff = Mirror.diff

    def large(self: Mirror, old: CommitId | None, new: CommitId, under: str = "") -> list[Change]:
        if not under:
            tries.append(new)
            raise TooMuchError("a test's")
        return diff(self, old, new, under)

    monkeypatch.setattr(Mirror, "diff", large)
    paths = [f"ops/production/service-{number:03}/problems/p.yaml" for number in range(20)]
    hub.land({"README.md": b"x"})
    storm = hub.land(dict.fromkeys(paths, b"1"))
    tip = fetched(mirror)
    changes = LastChanges(mirror)
    assert {info.id for path in paths if (info := changes.find(tip, path)) is not None} == {storm}
    assert (asked, tries) == ([], [storm]), "it is tried once"


def test_of_huge_commits_the_last_one_is_remembered(mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lastchange_module, "_PASSED", 20)
    changes = LastChanges(mirror)
    hub.land({"README.md": b"x"})
    paths = [f"ops/production/service-{number:03}/problems/p.yaml" for number in range(30)]
    for content in (b"1", b"2", b"3"):
        storm = hub.land(dict.fromkeys(paths, content))
        tip = fetched(mirror)
        assert {info.id for path in paths if (info := changes.find(tip, path)) is not None} == {storm}
    assert (len(changes._changed), changes._changed_paths, len(changes._passed)) == (1, 30, 0)


def test_no_more_is_remembered_to_be_leapt_over_than_there_is_room_for(
    mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lastchange_module, "_PASSED", 10)
    changes = LastChanges(mirror)
    first = hub.land({PATH: b"1"})
    others = [hub.land({f"notes/{number}.md": b"x"}) for number in range(12)]
    tip = fetched(mirror)
    for number, other in enumerate(others):
        for _ in range(2):
            changes.pass_by([mirror.commit(other)], [f"notes/{number}.md"])
    assert len(changes._passed) == 5
    assert (info := changes.find(tip, PATH)) is not None
    assert info.id == first


def test_nothing_is_learned_of_pushes_between_which_others_pushed(mirror: Mirror, hub: Hub) -> None:
    changes = LastChanges(mirror)
    hub.land({PATH: b"1"})
    mine = hub.land({"README.md": b"1"})
    theirs = hub.land({PATH: b"2"})
    later = hub.land({"README.md": b"2"})
    tip = fetched(mirror)
    changes.pass_by([mirror.commit(mine), mirror.commit(later)], ["README.md"])
    assert (info := changes.find(tip, PATH)) is not None
    assert info.id == theirs
