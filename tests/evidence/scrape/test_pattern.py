"""Patterns: they fit what Python's own engine fits, and never take long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.evidence.scrape.pattern import read_pattern
from reconciler.model.errors import UserError


@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("5..", ["500", "5xx"], ["50", "5000", "1500"]),
        ("200|204", ["200", "204"], ["20", "200|204", "2004"]),
        ("[45]..", ["404"], ["304"]),
        ("[^2]..", ["404", "x00"], ["200"]),
        (r"\d+", ["1", "12345"], ["", "1a"]),
        (r"a\.b", ["a.b"], ["axb"]),
        ("/api/.*", ["/api/", "/api/carts"], ["/api", "x/api/"]),
        ("a?b*c+", ["c", "abbcc"], ["", "ab", "aac"]),
        ("", [""], ["a"]),
        ("|a", ["", "a"], ["b"]),
        ("[]a-]", ["]", "a", "-"], ["b"]),
        (r"[a\]]", ["a", "]"], ["b"]),
        (r"\D", ["x"], ["7"]),
        (".+", ["a", "\n"], [""]),
    ],
)
def test_a_pattern_fits_whole_values(pattern: str, fits: list[str], not_fits: list[str]) -> None:
    read = read_pattern(pattern)
    assert [value for value in fits if not read.fits(value)] == []
    assert [value for value in not_fits if read.fits(value)] == []


@pytest.mark.parametrize(
    "pattern",
    ["(a|b)", "a{2}", "^a", "a$", "*a", "a**", "a\\", r"\w", r"[\w]", "[a", "[z-a]", "[", "a" * 201, "+", "a|*"],
)
def test_what_is_not_known_here_is_refused(pattern: str) -> None:
    with pytest.raises(UserError) as refused:
        read_pattern(pattern)
    assert refused.value.expected


def test_the_pattern_that_keeps_other_engines_busy_for_ever_is_done_at_once() -> None:
    assert not read_pattern("a*" * 90 + "b").fits("a" * 5000)
    assert not read_pattern(".*a" * 60).fits("a" * 59)


ITEM = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\.", "[a-c]"])
ITEMS = st.lists(st.tuples(ITEM, st.sampled_from(["", "*", "+", "?"])).map("".join), max_size=6).map("".join)


@settings(deadline=None, max_examples=300)
@given(st.lists(ITEMS, min_size=1, max_size=3).map("|".join), st.text(st.sampled_from("abcd.\n"), max_size=8))
def test_it_agrees_with_pythons_own_engine(pattern: str, value: str) -> None:
    assert read_pattern(pattern).fits(value) == bool(re.fullmatch(pattern, value, re.DOTALL))
