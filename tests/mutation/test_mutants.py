"""Mistakes are valid Python, each is another one, and what no test would notice is told."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.mutation.explained import EXPLAINED
from tests.mutation.mutants import mutants
from tests.mutation.trying import is_inside

DECIDE = Path(__file__).parents[2] / "reconciler" / "decide"
SOURCE = '''\
"""A module."""

LIMIT = 3


def most(values: list[int], *, wide: bool = False) -> int | None:
    """Return the largest that is small enough."""
    for value in values:
        if value < 0 and not wide:
            continue
        if value + 1 <= LIMIT:
            return min(values)
    return None


class Counted:
    times: int = 0

    def often(self) -> bool:
        return self.times > LIMIT
'''


def test_each_mistake_of_a_module_is_made() -> None:
    made = [mutant.key.partition(": ")[2] for mutant in mutants(SOURCE)]
    assert made == [
        "False -> True",
        "value < 0 and not wide -> (value < 0 or not wide)",
        "value < 0 -> (value <= 0)",
        "0 -> 1",
        "not wide -> (wide)",
        "continue -> pass",
        "value + 1 <= LIMIT -> (value + 1 < LIMIT)",
        "value + 1 -> (value - 1)",
        "1 -> 2",
        "return min(values) -> return None",
        "min(values) -> max(values)",
        "0 -> 1",
        "return self.times > LIMIT -> return None",
        "self.times > LIMIT -> (self.times >= LIMIT)",
    ]


def test_a_mistake_says_in_which_function_of_which_class_it_is() -> None:
    assert [mutant.where for mutant in mutants(SOURCE)][-4:] == [
        "most",
        "Counted.times",
        "Counted.often",
        "Counted.often",
    ]


def test_a_mistake_stands_where_it_says_and_nothing_else_changes() -> None:
    _, first, *_ = mutants(SOURCE)
    assert (first.line, first.column, first.where) == (9, 12, "most")
    assert first.put_into(SOURCE) == SOURCE.replace("value < 0 and not wide", "(value < 0 or not wide)")


def test_what_a_function_does_can_be_exchanged_and_what_stands_beside_it_cannot() -> None:
    inside = [is_inside(SOURCE, each.put_into(SOURCE), each.where) for each in mutants(SOURCE)]
    assert inside == [False, *[True] * 10, False, True, True]


def test_every_mistake_in_decide_is_valid_python_and_says_something_else() -> None:
    count = 0
    for file in sorted(DECIDE.rglob("*.py")):
        source = file.read_text("utf-8")
        tree = ast.dump(ast.parse(source))
        for mutant in mutants(source):
            count += 1
            if count % 16:  # parsing all of them would take a quarter of a minute
                continue
            assert ast.dump(ast.parse(mutant.put_into(source))) != tree, f"{file}:{mutant.line} {mutant.key}"
    assert count > 1000


def test_what_is_explained_is_there() -> None:
    for file, key in EXPLAINED:
        source = (DECIDE.parent / file).read_text("utf-8")
        assert key in {mutant.key for mutant in mutants(source)}, (file, key)
