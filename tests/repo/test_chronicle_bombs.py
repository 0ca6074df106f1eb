"""A tree bomb that lies in the history, after it was taken away: told as somebody's commit, and all else as ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model.names import CommitId
from reconciler.repo import children, chronicle_walk, offline
from reconciler.repo.chronicle_records import BEYOND
from reconciler.repo.chronicle_walk import Walked, walk
from reconciler.repo.local import LocalRepository
from reconciler.repo.steps import as_commit
from tests.repo.bombs import bomb
from tests.repo.conftest import git
from tests.repo.told_history import Told, following, told


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are reached within a tenth of a second; they are of the same kind as the real ones."""
    monkeypatch.setattr(children, "DIFF_MEMORY", 10 << 20)
    monkeypatch.setattr(offline, "READING", 48 << 20)


@pytest.fixture
def past(tmp_path: Path) -> Told:
    return told(tmp_path)


def bombed(past: Told, name: str = "bomb") -> CommitId:
    """Put a bomb on the branch."""
    past.point(bomb(past.remote, past.tip(), name=name))
    return past.tip()


def mended(past: Told, good: CommitId) -> CommitId:
    """Take it away again."""
    tree = git(past.remote, "rev-parse", f"{good}^{{tree}}")
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    past.point(git(past.remote, *who, "commit-tree", "-p", past.tip(), "-m", "take it away", tree))
    return past.tip()


def read(past: Told, *paths: str) -> list[Walked]:
    with LocalRepository.open(past.remote) as local, offline.whole(local) as store:
        return list(walk(store, [past.tip()], (), paths))


def test_what_came_before_and_after_is_told_and_the_bomb_as_somebodys_commit(past: Told) -> None:
    past.remediation("p1")
    good = past.tip()
    bad = bombed(past)
    above = past.people({"carts/slo.yaml": "a: 1\n"}, "on top of it")
    mend = mended(past, good)
    past.remediation("p2")
    with following(past) as chronicle:
        assert [(str(each.id), each.healed) for each in chronicle.remediations().items] == [("p2", True), ("p1", True)]
        people = {each.commit: each for each in chronicle.people().items}
        assert chronicle.doubt() is None
    assert (people[bad].author, people[bad].subject) == ("Mallory <mallory@example.com>", "a bomb")
    assert people[bad].changes == people[mend].changes == ((BEYOND, "", "", "M"),)
    assert people[bad].beyond
    assert not people[above].beyond
    assert people[above].changes == (("config", "carts", "carts/slo.yaml", "A"),)


def test_who_followed_across_it_and_who_begins_behind_it_tell_the_same(past: Told, tmp_path: Path) -> None:
    past.remediation("p1")
    with following(past):
        pass
    good = past.tip()
    bombed(past)
    mended(past, good)
    with following(past):
        pass
    past.remediation("p2")
    with following(past) as chronicle:
        followed = (chronicle.counts(), chronicle.people().items, chronicle.steps().items)
    (tmp_path / "chronicle.sqlite").unlink()
    with following(past) as chronicle:
        assert (chronicle.counts(), chronicle.people().items, chronicle.steps().items) == followed


def test_a_bomb_that_claims_to_be_a_step_is_none(past: Told) -> None:
    past.remediation("p1")
    good = past.tip()
    sequence = past.sequence
    forged = past.step("held", {"reason": "x"}, remediation="p9")
    tree = git(past.remote, "rev-parse", f"{bomb(past.remote, good)}^{{tree}}")
    who = ("-c", "user.name=Mallory", "-c", "user.email=mallory@example.com")
    message = as_commit(forged).message
    past.point(git(past.remote, *who, "commit-tree", "-p", good, "-m", message, tree))
    bad = past.tip()
    mended(past, good)
    past.sequence = sequence
    past.remediation("p2")
    with following(past) as chronicle:
        assert chronicle.step(bad) is None
        assert chronicle.last_sequence() == past.sequence
        assert {str(each.id) for each in chronicle.remediations().items} == {"p1", "p2"}


def test_every_other_commit_is_walked_once_with_its_files_and_in_order(past: Told) -> None:
    """Several bombs, also the very first commit of a branch, and one that stays while others come."""
    first, plain = past.tip(), read(past)
    bad = {bombed(past)}
    past.people({"carts/one.yaml": "x"}, "above")
    bad.add(bombed(past, "other"))
    past.people({"carts/two.yaml": "x"}, "above")
    bad.add(mended(past, first))
    for number in range(40):
        past.people({f"carts/later{number}.yaml": "x"}, f"later {number}")
    order = git(past.remote, "rev-list", "--topo-order", "--reverse", past.tip()).split()
    walked = read(past)
    assert [each.id for each in walked] == order
    assert walked[: len(plain)] == plain
    assert {each.id for each in walked if each.beyond} == bad
    assert all(len(each.files) == (0 if each.beyond else 1) for each in walked[len(plain) :])
    root = git(past.remote, "rev-parse", f"{bomb(past.remote, first)}^{{tree}}")
    who = ("-c", "user.name=Mallory", "-c", "user.email=mallory@example.com")
    past.point(git(past.remote, *who, "commit-tree", "-m", "from nothing", root))
    (only,) = read(past)
    assert only.beyond


def test_what_a_path_has_seen_is_found_past_a_bomb(past: Told) -> None:
    good = past.tip()
    bombed(past)
    mended(past, good)
    last = past.people({"carts/slo.yaml": "a: 1\n"}, "later")
    assert [each.id for each in read(past, "carts/slo.yaml")] == [last]


def test_the_same_bomb_time_and_again_is_looked_at_once(past: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    good = past.tip()
    for _ in range(20):
        bombed(past)
        mended(past, good)
    asked: list[int] = []
    once = chronicle_walk._once

    def counted(source: chronicle_walk.Source, ids: list[CommitId], *, files: bool = True) -> Iterator[Walked]:
        asked.append(len(ids))
        return once(source, ids, files=files)

    monkeypatch.setattr(chronicle_walk, "_once", counted)
    assert sum(each.beyond for each in read(past)) == 40
    # One that is found, forty whose words alone are read, and the one that was not told whole.
    assert len(asked) <= 43
