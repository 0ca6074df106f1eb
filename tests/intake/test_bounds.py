"""A problem is cut until its file can hold it, and every cut shows."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.intake.bounds import cut, fitted
from reconciler.model.problem import Problem, load_problem
from reconciler.model.problem_writing import problem_file

INVISIBLE = "\U000e0001"
"""Twelve bytes in a file: the most that one character can take."""


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else "bottom"


@pytest.mark.parametrize(
    ("details", "labels"),
    [
        pytest.param({"long": "x" * (1 << 20), "short": "kept"}, {}, id="one long text"),
        pytest.param({"short": "kept", **{f"k{n}": "x" * 9999 for n in range(100)}}, {}, id="many long texts"),
        pytest.param({"short": "kept", "many": [{"n": n} for n in range(20_000)]}, {}, id="many values"),
        pytest.param({"short": "kept", **{f"k{n}": {} for n in range(20_000)}}, {}, id="many keys"),
        pytest.param({"short": "kept", "deep": deep(30)}, {}, id="many levels"),
        pytest.param({"short": "kept", INVISIBLE * 600: {INVISIBLE * 600: 1}}, {}, id="long keys"),
        pytest.param({"short": "kept"}, {INVISIBLE * 300: INVISIBLE * 5000}, id="a long label"),
        pytest.param(
            {"short": "kept", **{f"{n}{INVISIBLE * 99}": INVISIBLE * 999 for n in range(99)}},
            {f"{n}{INVISIBLE * 99}": INVISIBLE * 999 for n in range(99)},
            id="too much of everything",
        ),
        pytest.param(
            {"short": "kept", **{f"k{n}": {f"k{m}": [[INVISIBLE * 99]] * 99 for m in range(99)} for n in range(99)}},
            {},
            id="too much on every level",
        ),
    ],
)
def test_whatever_comes_fits_into_a_file_and_is_read_back(details: dict[str, Any], labels: dict[str, str]) -> None:
    problem = fitted(Problem("t" * 999 + INVISIBLE, "open", root_cause=INVISIBLE * 999, details=details, labels=labels))
    data = problem_file(problem)
    assert len(data) <= 192 * 1024
    assert load_problem(data, "p.yaml") == problem
    assert problem.details["short"] == "kept"
    assert b"cut, " in data


def test_what_fits_is_left_as_it_is() -> None:
    problem = Problem(
        "slow", "open", "disk", "2026-11-21T10:00:00Z", "x", "https://x.example", {"a": [1, {"b": None}]}, {"c": ""}
    )
    assert fitted(problem) == problem
    assert cut("x" * 40, 40) == "x" * 40
    assert cut("x" * 41, 40) == "x" * 18 + "… (cut, 41 characters)"
