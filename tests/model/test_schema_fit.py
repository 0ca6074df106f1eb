"""Whether a document fits is the same as whether the validator has nothing against it, for every schema of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.schema import _fits, _validator, load_schema, schema_names
from reconciler.model.schema_fit import fitting

UNKNOWN = ("problem-event", "reconciler")
"""Schemas with a keyword that only the validator knows."""
KNOWN = tuple(name for name in schema_names() if name not in UNKNOWN)

WORDS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["title", "state", "open", "5m", "1", "tittle", "", "carts", "2026-11-21T10:00:00Z", "<600", "x\n"]
    ),
)
ATOMS = st.one_of(st.none(), st.booleans(), st.integers(-2, 2_000), st.floats(allow_nan=False), WORDS)
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8
)


def agree(name: str, document: Any) -> bool:
    fits = _fits(name)
    assert fits is not None
    fit = fits(document)
    assert fit == (next(_validator(name).iter_errors(document), None) is None), document
    return fit


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document: what holds it, and under which key."""
    keys = list(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield document, key
        yield from places(document[key])


def copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", KNOWN)
def test_the_examples_of_a_schema_fit(name: str) -> None:
    for example in load_schema(name).get("examples", ()):
        assert agree(name, example)


@pytest.mark.parametrize("name", KNOWN)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_example_with_something_else_in_it_is_judged_as_the_validator_does(name: str, data: st.DataObject) -> None:
    examples = load_schema(name).get("examples", [{}])
    document = copied(data.draw(st.sampled_from(examples)))
    for _ in range(data.draw(st.integers(1, 3))):
        found = list(places(document))
        if not found:
            break
        holder, key = data.draw(st.sampled_from(found))
        match data.draw(st.sampled_from(["other", "gone", "more"])):
            case "other":
                holder[key] = data.draw(VALUES)
            case "gone":
                del holder[key]
            case _ if isinstance(holder, dict):
                holder[data.draw(WORDS)] = data.draw(VALUES)
            case _:
                holder.append(data.draw(VALUES))
    agree(name, document)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(KNOWN), document=VALUES)
def test_anything_is_judged_as_the_validator_does(name: str, document: Any) -> None:
    agree(name, document)


@pytest.mark.parametrize(
    ("schema", "fit", "unfit"),
    [
        ({"type": "integer"}, [1, 1.0], [True, 1.5, "1", None]),
        ({"type": ["number", "null"], "minimum": 1, "maximum": 2}, [1, 2, None, 1.5], [0, 3, True]),
        ({"enum": ["on", True, None]}, ["on", True, None], [1, "off", False]),
        ({"const": "on"}, ["on"], ["off", True]),
        ({"pattern": "^a$"}, ["a", 1], ["a\n", "b"]),
        ({"oneOf": [{"minLength": 2}, {"maxLength": 3}]}, ["a", "abcd"], ["ab"]),
        ({"not": {"required": ["a"]}}, [{}, {"b": 1}], [{"a": 1}]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"maxProperties": 0}}, [{}], [{"a": 1}]),
        (
            {"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "null"}},
            [{"b": None}],
            [{"b": 1}],
        ),
        ({"propertyNames": {"maxLength": 1}, "items": {"type": "null"}}, [{"a": 1}, [None]], [{"ab": 1}, [1]]),
        ({"dependentRequired": {"a": ["b"]}}, [{"b": 1}, {"a": 1, "b": 1}], [{"a": 1}]),
        ({"properties": {"a": {"$ref": "#"}}, "required": ["a"]}, ["text", {"a": 1}], [{"a": {}}]),
    ],
)
def test_a_keyword_says_what_it_says_to_the_validator(schema: Any, fit: list[Any], unfit: list[Any]) -> None:
    fits = fitting("any", lambda _: schema, lambda *_: True)
    assert fits is not None
    assert [fits(each) for each in fit] == [True] * len(fit)
    assert [fits(each) for each in unfit] == [False] * len(unfit)


def test_a_keyword_that_is_not_known_is_left_to_the_validator() -> None:
    schema = {"$defs": {"a": {"uniqueItems": True}}, "properties": {"a": {"$ref": "#/$defs/a"}}}
    assert fitting("any", lambda _: schema, lambda *_: True) is None
    assert [name for name in schema_names() if _fits(name) is None] == list(UNKNOWN)
