"""Ids of strangers as stems: plain ones as they are, others readable and distinct."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.intake.identity import identity
from reconciler.model.problem_ids import problem_id

HOSTILE = ["../x", "-x", ".git", "a\0b", "x" * 1000, "a b", "ä", "%2e%2e", "a.lock", "a+2", "a..b", "refs/heads/x", ""]


def test_a_plain_id_is_its_name() -> None:
    assert identity("dynatrace", "-6478017825120311599_1641223491837V2") == (
        "dynatrace--6478017825120311599_1641223491837V2"
    )


@given(st.lists(st.text() | st.sampled_from(HOSTILE), min_size=1, max_size=2))
def test_any_id_is_a_stem_that_nothing_needs_to_be_encoded_in(parts: list[str]) -> None:
    stem = identity("x", *parts)
    assert problem_id(stem) == stem == identity("x", *parts)
    assert "/" not in stem
    assert len(stem) <= 160


def test_different_ids_have_different_stems() -> None:
    assert len({identity("x", name) for name in HOSTILE}) == len(HOSTILE)
    assert identity("x", "a b") != identity("x", "a_b")
    assert len({identity("x", f"a{chr(other)}b") for other in range(0x100, 0x200)}) == 0x100
    assert identity("x", "y" * 1000) != identity("x", "y" * 1001)


@pytest.mark.parametrize("name", ["a b", "team/problem 7"])
def test_what_can_be_read_stays(name: str) -> None:
    assert identity("x", name).startswith("x-" + name.replace(" ", "_").replace("/", "_"))
