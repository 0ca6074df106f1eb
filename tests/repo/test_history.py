from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo import history as history_module
from reconciler.repo.faults import DamagedError
from reconciler.repo.mirror import Mirror
from reconciler.repo.objects import parse_commit, parse_person
from tests.repo.conftest import Hub, OpenMirror, fetched


@pytest.fixture
def mirror(open_mirror: OpenMirror) -> Mirror:
    """A mirror that shares objects: how they came does not matter here."""
    return open_mirror()


def chain(hub: Hub, length: int) -> list[CommitId]:
    return [hub.land({"a": b"%d" % number}) for number in range(length)]


def test_what_came_since(mirror: Mirror, hub: Hub) -> None:
    ids = chain(hub, 5)
    tip = fetched(mirror)
    assert [info.id for info in mirror.commits(tip, since=ids[1])] == [ids[4], ids[3], ids[2]]
    assert [info.id for info in mirror.commits(tip, since=ids[1], limit=1)] == [ids[4]]
    assert list(mirror.commits(tip, since=tip)) == []
    assert [info.id for info in mirror.commits(tip)] == ids[::-1]
    assert [info.id for info in mirror.commits(tip, limit=2)] == [ids[4], ids[3]]


def test_merges_are_followed_on_all_parents(mirror: Mirror, hub: Hub) -> None:
    base = hub.land({"a": b"1"})
    hub.git("update-ref", "refs/heads/side", base)
    side = hub.land({"b": b"1"}, "side")
    main = hub.land({"a": b"2"})
    merge = hub.point(hub.commit_tree(hub.git("rev-parse", f"{main}^{{tree}}"), main, side, message="merge"))
    after = hub.land({"c": b"1"})
    tip = fetched(mirror)
    since = [info.id for info in mirror.commits(tip, since=main)]
    assert since[:2] == [after, merge]
    assert set(since[2:]) == {side}
    assert mirror.parents(merge) == (main, side)
    assert mirror.is_ancestor(side, tip)
    assert not mirror.is_ancestor(side, main)
    # The merge threw the side's file away; the commit that made it is still part of its history.
    assert [info.id for info in mirror.commits(tip, paths=["b"])][-1] == side


def test_a_walk_that_is_long_is_left_to_git(mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "_WALKED", 3)
    ids = chain(hub, 12)
    tip = fetched(mirror)
    assert [info.id for info in mirror.commits(tip, since=ids[0])] == ids[:0:-1]
    assert mirror.is_ancestor(ids[0], tip)
    assert not mirror.is_ancestor(tip, ids[0])
    assert mirror.is_ancestor(tip, tip)


def test_ancestors_among_many_are_told_in_one_walk(mirror: Mirror, hub: Hub) -> None:
    old = [hub.land({"f": b"%d" % number}) for number in range(20)]
    side = hub.commit_tree(hub.tree(), old[3], message="a side")
    tip = fetched(mirror)
    beside = [commit for commit in (side,) if mirror.has(commit)]  # only what shares the remote's objects has it
    assert mirror.ancestors([*old, *beside], tip) == set(old)
    assert mirror.ancestors([], tip) == frozenset()
    assert mirror.ancestors([old[5], old[6]], old[5]) == {old[5]}


@pytest.mark.parametrize("near", [0, 2, 100])
def test_the_newest_are_looked_at_one_by_one_and_are_those_of_git(
    mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch, near: int
) -> None:
    monkeypatch.setattr(history_module, "_NEAR", near)
    base = hub.land({"a/x": b"1", "b": b"1"})
    hub.git("update-ref", "refs/heads/side", base)
    side = hub.land({"a/y": b"1"}, "side")
    main = hub.land({"a/x": b"2"})
    hub.point(hub.commit_tree(hub.git("rev-parse", f"{side}^{{tree}}"), main, side, message="merge"))
    for number in range(5):
        hub.land({"b" if number % 2 else "a/x": b"%d" % (number + 10)})
    tip = fetched(mirror)
    for paths in ([], ["a"], ["b"], ["a/x", "b"], ["nothing"]):
        words = ["--full-history"] if paths else []
        expected = hub.git("rev-list", "--topo-order", *words, tip, "--", *paths).split()
        found = [info.id for info in mirror.commits(tip, paths=paths)]
        assert found == expected, paths
        for limit in range(len(expected) + 2):
            assert [info.id for info in mirror.commits(tip, paths=paths, limit=limit)] == expected[:limit]


