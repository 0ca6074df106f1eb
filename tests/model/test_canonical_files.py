"""Machine-written files: the same bytes for the same data, read back exactly, and nothing else accepted."""

from __future__ import annotations

import json
import unicodedata
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.model import canonical
from reconciler.model.errors import BugError, UserError

QUICK = settings(deadline=None, max_examples=100)

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))

characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, max_size=20)
numbers = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(texts, plain, max_size=6)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down: 1 is not True and not 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@QUICK
@given(documents)
def test_what_is_written_is_read_back(data: dict[str, Any]) -> None:
    written = canonical.emit(data)
    assert same(canonical.read(written, "f"), data)
    assert canonical.emit(canonical.read(written, "f")) == written


@QUICK
@given(documents)
def test_what_is_written_is_yaml(data: dict[str, Any]) -> None:
    written = canonical.emit(data).decode()
    if "\\ud" in written:  # an invisible character beyond U+FFFF, which JSON and YAML escape differently
        return
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = False
    assert yaml.load(StringIO(written)) == data


@QUICK
@given(documents)
def test_what_is_written_shows_everything(data: dict[str, Any]) -> None:
    written = canonical.emit(data).decode()
    assert written.endswith("\n")
    hidden = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    assert [c for c in written if c != "\n" and unicodedata.category(c) in hidden] == []


@QUICK
@given(documents, st.data())
def test_a_changed_byte_is_refused_or_another_document(data: dict[str, Any], choice: st.DataObject) -> None:
    written = canonical.emit(data)
    at = choice.draw(st.integers(0, len(written) - 1))
    changed = written[:at] + choice.draw(st.binary(max_size=2)) + written[at + 1 :]
    try:
        found = canonical.read(changed, "f")
    except UserError:
        return
    assert canonical.emit(found) == changed


@QUICK
@given(st.binary(max_size=200) | st.text("ab01\"'{}[]:,- \n\\").map(str.encode))
def test_any_bytes_are_read_as_written_or_refused(content: bytes) -> None:
    try:
        found = canonical.read(content, "f")
    except UserError:
        return
    assert canonical.emit(found) == content


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_golden(golden: Path) -> None:
    data = json.loads(golden.read_text("utf-8"))
    expected = golden.with_suffix(".yaml").read_bytes()
    assert canonical.emit(data) == expected
    assert same(canonical.read(expected, "f"), data)


def test_there_are_golden_files() -> None:
    assert len(GOLDEN) >= 4


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"\n", 1),
        (b"a: 1", 1),
        (b"a: 1\n\n", 2),
        (b"\na: 1\n", 1),
        (b"a: 1 \n", 1),
        (b"a:  1\n", 1),
        (b"a:1\n", 1),
        (b"a: 1\r\n", 1),
        (b"a: 1\nb: x\n", 2),
        (b"a: 'x'\n", 1),
        (b"a: 01\n", 1),
        (b"a: +1\n", 1),
        (b"a: 1.50\n", 1),
        (b"a: 1e5\n", 1),
        (b"a: NaN\n", 1),
        (b"a: Infinity\n", 1),
        (b'"a": 1\n', 1),
        (b"on: 1\n", 1),
        (b"a b: 1\n", 1),
        (b"a: 1\na: 2\n", 2),
        (b'a: {"x":1}\n', 1),
        (b'a: {"x": 1}\n', 1),
        (b"a: [1, 2]\n", 1),
        (b'l:\n  - {"x": 1, "x": 2}\n', 2),
        (b"l:\n  - [1,2]\n", 2),
        (b"l:\n- 1\n", 2),
        (b"l:\n    - 1\n", 2),
        (b"l:\n  -  1\n", 2),
        (b"l:\n  - a: 1\n", 2),
        (b"l:\n  - 1\n  x: 1\n", 3),
        (b"l:\n  x: 1\n  - 1\n", 3),
        (b"l: []\n  - 1\n", 2),
        (b"- 1\n", 1),
        (b"  a: 1\n", 1),
        (b"a:\n", 1),
        (b"a:\nb: 1\n", 1),
        (b"a:\n   b: 1\n", 2),
        (b"a:\n    b: 1\n", 2),
        (b"a: 1\n  b: 1\n", 2),
        (b"a: {}\n  b: 1\n", 2),
        (b"a:\n  b: 1\n c: 1\n", 3),
        (b"# a comment\na: 1\n", 1),
        (b"a: 1 # one\n", 1),
        (b"---\na: 1\n", 1),
        (b'a: "\\u00e4"\n', 1),
        (b'a: "\\/"\n', 1),
        ('a: "\u202e"\n'.encode(), 1),
        (b'a: "\x1b"\n', 1),
        (b'a: "\\ud800"\n', 0),
        (b"a: 1\nb: \xff\n", 2),
        pytest.param(b"a: " + b"[" * 5000 + b"]" * 5000 + b"\n", 1, id="a tower"),
        pytest.param(b"a: " + b"9" * 5000 + b"\n", 1, id="5000 digits"),
        (b"{}", 1),
        (b"{} \n", 1),
    ],
)
def test_what_emit_would_not_write_is_refused_at_its_line(content: bytes, line: int) -> None:
    with pytest.raises(UserError) as caught:
        canonical.read(content, "state/desired.yaml")
    assert caught.value.place is not None
    assert caught.value.place.path == "state/desired.yaml"
    assert caught.value.place.line in (line, 0)
    assert "git revert" in caught.value.hint


