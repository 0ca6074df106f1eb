"""JSON from strangers: shallow, finite, each key once; or refused with what was found."""

from __future__ import annotations

import pytest

from reconciler.intake import json_body
from reconciler.intake.json_body import as_node, parse_json, parse_object
from reconciler.model.errors import Place, UserError


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{'a': 1}", "no JSON: .* line 1 column 2"),
        (b'"\xff"', "no UTF-8 at byte 2"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key `c` twice"),
        (b'{"a": NaN}', "`NaN`"),
        (b"[-Infinity]", "`-Infinity`"),
        (b"1e999", "the number `1e999`"),
        (b"1" * 41, "a whole number of 41 digits"),
        (b"[" * 33 + b"]" * 33, "nested deeper than 32 levels"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 32 levels"),
        (b'{"a":' * 100_000, "nested deeper than 32 levels"),
    ],
)
def test_what_is_no_plain_json_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(UserError, match=f"the body: {says}") as refused:
        parse_json(body, "the body")
    assert refused.value.expected


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_body, "VALUES_LIMIT", 3)
    assert parse_json(b"[1, 2]", "the body") == [1, 2]
    with pytest.raises(UserError, match="more than 3 values"):
        parse_json(b"[1, 2, 3]", "the body")


def test_what_files_cannot_hold_becomes_text_that_they_can() -> None:
    assert parse_json(b'"\\ud800x"', "x") == "\ufffdx"
    assert parse_json(b'{"\\udc00": "\\ud83d\\ude00"}', "x") == {"\ufffd": "\U0001f600"}
    assert parse_json(b"[123456789012345678, -1234567890123456789]", "x") == [
        123456789012345678,
        "-1234567890123456789",
    ]
    assert parse_json(b"\xef\xbb\xbf{}", "x") == {}


def test_an_object_is_an_object() -> None:
    for body in (b"[]", b"null", b'"x"', b"1", b"true"):
        with pytest.raises(UserError, match="at the top"):
            parse_object(body, "the body")


def test_as_nodes_a_value_is_what_it_was() -> None:
    value = {"a": [1, 2.5, True, None, "off", "+1"], "": {"b": {}}}
    node = as_node(value, Place("x"))
    assert node.plain() == value
