"""Paths to one value of a JSON document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.errors import UserError
from reconciler.model.json_path import parse_json_path

DOCUMENT = {"data": {"points": [{"value": 1}, {"value": 2}], "p 95": 3, "a.b": 4}, "null": None, "": 5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data.points[0].value", 1),
        ("$.data.points[-1].value", 2),
        ("$data.points[1].value", 2),
        ('data["p 95"]', 3),
        ('$["data"]["a.b"]', 4),
        (" data.points ", [{"value": 1}, {"value": 2}]),
        ("null", None),
        ('[""]', 5),
        ("$", DOCUMENT),
        ("", DOCUMENT),
    ],
)
def test_a_path_leads_to_one_place(text: str, value: Any) -> None:
    assert parse_json_path(text).find(DOCUMENT) == value


@pytest.mark.parametrize(
    "text",
    ["a..b", "a.*", "a[*]", "a[0:2]", "a[?(@.x)]", "a[", "a[x]", "a['x']", "a[0]b", "..", "a.", "a b", "a[9999999999]"],
)
def test_what_could_lead_to_several_places_is_no_path(text: str) -> None:
    with pytest.raises(UserError, match="is no path to one value"):
        parse_json_path(text)


def test_a_key_that_is_no_json_text_is_told() -> None:
    with pytest.raises(UserError, match="is no text in JSON"):
        parse_json_path(r'a["\q"]')


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("data.point", "`data` has no `point`", "did you mean `points`?"),
        ("x", "the answer has no `x`", ""),
        ("data.points[2]", r"`data.points` has 2 items, so there is no \[2\]", ""),
        ("data.points[-3]", "so there is no", ""),
        ("data.points.value", "`data.points` is a list, not an object", ""),
        ("data[0]", "`data` is an object, not a list", ""),
        ("null.x", "`null` is null, not an object", ""),
        ('data["p 95"].x', "`data.p 95` is a number, not an object", ""),
        ("data.points[0].value[0]", r"`data.points\[0\].value` is a number, not a list", ""),
    ],
)
def test_a_step_that_leads_nowhere_is_named(text: str, message: str, hint: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parse_json_path(text).find(DOCUMENT)
    assert caught.value.hint == hint


@settings(deadline=None)
@given(st.lists(st.text(max_size=5) | st.integers(0, 3), max_size=5))
def test_every_place_has_a_path(steps: list[str | int]) -> None:
    document: Any = 7
    for step in reversed(steps):
        document = [None] * step + [document] if isinstance(step, int) else {step: document}
    text = "".join(f"[{step}]" if isinstance(step, int) else f"[{json.dumps(step)}]" for step in steps)
    assert parse_json_path(text).find(document) == 7