def test_the_newest_are_found_without_a_walk_over_all(
    mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = chain(hub, 6)
    tip = fetched(mirror)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("git was asked for all of them")

    monkeypatch.setattr("reconciler.repo.history.argv.rev_list", refused)
    walk = mirror.commits(tip, paths=["a"])
    assert [next(walk).id for _ in range(4)] == ids[:1:-1]


def test_git_is_asked_for_one_part_after_the_other(mirror: Mirror, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "_NEAR", 2)
    monkeypatch.setattr(history_module, "_PART", 2)
    monkeypatch.setattr(history_module, "_GROWS", 1)
    chain(hub, 3)
    base = hub.land({"b": b"1"})
    hub.git("update-ref", "refs/heads/side", base)
    side = [hub.land({"a": b"side %d" % number}, "side") for number in range(3)][-1]
    main = chain(hub, 3)[-1]
    hub.point(hub.commit_tree(hub.git("rev-parse", f"{side}^{{tree}}"), main, side, message="merge"))
    chain(hub, 5)
    tip = fetched(mirror)
    asked: list[str | None] = []
    rev_list = argv.rev_list

    def noted(git_dir: Path, to: str, *, since: str | None = None, **more: Any) -> tuple[str, ...]:
        asked.append(since)
        return rev_list(git_dir, to, since=since, **more)

    monkeypatch.setattr("reconciler.repo.history.argv.rev_list", noted)
    for paths in ([], ["a"], ["b"]):
        words = ["--full-history"] if paths else []
        found = list(mirror.commits(tip, paths=paths))
        ids = [info.id for info in found]
        assert sorted(ids) == sorted(hub.git("rev-list", *words, tip, "--", *paths).split()), paths
        places = {identity: place for place, identity in enumerate(ids)}
        children = [(info.id, parent) for info in found for parent in info.parents if parent in places]
        assert all(places[child] < places[parent] for child, parent in children), paths
        assert [info.id for info in mirror.commits(tip, paths=paths, limit=4)] == ids[:4]
    asked.clear()
    walk = mirror.commits(tip)
    assert [next(walk).id for _ in range(4)]
    assert len(asked) == 1, "the rest is not asked for until somebody wants it"
    assert asked != [None]


def test_g3_a_rewritten_branch_is_no_descendant(mirror: Mirror, hub: Hub) -> None:
    old = chain(hub, 3)[-1]
    fetched(mirror)
    hub.git("update-ref", "refs/heads/production", f"{old}~2")
    new = hub.land({"b": b"1"})
    assert fetched(mirror) == new
    assert not mirror.is_ancestor(old, new)
    assert [info.id for info in mirror.commits(new, since=old)] == [new]


def test_paths_and_last_change(mirror: Mirror, hub: Hub) -> None:
    one = hub.land({"a/x": b"1", "b": b"1"})
    two = hub.land({"b": b"2"})
    three = hub.land({"a/x": b"3"})
    tip = fetched(mirror)
    assert [info.id for info in mirror.commits(tip, paths=["a"])] == [three, one]
    assert [info.id for info in mirror.commits(tip, paths=["b", "a/x"])] == [three, two, one]
    last = mirror.last_change(tip, "b")
    assert last is not None
    assert last.id == two
    assert mirror.last_change(tip, "nowhere") is None
    # A path is a path, not a pattern.
    assert list(mirror.commits(tip, paths=["*"])) == []
    assert list(mirror.commits(tip, paths=[":(glob)**"])) == []


def test_an_unknown_tip_is_damage(mirror: Mirror, hub: Hub) -> None:
    hub.land({"a": b"1"})
    tip = fetched(mirror)
    for ask in (
        lambda: list(mirror.commits(CommitId("1" * 40))),
        lambda: list(mirror.commits(CommitId("1" * 40), since=tip)),
        lambda: mirror.last_change(CommitId("1" * 40), "a"),
        lambda: mirror.is_ancestor(tip, CommitId("1" * 40)),
        lambda: mirror.ancestors([tip], CommitId("1" * 40)),
    ):
        with pytest.raises(DamagedError):
            ask()


def test_an_iterator_that_is_abandoned_leaves_no_process(mirror: Mirror, hub: Hub) -> None:
    chain(hub, 3)
    tip = fetched(mirror)
    list(mirror.commits(tip))
    before = mirror.pids()
    walk = mirror.commits(tip)
    next(walk)
    del walk
    assert mirror.pids() == before


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ("@0 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("@4102444800 -1200", datetime(2100, 1, 1, tzinfo=UTC)),
        ("@9999999999 +1400", datetime(2286, 11, 20, 17, 46, 39, tzinfo=UTC)),
    ],
)
def test_g15_order_is_ancestry_whatever_the_dates(mirror: Mirror, hub: Hub, dates: str, expected: datetime) -> None:
    first = hub.land({"a": b"1"})
    second = hub.point(hub.commit_tree(hub.git("rev-parse", f"{first}^{{tree}}"), first, dates=dates))
    third = hub.land({"a": b"2"})
    tip = fetched(mirror)
    assert [info.id for info in mirror.commits(tip)] == [third, second, first]
    assert mirror.commit(second).author_time == expected


