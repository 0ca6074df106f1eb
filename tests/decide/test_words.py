"""How many things a sentence names, and where a text is cut."""

from __future__ import annotations

import pytest

from reconciler.decide.options import option
from reconciler.decide.remediation import Remediation
from reconciler.decide.wording import about_problems, cut, lines, listed, sentence, short
from reconciler.model.names import RemediationId


@pytest.mark.parametrize(
    ("names", "told"),
    [("", ""), ("a", "a"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"), ("abcde", "a, b, c and 2 more")],
)
def test_three_are_named_and_of_more_how_many(names: str, told: str) -> None:
    assert listed(names) == told


def test_as_many_are_named_as_are_asked_for() -> None:
    assert listed("abcd", 4) == "a, b, c, d"
    assert listed("abcd", 1) == "a and 3 more"


def test_ten_lines_are_told_and_of_more_how_many() -> None:
    ten = [str(number) for number in range(10)]
    assert lines(ten) == ten
    assert lines([*ten, "10"]) == [*ten, "... and 1 more."]
    assert lines("abc", 2) == ["a", "b", "... and 1 more."]


def test_a_text_on_one_line_is_cut_at_eighty_characters() -> None:
    assert short("a\n  b\tc ") == "a b c"
    assert short("x" * 80) == "x" * 80
    assert short("x" * 81) == "x" * 76 + " ..."
    assert short("x" * 9, 8) == "xxxx ..."


def test_a_text_of_several_lines_is_cut_with_a_line_that_says_so() -> None:
    assert cut("a\nb", 3) == "a\nb"
    assert cut("x" * 9, 8) == "xxxx\n..."


def test_problems_are_told_by_their_ids_and_a_sentence_begins_as_one() -> None:
    assert about_problems(["p1"], "is over", "are over") == "Problem p1 is over"
    assert about_problems(["p1", "p2"], "is over", "are over") == "Problems p1, p2 are over"
    assert [sentence(text) for text in ("ab", "a", "")] == ["Ab", "A", ""]


def test_an_option_is_that_of_the_action_in_hand() -> None:
    one = Remediation(RemediationId("p1"), actions=({"options": {"wait": 5}}, {"options": {"wait": 9}}, {}), index=1)
    assert option(one, "wait") == 9
    assert option(one, "retries") is None
    for index in (2, 3, 4):
        assert option(Remediation(one.id, actions=one.actions, index=index), "wait") is None
