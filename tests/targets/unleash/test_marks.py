"""The mark in a flag's tags: what Unleash allows (2 to 50 characters), complete or not there at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.targets import Mark
from reconciler.targets.unleash import marks
from reconciler.targets.unleash.marks import Record

names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
long = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", fullmatch=True)
owners = st.one_of(
    st.builds(lambda *parts: "/".join(parts), names, names, names),
    st.builds(lambda *parts: "/".join(parts), long, long, long),
    st.builds(lambda *parts: "/".join(parts), long, long),
)
notes = st.one_of(st.just(""), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=15), names)
environments = st.one_of(names, st.sampled_from(["production", "a-rather-long-environment", "Prüfung", "x#1"]))
records = st.builds(
    Record,
    st.builds(Mark, owners, st.integers(0, 10**9), st.from_regex(r"[0-9a-f]{12}", fullmatch=True)),
    st.booleans(),
    notes,
)
CARTS = Record(Mark("sockshop/production/carts", 128, "3f2c9d1a5b6c"), False, "carts-4711")


def test_it_reads_well_in_the_user_interface() -> None:
    assert marks.encode("production", CARTS) == (
        "production#128:off=3f2c9d1a5b6c",
        "production#128:by=sockshop/production/carts",
        "production#128:for=carts-4711",
    )


@given(environments, records)
def test_what_is_written_fits_and_comes_back(environment: str, record: Record) -> None:
    tags = marks.encode(environment, record)
    assert all(2 <= len(tag) <= 50 and tag.isascii() and tag.strip() == tag for tag in tags)
    assert len(set(tags)) == len(tags)
    assert marks.decode(environment, reversed(tags)) == record
    assert set(marks.ours(environment, [*tags, "carts", "other#1:on=ab"])) == set(tags)


@given(records, records)
def test_environments_do_not_see_each_other(one: Record, other: Record) -> None:
    tags = [*marks.encode("production", one), *marks.encode("production-europe-1", other)]
    assert marks.decode("production", tags) == one
    assert marks.decode("production-europe-1", tags) == other
    assert marks.decode("staging", tags) is None


@given(records, st.data())
def test_a_mark_with_a_part_missing_is_none(record: Record, data: st.DataObject) -> None:
    tags = [tag for tag in marks.encode("production", record) if ":for" not in tag]
    tags.remove(data.draw(st.sampled_from(tags)))
    assert marks.decode("production", tags) is None


def test_the_newest_complete_mark_counts() -> None:
    newer = Record(Mark(CARTS.mark.owner, 129, "aaaaaaaaaaaa"), True)
    both = [*marks.encode("production", CARTS), *marks.encode("production", newer)]
    assert marks.decode("production", both) == newer
    # A crash between adding and removing, or somebody's tidying: the older one still counts.
    assert marks.decode("production", [tag for tag in both if "129:by" not in tag]) == CARTS


def test_two_owners_of_one_sequence_are_nobody_s_equal() -> None:
    other = Record(Mark("sockshop/production/orders", 128, "3f2c9d1a5b6c"), False)
    found = marks.decode("production", [*marks.encode("production", CARTS), *marks.encode("production", other)])
    assert found is not None
    assert found.mark.owner == "sockshop/production/carts, sockshop/production/orders"


@pytest.mark.parametrize(
    "tag",
    ["", "carts", "production", "production#:on=", "production#x:on=a", "production#1:on", "#1:on=a", "production#1"],
)
def test_what_people_wrote_is_no_mark(tag: str) -> None:
    assert marks.decode("production", [tag]) is None
    assert marks.ours("production", [tag]) == ()


def test_the_commit_is_abbreviated_in_one_place() -> None:
    full = Mark("a/b/c", 1, "3f2c9d1a5b6c7d8e9f0a")
    assert marks.record(full, True, "").mark.commit == "3f2c9d1a5b6c"


def test_whoever_gave_it_back_does_not_count_beside_whoever_holds_it() -> None:
    released = Record(Mark("sockshop/production", 128, "3f2c9d1a5b6c"), False)
    tags = [*marks.encode("production", CARTS), *marks.encode("production", released)]
    found = marks.decode("production", tags)
    assert found is not None
    assert found.mark.owner == "sockshop/production/carts"
    other = Record(Mark("sockshop/staging", 128, "3f2c9d1a5b6c"), False)
    both = marks.decode("production", [*marks.encode("production", released), *marks.encode("production", other)])
    assert both is not None
    assert both.mark.released


def test_tags_of_another_sequence_are_outdated() -> None:
    tags = marks.encode("production", CARTS)
    assert not marks.outdated("production", ["carts", *tags, "staging#3:on=abc"], 128)
    assert marks.outdated("production", ["production#127:for=x", *tags], 128)
    assert marks.outdated("production", tags, 129)
