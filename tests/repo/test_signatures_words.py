"""What is kept of paths is what a plain mapping would keep, whatever was shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.names import CommitId
from reconciler.repo.signatures_refused import NONE, Refusals, Refused
from reconciler.repo.signatures_words import Kept

PATHS = st.integers(0, 40).map(lambda number: b"p%d" % number)
PUTS = st.lists(st.tuples(PATHS, st.one_of(st.none(), st.integers(0, 3))), max_size=60)


def kept(puts: list[tuple[bytes, int | None]], begin: Kept[int] | None = None) -> Kept[int]:
    made: Kept[int] = begin if begin is not None else Kept()
    for path, value in puts:
        made = made.put(path, value)
    return made


def plain(puts: list[tuple[bytes, int | None]]) -> dict[bytes, int]:
    made: dict[bytes, int] = {}
    for path, value in puts:
        made.pop(path, None)
        if value is not None:
            made[path] = value
    return made


@given(PUTS, PUTS, PUTS)
def test_it_is_a_mapping_that_is_never_changed(
    first: list[tuple[bytes, int | None]], one: list[tuple[bytes, int | None]], other: list[tuple[bytes, int | None]]
) -> None:
    base = kept(first)
    mine, theirs = kept(one, base), kept(other, base)
    left, right = plain(first + one), plain(first + other)
    for made, expected in ((base, plain(first)), (mine, left), (theirs, right)):
        assert dict(made.items()) == expected
        assert set(made) == expected.keys()
        assert len(made) == len(expected)
        assert all(made.get(path) == expected.get(path) for path in {*expected, b"none"})
    assert set(mine.differing(theirs)) == {path for path in {**left, **right} if left.get(path) != right.get(path)}
    assert (mine == theirs) == (left == right)


def refused(number: int) -> Refused:
    return Refused(CommitId(f"{number:040x}"), "Eve", "it is not signed")


def test_of_many_commits_that_do_not_count_the_newest_are_kept_and_all_counted() -> None:
    told = NONE
    for number in range(1000):
        told = Refusals.joined([told], [refused(number), refused(number)])
        assert (len(told), told[-1]) == (number + 1, refused(number))
    assert len(list(told)) < 100
    assert Refusals.joined([told], [refused(999)]) is told
    assert len(Refusals.joined([told, NONE], [])) == 1000