def test_g15_dates_that_no_calendar_has(mirror: Mirror, hub: Hub) -> None:
    first = hub.land({"a": b"1"})
    tree = hub.git("rev-parse", f"{first}^{{tree}}")
    lines = f"tree {tree}\nparent {first}\nauthor X <x> 99999999999999999 +9999\ncommitter Y <y> 5 -0000\n\nm"
    odd = hub.git("hash-object", "-t", "commit", "--literally", "-w", "--stdin", data=lines.encode())
    hub.point(odd)
    info = parse_commit(CommitId(odd), lines.encode())
    assert info.author_time.year == 9999
    assert (info.committer.name, info.commit_time) == ("Y", datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("line", "name", "email"),
    [
        ("A B <a@b> 1 +0000", "A B", "a@b"),
        ("A B <a@b>", "A B", "a@b"),
        ("<a@b> 1 +0000", "", "a@b"),
        ("nobody", "nobody", ""),
        ("", "", ""),
        ("A <b> <c> -5 +0000", "A", "b> <c"),
    ],
)
def test_people_are_read_however_they_are_written(line: str, name: str, email: str) -> None:
    identity, _ = parse_person(line)
    assert identity.name == name or line.count("<") > 1
    assert identity.email == email or line.count("<") > 1


def test_other_encodings_and_signatures_do_not_disturb(mirror: Mirror, hub: Hub) -> None:
    first = hub.land({"a": b"1"})
    tree = hub.git("rev-parse", f"{first}^{{tree}}")
    raw = (
        f"tree {tree}\nparent {first}\nauthor X <x@y> 1 +0000\ncommitter X <x@y> 1 +0000\n"
        "gpgsig -----BEGIN\n tree of lies\n parent of lies\n -----END\nencoding ISO-8859-1\n\n"
    ).encode() + b"caf\xe9\n"
    odd = hub.point(hub.git("hash-object", "-t", "commit", "-w", "--stdin", data=raw))
    fetched(mirror)
    info = mirror.commit(odd)
    assert (info.message, info.parents) == ("café\n", (first,))
