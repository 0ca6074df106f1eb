"""Where two texts differ is seen however little of them is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.replaying import rows
from reconciler.repo.replay_findings import around, first_difference

WIDE = 60


def shown(expected: str, there: str) -> tuple[object, object]:
    finding = {"commit": "a" * 40, "error": True, "what": "", "expected": expected, "there": there}
    ((*_, own, other, _),) = rows([{"name": "production", "findings": [finding]}])
    return own, other


def test_a_table_shows_what_differs_of_long_lines() -> None:
    begin = "  - {field: replicas, target: kubernetes/shop-production/Deployment/carts-primary, value: "
    own, other = shown(f"{begin}2}}", f"{begin}9}}")
    assert own != other
    assert (str(own)[-3:], str(other)[-3:]) == (" 2}", " 9}")


def test_short_lines_are_shown_whole() -> None:
    assert shown("value: 2", "value: 9") == ("value: 2", "value: 9")
    assert shown("", "value: 9") == ("", "value: 9")


def test_a_difference_far_behind_in_a_line_is_told() -> None:
    found = first_difference("x" * 5000 + "a", "x" * 5000 + "b")
    assert found is not None
    assert (found.line, found.expected[-1], found.there[-1]) == (1, "a", "b")


@given(st.text("ab", max_size=150), st.text("ab", max_size=150))
def test_whatever_differs_is_seen(expected: str, there: str) -> None:
    own, other = around(expected, there, WIDE)
    assert max(len(own), len(other)) <= WIDE
    assert (own == other) == (expected == there)
