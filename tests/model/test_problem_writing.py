"""Problem files written by us, and the one word that changes in files that others wrote."""

from __future__ import annotations

import pytest

from reconciler.model.invalid import InvalidFile
from reconciler.model.problem import Problem, load_problem
from reconciler.model.problem_writing import problem_file, reopened, resolved

FULL = Problem("slow", "open", "disk", "2026-11-21T10:00:00Z", "x", "https://x.example", {"a": [1, {}]}, {"b": "\n"})


@pytest.mark.parametrize("problem", [FULL, Problem("slow", "resolved")])
def test_a_problem_is_read_back_from_its_file(problem: Problem) -> None:
    assert load_problem(problem_file(problem), "p.yaml") == problem


@pytest.mark.parametrize(
    "text", ["\U0001f3f4\U000e0067\U000e007f", "\\ud83d\\ude00\U000e0001", "\\\U000e0001", "\u202e\x00"]
)
def test_invisible_text_is_escaped_and_read_back(text: str) -> None:
    problem = Problem(f"x{text}", "open", details={text: [{text: text}]}, labels={text: text})
    assert not any(mark in problem_file(problem).decode() for mark in "\U000e0067\U000e0001\u202e\x00")
    assert load_problem(problem_file(problem), "p.yaml") == problem


def test_what_is_empty_is_not_written() -> None:
    assert problem_file(Problem("slow", "open")) == b'title: "slow"\nstate: "open"\n'


@pytest.mark.parametrize(
    ("before", "over"),
    [
        (b"title: slow\nstate: open # since noon\n", b"title: slow\nstate: resolved # since noon\n"),
        (b"title: slow\n", b"title: slow\nstate: resolved\n"),
        (b"{title: slow, state: 'open'}", b'{title: slow, state: "resolved"}'),
    ],
)
def test_the_state_is_exchanged_and_the_rest_kept(before: bytes, over: bytes) -> None:
    assert resolved(before, "p.yaml") == over
    again = load_problem(reopened(over, "p.yaml"), "p.yaml")
    assert again == load_problem(before, "p.yaml")


def test_a_state_that_cannot_be_exchanged_gives_our_own_form() -> None:
    folded = b"title: slow\nstate: >-\n  open\n"
    assert resolved(folded, "p.yaml") == problem_file(Problem("slow", "resolved"))


def test_a_file_that_cannot_be_read_is_not_written() -> None:
    with pytest.raises(InvalidFile):
        reopened(b"state: resolved\n", "p.yaml")
