"""What others wrote is shown in a pull request as what it is, and is never a mark of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.forge.telling import WITHDRAWN, Proposal, body, code, is_withdrawn, mark, title, withdrawn

EFFECT, EXPIRES = "0c1f7e6a5b4d3928", "2026-11-22T10:00:03Z"
CHANGE = {"target": "kubernetes/shop/Deployment/carts", "field": "replicas", "before": 1, "value": 2}


def proposal(words: str, facts: str = "", what_if: str = "") -> Proposal:
    return Proposal(
        "shop", "production", "carts", "p1", 2, f"scale {words}", EFFECT, EXPIRES, words, words, changes=[CHANGE],
        problems=[("p1", words, "a" * 40)], facts=facts, step="b" * 40, what_if=what_if,
    )  # fmt: skip


@given(st.text())
def test_whatever_it_is_called_it_is_one_line_of_code(words: str) -> None:
    shown = code(words)
    assert "\n" not in shown
    assert shown.count("`") in (0, 2)
    assert len(shown) <= 202


@given(st.text(), st.text())
def test_nothing_from_others_withdraws_or_ends_it(words: str, facts: str) -> None:
    text = body(proposal(words + WITHDRAWN, facts + "\n" + WITHDRAWN))
    assert not is_withdrawn(text)
    assert text.endswith(mark(EFFECT, EXPIRES) + "\n")
    assert is_withdrawn(withdrawn(text, "it is over"))
    assert mark(EFFECT, EXPIRES) in withdrawn(text, "it is over")


@given(st.text())
def test_a_title_is_short_and_calls_nobody(words: str) -> None:
    told = title(proposal(f"{words} @everyone"))
    assert len(told) <= 200
    assert "@everyone" not in told
    assert told.isprintable() or "\u200b" in told


@pytest.mark.parametrize(
    "words", ["[skip ci]", "Fixes #12", "shop/orders#3", "https://example.org", "see !7", "GH-12", "www.example.org"]
)
def test_a_title_means_nothing_to_a_forge(words: str) -> None:
    told = title(proposal(words))
    assert words not in told
    assert words in told.replace("\u200b", "")


def test_it_says_what_would_be_done_and_what_follows() -> None:
    text = body(proposal("1 → 2", "a: 1\nb: 2\n", "## What if\n\nnothing"))
    assert "| `kubernetes/shop/Deployment/carts` | replicas | `1` → `2` |" in text
    assert f"* `p1`: `1 → 2`, brought by {'a' * 40}" in text
    assert "    a: 1\n    b: 2" in text
    assert "## What if" in text
    assert f"until {EXPIRES}" in text


def test_many_inputs_are_cut() -> None:
    assert len(body(proposal("x", "k: v\n" * 10_000))) < 12_000
