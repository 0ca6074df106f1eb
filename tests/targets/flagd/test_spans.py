"""Editing JSON text in place: for any file and any flag in it, nothing moves but what was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.targets.flagd import spans
from reconciler.targets.flagd.spans import BrokenTextError

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
objects = st.dictionaries(st.text(), values, max_size=5)
layouts = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 1, 2, "\t"]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\r\n ")]),
    }
)


@given(objects, layouts)
def test_members_are_found_where_they_are(data: dict[str, Any], layout: dict[str, Any]) -> None:
    text = json.dumps(data, **layout)
    found = spans.members(text, spans.root(text), "it")
    assert {name: member.value for name, member in found.items()} == data
    for member in found.values():
        assert json.loads(text[member.start : member.end]) == member.value
        assert text[member.begin] == '"'


@given(objects, layouts, objects)
def test_setting_members_gives_exactly_that(
    data: dict[str, Any], layout: dict[str, Any], wanted: dict[str, Any]
) -> None:
    text = json.dumps(data, **layout)
    there = spans.members(text, 0, "it")
    new = spans.edited(text, spans.set_members(text, 0, there, wanted))
    assert json.loads(new) == {**data, **wanted}
    assert list(json.loads(new)) == list({**data, **wanted})
    again = spans.members(new, 0, "it")
    for name, member in there.items():
        if name not in wanted:
            assert new[again[name].start : again[name].end] == text[member.start : member.end]


def test_nothing_to_set_is_no_edit() -> None:
    text = '{"a": 1.0}'
    assert spans.set_members(text, 0, spans.members(text, 0, "it"), {"a": 1.0}) == []


@pytest.mark.parametrize(("text", "line", "column"), [('{\n "a": 1,\n "a": 2}', 3, 2), ("[1]", 1, 1)])
def test_what_is_refused_has_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(BrokenTextError) as caught:
        spans.members(text, spans.root(text), "it")
    assert (caught.value.line, caught.value.column) == (line, column)