def test_deep_indentation_is_refused_without_recursion() -> None:
    tower = "".join(f"{'  ' * depth}a:\n" for depth in range(5000)) + "  " * 5000 + "a: 1\n"
    with pytest.raises(UserError):
        canonical.read(tower.encode(), "f")


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), "\ud800", {1: "a"}, [{None: 1}], object(), {"a": b"bytes"}, {"\udc00": 1}],
)
def test_what_is_no_plain_data_is_a_bug(value: object) -> None:
    with pytest.raises(BugError):
        canonical.emit({"a": [value]})


def test_a_number_that_cannot_be_read_back_is_a_bug() -> None:
    for data in ({"a": 10**5000}, {"a": [10**5000]}):
        with pytest.raises(BugError):
            canonical.emit(data)


@pytest.mark.parametrize("key", [1, None, "\ud800"], ids=repr)
def test_keys_are_text(key: Any) -> None:
    with pytest.raises(BugError):
        canonical.emit({key: 1})
    with pytest.raises(BugError):
        canonical.emit({"a": {key: 1}})


def test_a_cycle_or_a_tower_is_a_bug() -> None:
    cycle: dict[str, Any] = {}
    cycle["a"] = cycle
    inline: list[Any] = []
    inline.append(inline)
    for data in (cycle, {"a": [inline]}):
        with pytest.raises(BugError):
            canonical.emit(data)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\nSigned-off-by: x", '"a\\nSigned-off-by: x"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("\u202eabc", '"\\u202eabc"'),
        ("\u2028", '"\\u2028"'),
        ("\ufeff", '"\\ufeff"'),
        ("a\u200bb", '"a\\u200bb"'),
        ("\x7f\x85", '"\\u007f\\u0085"'),
        ("\U000e0041", '"\\udb40\\udc41"'),
        ("1 → 2 ä 😀", '"1 → 2 ä 😀"'),
        (True, "true"),
        (None, "null"),
        (1.0, "1.0"),
        ({}, "{}"),
        ([], "[]"),
        ((1, "a"), '[1, "a"]'),
    ],
)
def test_values_are_json_on_one_line_with_hidden_characters_escaped(value: Any, written: str) -> None:
    assert canonical.text(value) == written


def test_the_order_of_keys_is_the_writers() -> None:
    assert canonical.emit({"b": 1, "a": 2}) == b"b: 1\na: 2\n"
    assert canonical.emit({"a": 2, "b": 1}) == b"a: 2\nb: 1\n"
